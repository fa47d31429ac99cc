"""Which incident burns first: an order of work for people, no figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

from incident_store.domain.clocks import ClockState
from incident_store.domain.incident_clocks import Clock
from incident_store.domain.policies import Severity


class Heat(IntEnum):
    """What an incident's clocks say together, the hottest first."""

    OVERDUE = 0
    RUNNING = 1
    PAUSED = 2
    STILL = 3


@dataclass(frozen=True)
class Urgency:
    """How hot an incident is, and the open clock that makes it so; `key` sorts the hottest first.

    What is overdue goes by severity and then by how long; what runs, by what is left; what waits, by severity.
    """

    heat: Heat
    clock: Clock | None
    key: tuple[int, int, timedelta]


def urgency(clocks: Sequence[Clock], severity: Severity) -> Urgency:
    """How urgent an incident with these clocks is, as they were read."""
    leading = min((clock for clock in clocks if not clock.stopped), key=_hotter, default=None)
    if leading is None:
        return Urgency(Heat.STILL, None, (Heat.STILL, -severity.weight, timedelta()))
    heat, left = _heat(leading), leading.reading.remaining
    if heat is Heat.RUNNING:
        return Urgency(heat, leading, (heat, 0, left))
    return Urgency(heat, leading, (heat, -severity.weight, left))


def _hotter(clock: Clock) -> tuple[Heat, timedelta]:
    return _heat(clock), clock.reading.remaining


def _heat(clock: Clock) -> Heat:
    if clock.reading.state is ClockState.BREACHED:
        return Heat.OVERDUE
    return Heat.PAUSED if clock.reading.state is ClockState.PAUSED else Heat.RUNNING
