"""The Spanish labels of form fields, for pages that show what was typed outside its form."""

LABELS = {
    "at": "Cuándo ocurrió (Lima)",
    "cause": "Causa",
    "channel": "Canal",
    "days": "Días de vigencia",
    "component": "Componente",
    "detected_at": "Detectada (Lima)",
    "event": "Hecho",
    "from": "Desde",
    "kind": "Tipo",
    "name": "Nombre",
    "person": "Persona",
    "purpose": "Uso del archivo",
    "reason": "Motivo",
    "responsible": "Responsable",
    "role": "Rol",
    "service": "Servicio",
    "severity": "Criticidad",
    "subject": "Asunto",
    "tests": "Pruebas de confirmación",
    "text": "Texto",
    "title": "Qué ocurre",
    "to": "Derivada a",
    "token": "Clave",
    "unavailability": "Indisponibilidad",
    "until": "Hasta",
}
HIDDEN = frozenset({"seen"})
"""Fields that nobody typed."""


def label(name: str) -> str | None:
    """How a field is called; None for one that nobody typed."""
    plain = name.rsplit("-", 1)[-1]
    return None if plain in HIDDEN else LABELS.get(plain, plain)
