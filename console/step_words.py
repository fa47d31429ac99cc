"""The Spanish words for steps: what each does, what it sends to whom, and why one is refused."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from incident_store.domain.incidents import Event, Kind, fold
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.notices import NoticeKind, NoticeState, notices_due
from incident_store.domain.policies import Responsible
from incident_store.domain.refusals import Reason
from incident_store.domain.steps import changed_by

ACTIONS: Mapping[EventKind, tuple[str, str]] = {
    EventKind.ANALYSIS_BEGAN: ("Iniciar el análisis", "Queda registrado quién analiza y desde cuándo."),
    EventKind.DIAGNOSED: ("Proponer diagnóstico", "Causa, responsable A/B/C y criticidad; el supervisor lo valida."),
    EventKind.VALIDATED: ("Validar el diagnóstico", "Lo propuesto pasa a contar para los plazos."),
    EventKind.DISPATCHED: ("Derivar", "Se entrega a quien debe resolver; desde aquí se espera su respuesta."),
    EventKind.RESPONSIBLE_ANSWERED: ("Registrar respuesta del responsable", "Detiene el plazo de respuesta."),
    EventKind.WAITING_BEGAN: ("Poner en espera", "El plazo de solución se detiene mientras dure."),
    EventKind.WAITING_ENDED: ("Terminar la espera", "El plazo de solución vuelve a correr."),
    EventKind.RESTORED: ("Confirmar el restablecimiento", "Con las pruebas hechas; detiene el plazo de solución."),
    EventKind.RCA_ASKED: ("Pedir el informe técnico (RCA)", "Se pide al proveedor el informe de la causa."),
    EventKind.RCA_RECEIVED: (
        "Registrar el RCA recibido",
        "Adjuntar el archivo como RCA registra lo mismo.",
    ),
    EventKind.CLOSED: ("Cerrar", "Termina la atención."),
    EventKind.ANNOUNCED: ("Registrar la comunicación", "Los interesados fueron informados."),
    EventKind.CONSOLIDATED: ("Consolidar en la matriz", "Entra a la matriz de control SLA; ya no cambia de estado."),
    EventKind.DISCARDED: ("Descartar", "No era una incidencia; deja de contar."),
    EventKind.REOPENED: ("Reabrir", "La falla volvió."),
    EventKind.CORRECTION_PROPOSED: ("Proponer corregir una hora", "Cuenta cuando otra persona la confirma."),
    EventKind.CORRECTED: ("Confirmar una hora corregida", "La hora anterior se conserva en el historial."),
    EventKind.NOTED: ("Agregar nota", "Queda en el historial; no cambia el estado."),
    EventKind.EXCLUSION_PROPOSED: (
        "Proponer una exclusión",
        "Minutos que no deben contar; otra persona decide.",
    ),
    EventKind.EXCLUSION_VALIDATED: ("Validar una exclusión", "Los minutos salen de la cifra contractual."),
    EventKind.EXCLUSION_REJECTED: ("Rechazar una exclusión", "Los minutos vuelven a contar."),
}
"""Name and effect of each step."""

NOTICES: Mapping[NoticeKind, str] = {
    NoticeKind.OPERATOR_ANSWER: "respuesta a quien reportó o a la empresa operadora",
    NoticeKind.PROVIDER_TICKET: "ticket al proveedor",
    NoticeKind.OTI_COORDINATION: "coordinación con OTI",
    NoticeKind.FOLLOW_UP: "seguimiento al responsable",
    NoticeKind.RCA_REQUEST: "pedido del informe técnico (RCA) al proveedor",
    NoticeKind.RESTORATION: "aviso de restablecimiento a los interesados",
    NoticeKind.REGULARISATION: "plazos de regularización a las empresas operadoras",
    NoticeKind.MAINTENANCE: "aviso de mantenimiento",
    NoticeKind.MONTHLY_REPORT: "informe mensual al Comité Técnico",
}
NOTICE_STATES: Mapping[NoticeState, str] = {
    NoticeState.DUE: "por redactar",
    NoticeState.DRAFT: "borrador por aprobar",
    NoticeState.APPROVED: "aprobado, por enviar",
    NoticeState.SENDING: "enviándose",
    NoticeState.SENT: "enviado",
    NoticeState.FAILED: "no entregado",
    NoticeState.DISMISSED: "descartado",
}

REFUSALS: Mapping[StrEnum, str] = {
    Reason.OUT_OF_ORDER: "En el estado actual este paso ya no corresponde. Revise qué cambió en el historial.",
    Reason.WRONG_ROLE: "Su rol no puede dar este paso.",
    Reason.FUTURE: "La hora está en el futuro; escriba cuándo ocurrió.",
    Reason.BEFORE_DETECTION: "La hora es anterior a la detección; corrija una de las dos.",
    Reason.WRONG_ORDER: "La hora contradice otra ya registrada.",
    Reason.MISSING_DETAIL: "Falta un dato obligatorio.",
    Reason.BAD_DETAIL: "Un dato no es válido para este paso.",
    Reason.NO_DIAGNOSIS: "Primero debe haber un diagnóstico validado.",
    Reason.OWN_CHANGE: "Usted propuso o validó este cambio: otra persona debe validarlo (cuatro ojos).",
    Reason.NOT_RESTORED: "Primero debe confirmarse el restablecimiento.",
    Reason.STILL_FIRING: "Las alertas dicen otra cosa: espere a que terminen, o escriba el motivo.",
    Reason.WAS_RESTORED: "Fue real y se restableció una vez: confirme el restablecimiento en lugar de descartar.",
    Reason.NOTHING_PROPOSED: "No hay nada propuesto sobre lo que decidir.",
    Reason.QUESTION: "Una consulta no tiene restablecimiento: ciérrela con su respuesta.",
    Reason.UNKNOWN_COMPONENT: "Nada vigilado se llama así.",
}
ABOUT_TIME = frozenset({Reason.FUTURE, Reason.BEFORE_DETECTION, Reason.WRONG_ORDER})
"""Refusals that belong beside the field of the time."""


def sends(events: Sequence[Event], kind: Kind, step: EventKind) -> list[str]:
    """What a step would send, in words; by the same decision that will write it."""
    if step is EventKind.DISPATCHED and fold(events).responsible is Responsible.NOBODY:
        return []
    now = max(event.recorded_at for event in events)
    return [NOTICES[notice] for notice in notices_due(events, Event(step, now, now), kind)]


def four_eyes(events: Sequence[Event], person: str) -> str | None:
    """Why this person cannot validate the diagnosis that waits, in words; None when they can."""
    return REFUSALS[Reason.OWN_CHANGE] if not fold(events).validated and changed_by(events, person) else None
