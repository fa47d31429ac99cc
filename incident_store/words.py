"""The Spanish words for what people read; identifiers stay English."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo

from incident_store.domain.attribution import Ground
from incident_store.domain.calendars import Closed
from incident_store.domain.clocks import ClockState
from incident_store.domain.incident_clocks import BACK
from incident_store.domain.lifecycle import EventKind, State
from incident_store.domain.maintenance import Stage, WindowEventKind
from incident_store.domain.policies import ClockName, Responsible
from incident_store.domain.regularisations import Standing

LIMA = ZoneInfo("America/Lima")

RESPONSIBLES = {
    Responsible.OPERATOR: "A operador",
    Responsible.PROVIDER: "B proveedor",
    Responsible.OTI: "C OTI",
    Responsible.NOBODY: "sin determinar",
}
CLOCKS = {ClockName.RESPONSE: "Respuesta", ClockName.RESOLUTION: "Solución", ClockName.RCA: "Informe técnico (RCA)"}
CLOCK_STATES = {
    ClockState.RUNNING: "en curso",
    ClockState.PAUSED: "en pausa",
    ClockState.MET: "cumplido",
    ClockState.BREACHED: "vencido",
}
STATES = {
    State.DETECTED: "Detectada",
    State.IN_ANALYSIS: "En análisis",
    State.VALIDATED: "Diagnóstico validado",
    State.DISPATCHED: "Derivada",
    State.IN_ATTENTION: "En atención",
    State.WAITING: "En espera",
    State.RESTORED: "Restablecida",
    State.CLOSED: "Cerrada",
    State.CONSOLIDATED: "Consolidada",
    State.DISCARDED: "Descartada",
    State.REOPENED: "Reabierta",
}
DETAILS = {
    "severity": "criticidad",
    "responsible": "responsable",
    "evidence": "indicio",
    "fingerprint": "huella",
    "alertname": "alerta",
    "ended_by": "fin conocido por",
    "reason": "motivo",
    "cause": "causa",
    "tests": "pruebas",
    "to": "derivada a",
    "channel": "canal",
    "previous": "incidencia anterior",
    "event": "hecho",
    "proposal": "propuesta",
    "from": "desde",
    "until": "hasta",
    "text": "texto",
    "message": "correo",
    "notice": "aviso",
    "ticket": "ticket",
    "name": "nombre",
    "sha256": "SHA-256",
    "size": "bytes",
    "media_type": "tipo",
    "purpose": "uso",
    "unavailability": "indisponibilidad",
    "loads": "cargas",
    "load": "carga",
    "moment": "momento",
    "missing": "no se pudo obtener",
    "snapshot": "según la evidencia",
    "monitor_blind": "monitoreo ciego",
    "all_down": "nada respondía, de nadie",
    "link_down": "enlace caído",
    "behind_link_down": "tampoco respondía lo que está detrás",
    "behind_link_up": "detrás del mismo enlace sí respondía",
    "owner": "dueño del componente",
    "same_owner_down": "también caído del mismo dueño",
    "others_down": "también caído de otros",
    "alone": "único componente caído",
    "none_down": "ningún componente caído en ese minuto",
}
VALUES = {
    "fires_again": "la alerta volvió a dispararse",
    "earlier_start": "se conoció un inicio anterior",
    "relapse": "recaída",
    "resolved": "aviso de fin",
    "unseen": "la alerta siguiente",
    "nobody": "sin determinar",
    "provider": "proveedor",
    "operator": "operador",
    "oti": "OTI",
    "true": "sí",
    "log": "registro (log)",
    "capture": "captura",
    "rca": "informe técnico (RCA)",
    "other": "otro",
    "confirmed": "confirmada",
    "none": "no hubo",
    "owner=provider": "componente del proveedor",
    "owner=operator": "componente del operador",
    "owner=oti": "componente de OTI",
}
EVENTS = {
    EventKind.FAULT_BEGAN: "Inicio de la falla",
    EventKind.DETECTED: "Detección",
    EventKind.RECORDED: "Registro",
    EventKind.SEVERITY_SET: "Criticidad",
    EventKind.SUSPECTED: "Responsable sospechado",
    EventKind.EPISODE_ATTACHED: "Alerta asociada",
    EventKind.FLAPPING: "Oscila (la alerta va y viene)",
    EventKind.RESTORATION_PROPOSED: "Restablecimiento propuesto",
    EventKind.RESTORATION_WITHDRAWN: "Propuesta retirada",
    EventKind.RESPONSIBLE_ANSWERED: "Respuesta del responsable",
    EventKind.RESTORED: "Restablecimiento confirmado",
    EventKind.ANALYSIS_BEGAN: "Inicio del análisis",
    EventKind.DIAGNOSED: "Diagnóstico propuesto",
    EventKind.VALIDATED: "Diagnóstico validado",
    EventKind.DISPATCHED: "Derivación",
    EventKind.WAITING_BEGAN: "Inicio de espera",
    EventKind.WAITING_ENDED: "Fin de espera",
    EventKind.RCA_ASKED: "Pedido de informe técnico",
    EventKind.RCA_RECEIVED: "Informe técnico recibido",
    EventKind.CLOSED: "Cierre",
    EventKind.ANNOUNCED: "Comunicación a los interesados",
    EventKind.CONSOLIDATED: "Consolidación en la matriz",
    EventKind.DISCARDED: "Descarte",
    EventKind.REOPENED: "Reapertura",
    EventKind.CORRECTION_PROPOSED: "Corrección de hora propuesta",
    EventKind.CORRECTED: "Corrección de hora",
    EventKind.NOTED: "Nota",
    EventKind.EXCLUSION_PROPOSED: "Exclusión propuesta",
    EventKind.EXCLUSION_VALIDATED: "Exclusión validada",
    EventKind.EXCLUSION_REJECTED: "Exclusión rechazada",
    EventKind.ATTACHED: "Archivo adjunto",
    EventKind.REGULARISATION_ANNOUNCED: "Regularización pendiente",
    EventKind.REGULARISED: "Carga regularizada",
    EventKind.EVIDENCE_TAKEN: "Evidencia de la apertura",
}

REGULARISATION_STANDINGS = {
    Standing.OPEN: "Pendiente",
    Standing.LATE: "Vencida",
    Standing.DONE: "Regularizada",
    Standing.DONE_LATE: "Regularizada fuera de plazo",
}
WINDOW_STAGES = {
    Stage.PLANNED: "Planificado",
    Stage.APPROVED: "Aprobado",
    Stage.ANNOUNCED: "Comunicado",
    Stage.EFFECTIVE: "En curso",
    Stage.ENDED: "Terminado",
    Stage.LAPSED: "Sin aprobación",
    Stage.CANCELLED: "Cancelado",
}
WINDOW_DETAILS = {
    "components": "componentes",
    "service": "servicio",
    "from": "desde",
    "to": "hasta",
    "reason": "motivo",
    "late_reason": "por qué se registra después",
}
WINDOW_EVENTS = {
    WindowEventKind.PLANNED: "Planificado",
    WindowEventKind.APPROVED: "Aprobado",
    WindowEventKind.ANNOUNCED: "Comunicado",
    WindowEventKind.SHORTENED: "Acortado",
    WindowEventKind.CANCELLED: "Cancelado",
}

CONDITIONS = {
    "up": "Disponible",
    "down": "Caído",
    "unknown": "Estado desconocido",
    "unseen": "Sin muestras",
}
PARTS = {
    "states": "el estado del componente",
    "latency": "los tiempos de respuesta",
    "failures": "los motivos de falla",
    "around": "el estado de los demás componentes",
    "monitor_blind": "si el monitoreo estaba ciego",
    "loads": "el estado de los archivos",
    "rules": "la regla y su valor",
}
LACKS = {
    "no_samples": "Prometheus no tiene muestras de ese momento",
    "no_rule": "Prometheus ya no tiene la regla",
    "no_alert": "la incidencia no se abrió por una alerta",
    "refused": "Prometheus rechazó la consulta",
    "not_understood": "la respuesta no se entiende",
    "away": "Prometheus no respondió",
}
LOAD_STATES = {
    "expected": "esperado",
    "received": "recibido",
    "validating": "validando",
    "queued": "encolado",
    "processing": "procesando",
    "missing": "no recibido",
    "late": "tardío",
    "rejected": "rechazado",
    "failed": "error de proceso",
    "reprocessing": "en reproceso manual",
    "other": "en otro estado",
}

GROUNDS = {
    Ground.MONITOR_BLIND: "El monitoreo no alcanzaba nada en ese minuto: la falla puede ser de su propia red.",
    Ground.ALL_DOWN: "En ese minuto no respondía nada, de ningún responsable: {}.",
    Ground.LINK_DOWN: "El enlace {} no respondía en ese minuto.",
    Ground.BEHIND_LINK_DOWN: "Tampoco respondía nada de lo que está detrás de ese enlace: {}.",
    Ground.BEHIND_LINK_UP: "Detrás del mismo enlace sí respondía: {}.",
    Ground.OWNER: "El componente es responsabilidad de: {}.",
    Ground.SAME_OWNER_DOWN: "Del mismo responsable tampoco respondía: {}.",
    Ground.OTHERS_DOWN: "De otros responsables tampoco respondía: {}.",
    Ground.ALONE: "Ningún otro componente estaba caído en ese minuto.",
    Ground.NONE_DOWN: "Ningún componente estaba caído en ese minuto.",
}
ANSWERS = {
    Responsible.OPERATOR: """\
A la empresa operadora: de acuerdo con lo verificado, el RENTESEG opera con normalidad y la falla se observa en el lado
de su empresa. Se le solicita revisar sus sistemas y su enlace, e informar el resultado. El reporte no procede como
indisponibilidad del RENTESEG.""",
    Responsible.PROVIDER: """\
Al proveedor: se registra la indisponibilidad descrita y se solicita su atención con la urgencia que corresponde a su
criticidad, confirmar la recepción, informar el avance y comunicar el restablecimiento. Los archivos afectados se
reprocesan cuando el servicio se restablezca.""",
    Responsible.OTI: """\
A OTI: los indicios apuntan a los enlaces de OSIPTEL. Se coordina su revisión (VPN, Internet) y se solicita informar
la causa y la hora del restablecimiento.""",
    Responsible.NOBODY: """\
Falta determinar el responsable. Antes de derivar: confirmar la falla con una prueba desde otra red, revisar el enlace y
preguntar al proveedor y a OTI por trabajos en curso.""",
}
ENDED_ANSWERS = {
    State.RESTORED: "Falta comunicarlo a los interesados y cerrar la incidencia.",
    State.CLOSED: "La atención está cerrada: no queda respuesta por proponer.",
    State.CONSOLIDATED: "La atención está cerrada y consolidada: no queda respuesta por proponer.",
    State.DISCARDED: "El registro fue descartado: no queda respuesta por proponer.",
}


REASONS = {
    Closed.HOURS.value: "fuera de horario",
    Closed.HOLIDAY.value: "feriado",
    "paused": "en pausa",
    BACK: "restablecida, hasta la recaída",
    **{state.value: f"en estado {name.lower()}" for state, name in STATES.items() if state.value != BACK},
}
"""Why time does not count, where the reason is a word of ours; holidays and waits bring their own."""

FAILURES = {
    "resolve": "su nombre no se resuelve",
    "refused": "conexión rechazada",
    "unreachable": "inalcanzable",
    "reset": "conexión cortada",
    "timeout_connect": "no aceptó la conexión a tiempo",
    "timeout_tls": "no acordó TLS a tiempo",
    "timeout_response": "no respondió a tiempo",
    "tls_handshake": "el acuerdo TLS falló",
    "tls_expired": "certificado fuera de fecha",
    "tls_untrusted": "certificado no confiable",
    "tls_name": "certificado de otro nombre",
    "protocol": "respuesta de otro protocolo",
    "status": "respondió con un código de error",
    "body": "el texto de la respuesta no es el esperado",
    "login": "acceso rechazado",
    "query": "la consulta falló",
    "value": "un valor de la respuesta no es el esperado",
    "configuration": "configuración de la prueba",
    "internal": "falla interna de la prueba",
}
"""Why probes fail, by the exporter's word."""


def failure(reason: str) -> str:
    """Why a probe failed, with the exporter's word by which it is found in logs and metrics."""
    return f"{FAILURES[reason]} ({reason})" if reason in FAILURES else reason


def details_in_words(details: Mapping[str, str]) -> str:
    """What an event says besides its time, in Spanish."""
    return "; ".join(f"{DETAILS.get(name, name)}: {_value(name, value)}" for name, value in details.items())


def _value(name: str, value: str) -> str:
    if name == "missing":
        return ", ".join(PARTS.get(part, part) for part in value.split(", "))
    if name in {"from", "until", "moment"}:
        with suppress(ValueError, OverflowError):
            return lima(datetime.fromisoformat(value))
    return VALUES.get(value, value)


def lima(moment: datetime) -> str:
    """A time as people in Lima write it, to the second."""
    return moment.astimezone(LIMA).strftime("%d/%m/%Y %H:%M:%S")
