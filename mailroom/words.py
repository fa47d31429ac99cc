"""The Spanish words of the mailroom for what people read."""

from incident_store.domain.notices import NoticeKind, NoticeState
from incident_store.inbox import Nature
from incident_store.mail_ways import Way
from incident_store.outbox import Outcome

KINDS = {
    NoticeKind.OPERATOR_ANSWER: "Respuesta al operador",
    NoticeKind.PROVIDER_TICKET: "Ticket al proveedor",
    NoticeKind.OTI_COORDINATION: "Coordinación con OTI",
    NoticeKind.FOLLOW_UP: "Seguimiento",
    NoticeKind.RCA_REQUEST: "Pedido de informe técnico (RCA)",
    NoticeKind.RESTORATION: "Aviso de restablecimiento",
    NoticeKind.REGULARISATION: "Plazos de regularización",
    NoticeKind.MAINTENANCE: "Aviso de mantenimiento",
    NoticeKind.MONTHLY_REPORT: "Informe mensual",
}
STATES = {
    NoticeState.DUE: "por redactar",
    NoticeState.DRAFT: "borrador, por aprobar",
    NoticeState.APPROVED: "aprobado, por enviar",
    NoticeState.SENDING: "enviándose",
    NoticeState.SENT: "enviado",
    NoticeState.FAILED: "no entregado",
    NoticeState.DISMISSED: "descartado",
}
OUTCOMES = {
    Outcome.PENDING: "pendiente",
    Outcome.SENT: "entregado a su servidor",
    Outcome.FAILED: "rechazado",
    Outcome.BOUNCED: "devuelto",
}
NATURES = {
    Nature.REPORT: "reporte",
    Nature.REPLY: "respuesta",
    Nature.OWN: "propio",
    Nature.BOUNCE: "devolución",
    Nature.AUTO_REPLY: "respuesta automática",
    Nature.LIST: "lista",
}
WAYS = {Way.SMTP: "El envío de correo", Way.IMAP: "El buzón", Way.TICKETS: "El sistema de tickets"}
