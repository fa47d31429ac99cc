"""What became of each minute, and the shares that follow: sums of minutes, divided last (semantics 21–25, 27)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from incident_store.domain.minute_sets import at_least

HALF = 0.5
ROUNDING = 1e-9
"""How far the mean of a minute's samples may be off by the arithmetic that made it; counts differ by far more."""


class MinuteState(StrEnum):
    """What every minute is exactly one of."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"
    MAINTENANCE = "maintenance"


def is_up(share_of_successes: float) -> bool:
    """Whether a minute in which probes ran is up: it is down when more than half of them failed (semantics 22)."""
    return share_of_successes >= HALF - ROUNDING


@dataclass(frozen=True, slots=True)
class Watched:
    """One component's minutes as sets: seen up or down (never both), and what stands written of them.

    `maintenance`: in counted windows; `exempt`: not to be held against the provider; `joined`: between an outage and
    its relapse.
    """

    up: int
    down: int
    maintenance: int = 0
    exempt: int = 0
    joined: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """The minutes of a component or a service as sets. `up`, `down`, `unknown` and `maintenance` are disjoint and are
    every minute there is; `excluded` is part of `down`, `joined` part of `up`; `seen_…` take no account of maintenance.
    """

    seen_up: int
    seen_down: int
    up: int
    down: int
    unknown: int
    maintenance: int
    excluded: int
    joined: int


def component_account(watched: Watched, everything: int) -> Account:
    """What became of each minute of a component; `everything` are the minutes to account for."""
    return service_account([watched], 1, everything)


def service_account(parts: Sequence[Watched], needed: int, everything: int) -> Account:
    """What became of each minute of a service that works while at least `needed` of its components do (semantics 23).

    A minute is maintenance when the planned stops alone take the service down, and excluded when those and what is not
    the provider's to answer for do. A component in maintenance is otherwise as one that does not work.
    """
    fatal = len(parts) - needed + 1
    stopped = [part.maintenance for part in parts]
    maintenance = at_least(fatal, stopped, everything) & everything
    open_ = everything & ~maintenance
    ups = [part.up & ~part.maintenance for part in parts]
    downs = [part.down | part.maintenance for part in parts]
    up = at_least(needed, ups, everything) & open_
    down = at_least(fatal, downs, everything) & open_
    excused = [part.maintenance | (part.exempt & part.down) for part in parts]
    held = [minutes & ~(part.joined & ~part.exempt) for minutes, part in zip(ups, parts, strict=True)]
    return Account(
        seen_up=at_least(needed, [part.up for part in parts], everything) & everything,
        seen_down=at_least(fatal, [part.down for part in parts], everything) & everything,
        up=up,
        down=down,
        unknown=open_ & ~up & ~down,
        maintenance=maintenance,
        excluded=at_least(fatal, excused, everything) & down,
        joined=up & ~at_least(needed, held, everything),
    )


@dataclass(frozen=True, slots=True)
class Share:
    """Minutes up and down, and those that nobody saw of the time that counts."""

    up: int
    down: int
    unknown: int

    @property
    def value(self) -> Fraction | None:
        """up / (up + down); None when nothing is known."""
        known = self.up + self.down
        return Fraction(self.up, known) if known else None

    @property
    def if_unknown_were_down(self) -> Fraction | None:
        """The same with every unknown minute counted as down."""
        total = self.up + self.down + self.unknown
        return Fraction(self.up, total) if total else None

    @property
    def if_unknown_were_up(self) -> Fraction | None:
        """The same with every unknown minute counted as up."""
        total = self.up + self.down + self.unknown
        return Fraction(self.up + self.unknown, total) if total else None

    @property
    def coverage(self) -> Fraction | None:
        """known / total."""
        total = self.up + self.down + self.unknown
        return Fraction(self.up + self.down, total) if total else None


def gross(account: Account, passed: int) -> Share:
    """What was seen, maintenance or not, of the minutes that have passed (semantics 25)."""
    return _share(account.seen_up & passed, account.seen_down & passed, passed)


def contractual(account: Account, passed: int) -> Share:
    """What counts under the contract: no maintenance, nothing excluded, relapses joined (semantics 25)."""
    counted = passed & ~account.maintenance & ~account.excluded
    up = account.up & ~account.joined & counted
    down = ((account.down & ~account.excluded) | account.joined) & counted
    return _share(up, down, counted)


def _share(up: int, down: int, counted: int) -> Share:
    return Share(up.bit_count(), down.bit_count(), (counted & ~up & ~down).bit_count())


class Verdict(StrEnum):
    """Whether a target was reached, whatever the unknown minutes were; or that it depends on them."""

    MET = "met"
    MISSED = "missed"
    MET_AS_SEEN = "met_as_seen"
    MISSED_AS_SEEN = "missed_as_seen"
    NO_DATA = "no_data"


def verdict(share: Share, target: Fraction) -> Verdict:
    """The verdict on a share; equal to the target is met (semantics 14). `target` is a share too, not per cent."""
    seen, worst, best = share.value, share.if_unknown_were_down, share.if_unknown_were_up
    if seen is None or worst is None or best is None:
        return Verdict.NO_DATA
    if worst >= target:
        return Verdict.MET
    if best < target:
        return Verdict.MISSED
    return Verdict.MET_AS_SEEN if seen >= target else Verdict.MISSED_AS_SEEN
