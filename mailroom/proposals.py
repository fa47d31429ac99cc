"""What a mail suggests, for a person to decide: its incident, what it reports, whether it is the responsible's answer.

Pure functions of the mail, the contacts and the open incidents.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_store.domain.lifecycle import TRANSITIONS, EventKind, State
from mailroom.contacts import Hint, Party, PartyKind
from mailroom.parsing import Mail

TRANSIT = timedelta(minutes=15)
"""How far the sender's own clock may be before ours: delivery takes minutes. What lies further back is not believed,
for the answer of a responsible stops a clock."""
READ = 2000
SUBJECT_TOKEN = re.compile(r"\[RENTESEG-(\d{1,18})\]")

RESPONSIBLES = {"A": PartyKind.OPERATOR, "B": PartyKind.PROVIDER, "C": PartyKind.OTI}


@dataclass(frozen=True)
class OpenIncident:
    """An incident that a mail may belong to: its state, responsible (A, B, C), whom it was dispatched to, and whether
    the responsible has answered."""

    number: int
    state: State
    responsible: str
    dispatched_to: str
    dispatched_at: datetime | None
    answered: bool


def subject_incident(subject: str) -> int | None:
    """The number in the subject's mark, None without one."""
    found = SUBJECT_TOKEN.search(subject)
    return int(found[1]) if found else None


def received_at(mail: Mail, in_mailbox: datetime, now: datetime) -> datetime:
    """When the mail reached our own server: the topmost Received header, which that server wrote, or what the mailbox
    says where that is earlier or there is none. Never later than now."""
    times = [at for at in (mail.arrived_at, in_mailbox) if at is not None and at <= now]
    return min(times, default=now)


def answer_time(mail: Mail, arrived: datetime, dispatched_at: datetime | None) -> tuple[datetime, str]:
    """The mail's own time for the responsible's answer, and why that one.

    The Date header is the sender's clock: it counts when it lies at most `TRANSIT` before the arrival and not after it.
    Otherwise, and where it lies before the dispatch that it answers, the arrival at our server counts, which the sender
    cannot choose.
    """
    written = mail.written_at
    if written is None:
        return arrived, "hora de llegada: el correo no dice cuándo se escribió"
    if written > arrived:
        return arrived, "hora de llegada: la del remitente está en el futuro"
    if written < arrived - TRANSIT:
        return arrived, "hora de llegada: la del remitente es muy anterior"
    if dispatched_at is not None and written < dispatched_at <= arrived:
        return arrived, "hora de llegada: la del remitente es anterior a la derivación"
    return written, "hora del remitente"


def answers(mail_party: Party | None, incident: OpenIncident) -> bool:
    """Whether a mail of this party would be the responsible's first answer in this incident."""
    if mail_party is None or incident.answered or incident.dispatched_at is None:
        return False
    possible = EventKind.RESPONSIBLE_ANSWERED in TRANSITIONS[incident.state]
    return possible and is_responsible(mail_party, incident)


def is_responsible(party: Party, incident: OpenIncident) -> bool:
    """Whether the party is whom the incident was handed to: by name, or by its kind where the name says nothing."""
    if incident.dispatched_to.casefold() in party.words:
        return True
    return RESPONSIBLES.get(incident.responsible) is party.kind and party.kind is not PartyKind.OPERATOR


def likely_incident(party: Party | None, incidents: Sequence[OpenIncident]) -> int | None:
    """The one open incident that waits for this party; None when there are none or several."""
    if party is None:
        return None
    waiting = [one.number for one in incidents if one.dispatched_at is not None and is_responsible(party, one)]
    return waiting[0] if len(waiting) == 1 else None


def suggestion(subject: str, text: str, hints: Iterable[Hint]) -> Mapping[str, str]:
    """Kind, component, service and severity that the words of a mail suggest; the first hint that says so counts."""
    words = f" {_plain(subject)} {_plain(text[:READ])} "
    found: dict[str, str] = {}
    for hint in hints:
        if any(f" {_plain(word)} " in words for word in hint.words):
            said = {"kind": hint.kind, "component": hint.component, "service": hint.service, "severity": hint.severity}
            found = {**{name: value for name, value in said.items() if value}, **found}
    return found


def _plain(text: str) -> str:
    """Lower-case words without accents, one space between them."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(re.sub(r"[^\w]+|_", " ", "".join(one for one in letters if not unicodedata.combining(one))).split())
