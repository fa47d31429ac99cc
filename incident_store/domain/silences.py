"""Which silences an Alertmanager should hold for the maintenance windows, and what must change so that it does.

One silence a window and component, matched by equality: no name of a component is ever read as a pattern. It ends with
its window, so that nothing stays silent when nobody is left to end it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_store.domain.intervals import Interval
from incident_store.domain.maintenance import Window

OWNER = "renteseg-monitor"
"""The author of our silences; those of other authors are never touched."""
AHEAD = timedelta(days=1)
"""How long before its window a silence is made, so that a worker that dies meanwhile matters little."""
SAME = timedelta(seconds=1)
"""Alertmanager keeps times to the millisecond."""

Matcher = tuple[str, str, bool, bool]
"""Label, value, whether it is a pattern, whether it must match."""


@dataclass(frozen=True)
class Silence:
    """A silence that should be there."""

    window: int
    component: str
    span: Interval

    @property
    def comment(self) -> str:
        """What people read of it in Alertmanager; it names the window."""
        return f"Mantenimiento {self.window}"

    @property
    def matchers(self) -> tuple[Matcher, ...]:
        """The alerts of its component and no other."""
        return (("component", self.component, False, True),)


@dataclass(frozen=True)
class HeldSilence:
    """A silence of ours that an Alertmanager holds and that has not expired."""

    identity: str
    comment: str
    matchers: tuple[Matcher, ...]
    span: Interval


@dataclass(frozen=True)
class Changes:
    """What brings an Alertmanager in line: first what is missing is made, then what is too much ends."""

    create: tuple[Silence, ...]
    expire: tuple[str, ...]


def wanted_silences(windows: Iterable[Window], now: datetime) -> tuple[Silence, ...]:
    """A silence for each component of every window that counts, is not over and begins within `AHEAD`."""
    return tuple(
        Silence(window.number, component, window.span)
        for window in windows
        if window.counts and window.span.start <= now + AHEAD and now < window.span.end
        for component in window.components
    )


def silence_changes(wanted: Iterable[Silence], held: Sequence[HeldSilence], now: datetime) -> Changes:
    """Compare what should be with what is. Of two alike the one of the smaller identity stays, whoever looks."""
    create, kept = [], set()
    for silence in wanted:
        fitting = [one.identity for one in held if _fits(silence, one, now)]
        if fitting:
            kept.add(min(fitting))
        else:
            create.append(silence)
    return Changes(tuple(create), tuple(sorted(one.identity for one in held if one.identity not in kept)))


def _fits(silence: Silence, held: HeldSilence, now: datetime) -> bool:
    """Whether the held one does what is wanted from now on."""
    same_end = abs(held.span.end - silence.span.end) < SAME
    in_time = held.span.start <= max(silence.span.start, now) + SAME
    return same_end and in_time and (held.comment, held.matchers) == (silence.comment, silence.matchers)
