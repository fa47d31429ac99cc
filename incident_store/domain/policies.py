"""What was agreed: words, targets and calendars. Read from `sla.yml`, handed to the arithmetic as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from incident_store.domain.calendars import Calendar


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
class SlaPolicy:
    """The whole of `sla.yml`: how alerts are read and how long each clock may run."""

    severities: Mapping[str, Severity]
    owners: Mapping[str, Responsible]
    targets: Mapping[tuple[ClockName, Severity], Target]
    flapping: Flapping = Flapping(5, timedelta(hours=1))

    def severity(self, alert_severity: str | None) -> Severity:
        """The process's word for an alert's; an alert without a known word counts as Media, not as harmless."""
        return self.severities.get(alert_severity or "", Severity.MEDIUM)

    def suspected(self, owner: str | None) -> Responsible:
        """Who is suspected when a component of this owner fails."""
        return self.owners.get(owner or "", Responsible.NOBODY)
