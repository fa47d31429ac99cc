"""The Spanish words of the report, and how dates, spans and percentages are written."""

import re
from collections.abc import Mapping
from datetime import date, datetime

from incident_store.domain.availability import MinuteState, Verdict
from incident_store.domain.clocks import ClockState
from incident_store.domain.lifecycle import State
from incident_store.domain.policies import ClockName, Responsible
from incident_store.words import CLOCK_STATES, CLOCKS, RESPONSIBLES, STATES
from reports.gathering import LIMA
from reports.monthly_report import Clock, Note, Status

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")
LONGEST_TEXT = 2000
DEFAULT = "valor por defecto, no contractual"

MONTHS = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "setiembre", "octubre", "noviembre", "diciembre",
)  # fmt: skip
VERDICTS = {
    Verdict.MET: "Cumple",
    Verdict.MISSED: "No cumple",
    Verdict.MET_AS_SEEN: "Cumple en lo observado",
    Verdict.MISSED_AS_SEEN: "No cumple en lo observado",
    Verdict.NO_DATA: "Sin datos",
}
MINUTE_STATES = {
    MinuteState.UP: "operativo",
    MinuteState.DOWN: "caído",
    MinuteState.UNKNOWN: "desconocido",
    MinuteState.MAINTENANCE: "mantenimiento",
}
STATUSES = {Status.FINAL: "mes completo", Status.PROVISIONAL: "provisional", Status.INCOMPLETE: "incompleto"}
COMBINATIONS = {"all": "todos", "any": "alguno"}
TIMES = {
    "fault_began": "Inicio de la falla",
    "detected": "Detección",
    "recorded": "Registro",
    "diagnosed": "Diagnóstico",
    "validated": "Validación",
    "dispatched": "Derivación (ticket)",
    "responsible_answered": "Respuesta del responsable",
    "restored": "Restablecimiento",
    "rca_asked": "Pedido de RCA",
    "rca_received": "RCA recibido",
    "closed": "Cierre",
    "announced": "Comunicación",
}
LOAD_STATES = {
    "expected": "esperado", "received": "recibido", "validating": "en validación", "queued": "en cola",
    "processing": "en proceso", "processed": "procesado", "observed": "con observaciones", "missing": "no recibido",
    "late": "tardío", "rejected": "rechazado", "failed": "error de proceso", "reprocessing": "reproceso manual",
    "regularised": "regularizado", "other": "otro",
}  # fmt: skip
LOAD_SIGNS = {
    "expected": "E", "received": "R", "validating": "V", "queued": "C", "processing": "P", "processed": "·",
    "observed": "o", "missing": "N", "late": "T", "rejected": "X", "failed": "F", "reprocessing": "M",
    "regularised": "g", "other": "?",
}  # fmt: skip
OUTCOMES = {"processed": "procesados", "observed": "observados", "rejected": "rechazados", "failed": "con error"}
NOTES = {
    "provisional": "El mes no ha terminado: las cifras son provisionales, con datos hasta el {moment}.",
    "prometheus_away": "Prometheus no respondió; sus minutos figuran como desconocidos: {detail}",
    "loads_away": "No se obtuvieron las cargas de archivos: {detail}",
    "data_from": "Hay datos desde el {moment}; los {subject} minutos anteriores del mes son desconocidos.",
    "never_seen": "{subject}: sin ninguna muestra en el mes; todos sus minutos son desconocidos.",
    "seen_from": "{subject}: con muestras solo desde el {moment}.",
    "seen_until": "{subject}: sin muestras desde el {moment}.",
    "undeclared": "{subject}: no figura en targets.yml (renombrado o retirado); se informa con sus muestras.",
    "policy": "Acuerdo de servicio incompleto: {detail}",
    "targets": "targets.yml no se pudo leer del todo: {detail}",
    "without_restoration": "Incidencia {subject} ({detail}): sin restablecimiento confirmado; se considera abierta.",
    "without_target": "Incidencia {subject}: sin plazo declarado para {detail}.",
}


def note_text(note: Note) -> str:
    """A note as a sentence."""
    moment = ""
    if "{moment}" in NOTES[note.kind]:
        moment = local(datetime.fromisoformat(note.detail))
    return NOTES[note.kind].format(subject=plain(note.subject), detail=plain(note.detail), moment=moment)


def plain(text: str) -> str:
    """Text from outside as it stands, without characters that steer what shows it, and not without end."""
    shown = CONTROL.sub("�", text)
    return shown if len(shown) <= LONGEST_TEXT else f"{shown[:LONGEST_TEXT]}…"


def month_name(month: str) -> str:
    """`octubre de 2026`."""
    return f"{MONTHS[int(month[5:]) - 1]} de {month[:4]}"


def local(moment: datetime | None) -> str:
    """A moment as people in Lima write it; nothing for None."""
    return "" if moment is None else moment.astimezone(LIMA).strftime("%d/%m/%Y %H:%M:%S")


def day(one: date) -> str:
    """`05/10/2026`."""
    return one.strftime("%d/%m/%Y")


def percent(value: float | None) -> str:
    """`99,9871 %`; a dash where nothing is known."""
    return "—" if value is None else f"{value:.4f} %".replace(".", ",")


def target(value: float, *, contractual: bool) -> str:
    """A target, with the word that it is none of a contract's."""
    shown = f"{value:g} %".replace(".", ",")
    return shown if contractual else f"{shown} ({DEFAULT})"


def whole(number: float) -> str:
    """`44 640`, with narrow spaces."""
    return f"{number:,.0f}".replace(",", "\u202f")


def span(seconds: float) -> str:
    """`52 h 5 min 30 s`, without the parts that are nothing; never in days, which are not 24 working hours."""
    rest = round(seconds)
    parts = []
    for unit, size in (("h", 3600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"


def clock_target(clock: Clock) -> str:
    """How long a clock may run: `4 h`, or `24 h hábiles` where only the hours of a calendar count."""
    return span(clock.target_seconds) + (" hábiles" if clock.working_hours else "")


def word(words: Mapping[str, str], given: str) -> str:
    """The Spanish word for a value, or the value itself when it is one that nobody foresaw."""
    return words.get(given, plain(given))


def responsible(given: str) -> str:
    """Whose fault."""
    return RESPONSIBLES[Responsible(given)]


def state(given: str) -> str:
    """An incident's state."""
    return STATES[State(given)]


def clock(given: str) -> str:
    """A clock's name."""
    return CLOCKS[ClockName(given)]


def clock_state(given: str) -> str:
    """What a clock says."""
    return CLOCK_STATES[ClockState(given)]


def combination(given: str, needed: int, components: int) -> str:
    """How a service follows from its components."""
    return COMBINATIONS.get(given, f"al menos {needed} de {components}")
