"""What is sent and answered about incidents; these models check requests and answers, and document both."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Base64Bytes, Field, WithJsonSchema

from console.api.values import Asked, Count, Flag, Line, Many, Moment, Named, Query, Text, Told, Word
from incident_store.attachments import Purpose
from incident_store.domain.clocks import ClockState
from incident_store.domain.episodes import EndedBy
from incident_store.domain.incidents import Kind
from incident_store.domain.lifecycle import ROLES, EventKind, State
from incident_store.domain.policies import ClockName, Responsible, Severity
from incident_store.domain.regularisations import Standing
from incident_store.snapshots import Snapshot

StepKind = Annotated[EventKind, WithJsonSchema({"type": "string", "enum": [kind.value for kind in ROLES]})]
"""The steps that people take; what the monitoring records is not theirs to write, and refused as such."""

MOST_AT_ONCE = 200
USUAL_AT_ONCE = 50
Limit = Annotated[int, Field(ge=1, le=MOST_AT_ONCE)]


class Stretch(Told):
    """A stretch of time that a clock counted, or why it did not."""

    from_: Annotated[datetime, Field(alias="from")]
    to: datetime
    counts: bool
    reason: str


class ClockFigures(Told):
    """One SLA clock; `due` is null during a pause, `contractual` says whether the target stands in a contract."""

    target_seconds: float
    contractual: bool
    due: datetime | None
    elapsed_seconds: float
    remaining_seconds: float
    state: ClockState


class EarlierDueTold(Told):
    """When a clock was due until a change of severity or responsible, written down at `until`, judged it anew."""

    due: datetime
    severity: Severity
    responsible: Responsible
    until: datetime


class ExplainedClock(ClockFigures):
    """One SLA clock with every stretch from its start on, and why it counted or not; whose the counted time was, which
    sums exactly to `elapsed_seconds`; and its earlier due times, oldest first."""

    explanation: list[Stretch]
    seconds_by_responsible: dict[Responsible, float]
    earlier_dues: list[EarlierDueTold]


class EpisodeTold(Told):
    """One continuous firing of one alert."""

    fingerprint: str
    started_at: datetime
    ended_at: datetime | None
    ended_by: EndedBy | None
    to_verify: bool
    labels: dict[str, str]


class EventTold(Told):
    """One thing that happened; `number` is its place in the incident's history, from 1."""

    number: int
    kind: EventKind
    at: datetime
    recorded_at: datetime
    author: str
    details: dict[str, str]


class AllowedStep(Told):
    """A step that the asking person may take now, and the details it must say."""

    kind: EventKind
    needs: list[str]


class RegularisationTold(Told):
    """A load that an operator owes because of the incident, until when, and what became of it."""

    operator: str
    file_type: str
    data_day: date
    due: datetime
    processed_at: datetime | None
    standing: Standing


class FileTold(Told):
    """A file of the incident; `attachment` is its place among them, from 1."""

    attachment: int
    name: str
    sha256: str
    size: int
    media_type: str
    purpose: str
    author: str
    at: datetime


class FileKept(FileTold):
    """A file of the incident with its bytes, verified against its SHA-256; `content` is in base64."""

    content: Base64Bytes


class NewFile(Asked):
    """A file to be attached. An `rca` that comes first after a restoration is also its receipt, at `received_at`."""

    name: Named
    purpose: Purpose
    content: Base64Bytes = Field(description="the bytes in base64")
    received_at: Moment | None = Field(default=None, description="now, when it is not said")


class EvidenceTold(Told):
    """What Prometheus said of the minute of each opening, oldest first; empty until the worker has taken it."""

    evidence: list[Snapshot]


class DraftTold(Told):
    """A text drafted from the facts, in Spanish, for a person to read before it leaves."""

    subject: str
    text: str


class IncidentInList(Told):
    """An incident as a list shows it."""

    incident: int
    version: int
    component: str
    service: str
    kind: Kind
    title: str
    state: State
    severity: Severity
    responsible: Responsible
    validated: bool
    times: dict[EventKind, datetime]
    proposed_restoration: datetime | None
    clocks: dict[ClockName, ClockFigures]


class IncidentTold(IncidentInList):
    """One incident. `version` is how many events it has; send it back as `seen` or as If-Match with a step."""

    clocks: dict[ClockName, ExplainedClock]  # type: ignore[assignment]
    episodes: list[EpisodeTold]
    attachments: list[FileTold]
    regularisations: list[RegularisationTold]
    allowed: list[AllowedStep]


class IncidentPage(Told):
    """Incidents, newest first; `next` is the address of the following page, null on the last one."""

    incidents: list[IncidentInList]
    next: str | None


class IncidentQuery(Query):
    """Which incidents, and where to go on. A filter may be repeated where several values may match."""

    state: Many[State] = Field(default=[], description="in one of these states")
    open: Flag | None = Field(default=None, description="whether something is still expected of somebody")
    kind: Many[Kind] = Field(default=[], description="of one of these kinds")
    severity: Many[Severity] = Field(default=[], description="of one of these severities")
    responsible: Many[Responsible] = Field(default=[], description="with one of these responsibles")
    component: Named | None = Field(default=None, description="about exactly this component")
    text: Named | None = Field(default=None, description="whose title, component or service contains this")
    limit: Limit = USUAL_AT_ONCE
    cursor: str | None = Field(default=None, max_length=200, description="from `next`; nothing to be made by hand")


class NewIncident(Asked):
    """What was reported by telephone, mail or Mesa de Partes."""

    kind: Kind = Kind.INCIDENT
    component: Named
    service: Line = ""
    title: Named
    severity: Severity = Severity.MEDIUM
    responsible: Responsible = Responsible.NOBODY
    channel: Named = Field(default="telefono", examples=["correo", "telefono", "mesa-de-partes"])
    detected_at: Moment | None = Field(default=None, description="now, when it is not said")


class NewEvent(Asked):
    """One step of an incident's life. `seen` is the `version` that the decision was made on."""

    kind: StepKind
    at: Moment | None = Field(default=None, description="when it happened; now, when it is not said")
    details: dict[Word, Text] = Field(default={}, max_length=20)
    seen: Count | None = None


class EventRecorded(Told):
    """The event as it was recorded, and the incident after it."""

    event: EventTold
    incident: IncidentTold


class EventQuery(Query):
    """Which events: those after so many."""

    after: Count = Field(default=0, description="how many of its events are known already")
    limit: Limit = MOST_AT_ONCE


class EventPage(Told):
    """Events as they were written down; `next` leads to those after them, null when there are none."""

    events: list[EventTold]
    next: str | None
