"""The Spanish labels of form fields, for pages that show what was typed outside its form."""

LABELS = {
    "at": "Cuándo ocurrió (Lima)",
    "cause": "Causa",
    "channel": "Canal",
    "days": "Días de vigencia",
    "component": "Componente",
    "components": "Componente",
    "detected_at": "Detectada (Lima)",
    "ends": "Hasta (Lima)",
    "event": "Hecho",
    "from": "Desde",
    "incident": "Incidencia N°",
    "kind": "Tipo",
    "late_reason": "Por qué se registra recién ahora",
    "note": "Nota",
    "name": "Nombre",
    "person": "Persona",
    "purpose": "Uso del archivo",
    "reason": "Motivo",
    "responsible": "Responsable",
    "role": "Rol",
    "service": "Servicio",
    "severity": "Criticidad",
    "starts": "Desde (Lima)",
    "subject": "Asunto",
    "tests": "Pruebas de confirmación",
    "text": "Texto",
    "title": "Qué ocurre",
    "to": "Derivada a",
    "token": "Clave",
    "unavailability": "Indisponibilidad",
    "until": "Hasta",
    "verdict": "Decisión",
}
HIDDEN = frozenset({"mark", "seen"})
"""Fields that nobody typed."""


def label(name: str) -> str | None:
    """How a field is called; None for one that nobody typed."""
    plain = name.rsplit("-", 1)[-1]
    return None if plain in HIDDEN else LABELS.get(plain, plain)
