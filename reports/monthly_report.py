"""The month's figures as one frozen value. Every rendering shows this value and computes nothing.

Its file has a published schema, `docs/schemas/monthly-report.json`. Times are UTC, percentages are cut (never rounded
up) to four decimals, minutes are whole.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from incident_store.domain.availability import MinuteState, Verdict


class Value(BaseModel):
    """The base of everything in a report: nothing unknown, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Status(StrEnum):
    """How far the figures can be relied on."""

    FINAL = "final"
    PROVISIONAL = "provisional"  # the month is not over
    INCOMPLETE = "incomplete"  # a source did not answer


class Minutes(Value):
    """Every minute of the month as exactly one of four; `pending` is the part of `unknown` that has not passed yet."""

    up: int
    down: int
    unknown: int
    maintenance: int
    pending: int = 0


class Share(Value):
    """Minutes up and down of the time that counts, the percentage up, and the two between which it lies whatever the
    unknown minutes were."""

    up: int
    down: int
    unknown: int
    percent: float | None
    percent_if_unknown_down: float | None
    percent_if_unknown_up: float | None
    coverage_percent: float | None


class Day(Value):
    """One day of the zone; `excluded` is part of `down`."""

    day: date
    up: int
    down: int
    unknown: int
    maintenance: int
    excluded: int


class Figures(Value):
    """The month of a component or a service (semantics 21 to 25).

    `excluded` minutes are down and not held against the provider; `joined` are up between an outage and its relapse and
    count as down; `filled` were proved by the exporter's counters alone.
    """

    minutes: Minutes
    gross: Share
    contractual: Share
    excluded: int
    joined: int
    filled: int
    target_percent: float
    target_is_contractual: bool
    verdict: Verdict
    outages: int
    longest_outage: int = Field(description="minutes")
    days: tuple[Day, ...]


class Component(Value):
    """A component. `declared`: it stands in targets.yml; the moments are those of its first and last known minute."""

    name: str
    service: str
    owner: str
    kind: str
    declared: bool
    known_from: datetime | None
    known_until: datetime | None
    figures: Figures


class Service(Value):
    """A service, which works while at least `needed` of its components do."""

    name: str
    components: tuple[str, ...]
    combination: str
    needed: int
    figures: Figures


class Outage(Value):
    """A run of minutes seen down. `joined_before` are the minutes that join it to the outage it relapsed from."""

    component: str
    service: str
    starts_at: datetime
    ends_at: datetime
    minutes: int
    maintenance: int
    excluded: int
    joined_before: int
    incident: int | None
    responsible: str
    validated: bool
    cause: str


class Maintenance(Value):
    """A window that counts for a component, and who answers for it (semantics 24)."""

    component: str
    starts_at: datetime
    ends_at: datetime
    minutes: int
    window: int
    reason: str
    approved_by: str
    approval_reason: str


class Exclusion(Value):
    """Time whose down minutes are not held against the provider, why, and who approved that."""

    component: str
    starts_at: datetime
    ends_at: datetime
    down: int
    incident: int
    responsible: str
    reason: str
    approved_by: str


class Filled(Value):
    """Minutes that nobody scraped and the exporter's own seconds prove (semantics 26)."""

    component: str
    starts_at: datetime
    ends_at: datetime
    minutes: int
    state: MinuteState


class Pause(Value):
    """Time in which a clock stood still, and why."""

    starts_at: datetime
    ends_at: datetime
    reason: str


class Clock(Value):
    """One SLA clock of an incident, read when the report was made. `restored_seconds` lie between a restoration and the
    relapse: they do not count and are no pause (semantics 15)."""

    name: str
    target_seconds: float
    contractual: bool
    elapsed_seconds: float
    due_at: datetime | None
    state: str
    by_responsible: dict[str, float]
    pauses: tuple[Pause, ...]
    paused_seconds: float
    restored_seconds: float
    working_hours: bool = Field(description="whether it runs on a calendar that is not always open")


class Incident(Value):
    """One row of the SLA control matrix; `times` holds every time of semantics 11 that is known."""

    number: int
    component: str
    service: str
    kind: str
    title: str
    severity: str
    responsible: str
    validated: bool
    state: str
    carried_over: bool = Field(description="detected before the month")
    restored: bool
    relapses: int
    times: dict[str, datetime]
    clocks: tuple[Clock, ...]
    without_target: tuple[str, ...] = Field(description="clocks for which no target is declared at this severity")
    cause: str
    dispatched_to: str
    tests: str
    down_minutes: int = Field(description="minutes of the month seen down, of the outages it is about")


class Compliance(Value):
    """How the clocks of one name and severity ended."""

    clock: str
    severity: str
    met: int
    breached: int
    open: int
    without_target: int


class LoadDay(Value):
    """The state in which a data day's load stood at the end of the day after it."""

    day: date
    state: str


class Load(Value):
    """The daily files of an operator and type; counts of the month by outcome and by reason of rejection."""

    operator: str
    file_type: str
    days: tuple[LoadDay, ...]
    outcomes: dict[str, int]
    rejections: dict[str, int]


class Regularisation(Value):
    """A load that an outage left owing, and until when (semantics 33)."""

    incident: int
    operator: str
    file_type: str
    day: date
    due_at: datetime | None
    settled_at: datetime | None
    late: bool


class Note(Value):
    """Something the reader must know; `kind` is one of the words of `reports.words.NOTES`."""

    kind: str
    subject: str = ""
    detail: str = ""


class Inputs(Value):
    """What the figures rest on: SHA-256 of each input, and the versions of policy and calendars in force."""

    samples: str
    incidents: str
    maintenance: str
    loads: str
    policy: str
    targets: str
    policy_effective_from: date
    holidays_package: str
    program: str


class MonthlyReport(Value):
    """The whole report."""

    format: Literal["renteseg-monthly-report/1"] = "renteseg-monthly-report/1"
    month: str
    time_zone: str
    starts_at: datetime
    ends_at: datetime
    minutes: int
    as_of: datetime
    status: Status
    relapse_window_seconds: float
    services: tuple[Service, ...]
    components: tuple[Component, ...]
    outages: tuple[Outage, ...]
    maintenance: tuple[Maintenance, ...]
    exclusions: tuple[Exclusion, ...]
    filled: tuple[Filled, ...]
    incidents: tuple[Incident, ...]
    compliance: tuple[Compliance, ...]
    loads: tuple[Load, ...]
    regularisations: tuple[Regularisation, ...]
    notes: tuple[Note, ...]
    inputs: Inputs


class Signature(Value):
    """Who signed which version of a month's figures; `figures` is the SHA-256 of their canonical JSON."""

    version: int
    signed_by: str
    signed_at: datetime
    reason: str
    figures: str


class Document(Value):
    """The report's file: the figures, and their signature or null."""

    signature: Signature | None
    report: MonthlyReport
