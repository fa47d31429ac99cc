"""Why a minute is what it is: its state, its samples, what stands written of it, and the rule that decided."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from incident_store.domain.availability import MinuteState
from incident_store.domain.minute_sets import between, runs
from incident_store.domain.months import MINUTE
from incident_store.domain.outages import fault_minutes, joined_minutes
from reports.gathering import Gathered
from reports.reckoning import Subject


class Rule(StrEnum):
    """What decided a minute."""

    MAINTENANCE = "maintenance"
    SAMPLES_DOWN = "samples_down"
    FILLED_DOWN = "filled_down"
    FILLED_UP = "filled_up"
    NO_SAMPLES = "no_samples"
    PENDING = "pending"
    RELAPSE = "relapse"


@dataclass(frozen=True)
class Stretch:
    """Minutes in a row that are alike. `counts`: they count against the provider."""

    first: int
    end: int
    starts_at: datetime
    ends_at: datetime
    state: MinuteState
    rule: Rule
    excluded: bool
    counts: bool
    incidents: tuple[int, ...]
    windows: tuple[int, ...]

    @property
    def minutes(self) -> int:
        """How many."""
        return self.end - self.first


def stretches(gathered: Gathered, subject: Subject, wanted: int) -> Iterator[Stretch]:
    """Every wanted minute of a component that is not plainly up, in order, in stretches that are alike."""
    span, of_incidents = gathered.horizon.span, _of_incidents(gathered, subject)
    for first, end in runs(_remarkable(subject) & wanted):
        start = first
        kind = _kind(gathered, subject, of_incidents, start)
        for minute in range(first + 1, end + 1):
            if minute == end or _kind(gathered, subject, of_incidents, minute) != kind:
                state, rule, excluded, incidents, windows = kind
                yield Stretch(
                    first=start,
                    end=minute,
                    starts_at=span.moment(start),
                    ends_at=span.moment(minute),
                    state=state,
                    rule=rule,
                    excluded=excluded,
                    counts=rule is Rule.RELAPSE or (state is MinuteState.DOWN and not excluded),
                    incidents=incidents,
                    windows=windows,
                )
                start = minute
                kind = _kind(gathered, subject, of_incidents, start)


def _of_incidents(gathered: Gathered, subject: Subject) -> Mapping[int, int]:
    """The minutes that each incident is about, those between an outage and its relapse among them."""
    span, down, as_of = gathered.horizon.span, subject.watched.down, gathered.as_of
    return {
        case.record.number: fault_minutes(case.stretches, down, span, as_of)
        | joined_minutes(down, span, case.stretches, gathered.policy.relapse_window, as_of)
        for case in subject.cases
    }


def _remarkable(subject: Subject) -> int:
    account = subject.account
    filled = subject.filled & ~account.maintenance
    return account.down | account.unknown | account.maintenance | account.joined | filled


Kind = tuple[MinuteState, Rule, bool, tuple[int, ...], tuple[int, ...]]


def _kind(gathered: Gathered, subject: Subject, of_incidents: Mapping[int, int], minute: int) -> Kind:
    account, bit, span = subject.account, 1 << minute, gathered.horizon.span
    incidents = tuple(number for number, minutes in of_incidents.items() if minutes & bit)
    windows = tuple(one.window for one in subject.windows if span.touched_by([one.span]) & bit)
    filled = subject.filled & bit
    if account.maintenance & bit:
        return MinuteState.MAINTENANCE, Rule.MAINTENANCE, False, incidents, windows
    if account.down & bit:
        rule = Rule.FILLED_DOWN if filled else Rule.SAMPLES_DOWN
        return MinuteState.DOWN, rule, bool(account.excluded & bit), incidents, windows
    if account.joined & bit:
        return MinuteState.UP, Rule.RELAPSE, False, incidents, windows
    if filled:
        return MinuteState.UP, Rule.FILLED_UP, False, incidents, windows
    pending = span.moment(minute) + MINUTE > gathered.as_of
    return MinuteState.UNKNOWN, Rule.PENDING if pending else Rule.NO_SAMPLES, False, incidents, windows


def samples_by_minute(
    samples: Sequence[tuple[Mapping[str, str], Sequence[tuple[float, str]]]],
) -> Mapping[int, list[tuple[float, str, str]]]:
    """Raw samples as (moment, value, who told it) by the Unix minute they stand in."""
    found: dict[int, list[tuple[float, str, str]]] = {}
    for labels, points in samples:
        for moment, value in points:
            found.setdefault(int(moment) // 60, []).append((moment, value, labels.get("instance", "")))
    return {minute: sorted(told) for minute, told in found.items()}


def whole_day(gathered: Gathered, day: int | None) -> int:
    """The minutes of a day of the month, or of the whole month."""
    if day is None:
        return gathered.horizon.minutes
    first = gathered.horizon.first + (day - 1) * 24 * 60
    return between(first, first + 24 * 60) & gathered.horizon.minutes
