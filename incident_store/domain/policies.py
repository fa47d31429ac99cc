"""What was agreed: words, targets and calendars. Read from `sla.yml`, handed to the arithmetic as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from incident_store.domain.calendars import Calendar
from incident_store.domain.lifecycle import EventKind, State


class Severity(StrEnum):
    """Criticidad, as the process names it."""

    HIGH = "alta"
    MEDIUM = "media"
    LOW = "baja"

    @property
    def weight(self) -> int:
        """Greater is graver."""
        return {Severity.LOW: 1, Severity.MEDIUM: 2, Severity.HIGH: 3}[self]


class Responsible(StrEnum):
    """Whose fault: A operator, B provider, C OSIPTEL's own links; nobody yet."""

    OPERATOR = "A"
    PROVIDER = "B"
    OTI = "C"
    NOBODY = "nobody"


class ClockName(StrEnum):
    """The clocks of an incident."""

    RESPONSE = "response"
    RESOLUTION = "resolution"
    RCA = "rca"


@dataclass(frozen=True)
class PauseRule:
    """A clock stands still while the incident is in one of these states; None: whatever the reason, severity, fault."""

    states: frozenset[State]
    reasons: frozenset[str] | None = None
    severities: frozenset[Severity] | None = None
    responsibles: frozenset[Responsible] | None = None

    def concerns(self, severity: Severity, responsible: Responsible) -> bool:
        """Whether the rule speaks of incidents such as this one."""
        return (self.severities is None or severity in self.severities) and (
            self.responsibles is None or responsible in self.responsibles
        )

    def holds(self, state: State, reason: str) -> bool:
        """Whether it stops the clock in this state, entered for this reason; reasons are compared without case."""
        return state in self.states and (self.reasons is None or reason.strip().casefold() in self.reasons)


@dataclass(frozen=True)
class ClockRule:
    """When a clock starts and stops, what makes it pause, and for whose faults it runs (None: everybody's)."""

    start: EventKind
    stops: frozenset[EventKind]
    pauses: tuple[PauseRule, ...] = ()
    responsibles: frozenset[Responsible] | None = None

    def concerns(self, responsible: Responsible) -> bool:
        """Whether the clock runs for incidents of this responsible."""
        return self.responsibles is None or responsible in self.responsibles


@dataclass(frozen=True)
class Target:
    """How long one clock may run for one severity, on which calendar, and whether a contract says so."""

    target: timedelta
    calendar: Calendar
    contractual: bool


@dataclass(frozen=True)
class Flapping:
    """An alert flaps when it begins more than `episodes` times `within` this span."""

    episodes: int
    within: timedelta


@dataclass(frozen=True)
class AvailabilityTarget:
    """The share of a month's minutes that must be up, and whether a contract says so (semantics 25)."""

    share: Fraction
    contractual: bool


@dataclass(frozen=True)
class AvailabilityTerms:
    """The target of every service and component, but for those that have one of their own."""

    usual: AvailabilityTarget = AvailabilityTarget(Fraction(995, 1000), contractual=False)
    services: Mapping[str, AvailabilityTarget] = field(default_factory=dict)
    components: Mapping[str, AvailabilityTarget] = field(default_factory=dict)


@dataclass(frozen=True)
class Terms:
    """What was agreed from one day on: how alerts are read, when clocks run and for how long they may.

    `regularisation`: how long after the closing of an incident what it left owed may take (semantics 33).
    """

    effective_from: datetime
    severities: Mapping[str, Severity]
    owners: Mapping[str, Responsible]
    clocks: Mapping[ClockName, ClockRule]
    targets: Mapping[tuple[ClockName, Severity, Responsible], Target]
    regularisation: Target
    availability: AvailabilityTerms = AvailabilityTerms()

    def severity(self, alert_severity: str | None) -> Severity:
        """The process's word for an alert's; an alert without a known word counts as Media, not as harmless."""
        return self.severities.get(alert_severity or "", Severity.MEDIUM)

    def suspected(self, owner: str | None) -> Responsible:
        """Who is suspected when a component of this owner fails."""
        return self.owners.get(owner or "", Responsible.NOBODY)


@dataclass(frozen=True)
class SlaPolicy:
    """All terms, oldest first, and how soon after a restoration a relapse is the same incident (semantics 8, 18)."""

    versions: tuple[Terms, ...]
    relapse_window: timedelta
    flapping: Flapping = Flapping(5, timedelta(hours=1))

    def at(self, moment: datetime) -> Terms:
        """The terms in force at a moment; the oldest for what happened before any."""
        in_force = [terms for terms in self.versions if terms.effective_from <= moment]
        return in_force[-1] if in_force else self.versions[0]
