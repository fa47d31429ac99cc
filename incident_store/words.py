"""The Spanish words for what people read; identifiers stay English."""

from incident_store.domain.clocks import ClockState
from incident_store.domain.incidents import EventKind
from incident_store.domain.policies import ClockName, Responsible

RESPONSIBLES = {
    Responsible.OPERATOR: "A operador",
    Responsible.PROVIDER: "B proveedor",
    Responsible.OTI: "C OTI",
    Responsible.NOBODY: "sin determinar",
}
CLOCKS = {ClockName.RESPONSE: "Respuesta", ClockName.RESOLUTION: "Solución"}
CLOCK_STATES = {
    ClockState.RUNNING: "en curso",
    ClockState.PAUSED: "en pausa",
    ClockState.MET: "cumplido",
    ClockState.BREACHED: "vencido",
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
}
