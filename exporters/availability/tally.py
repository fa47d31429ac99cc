"""Everything known of one component: its account, its counters and its last result. Pure; replaced, not changed."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from exporters.availability.accounting import Account, State, advanced, observed
from exporters.availability.probes.result import OUR_FAULTS, ProbeResult, Reason
from exporters.availability.watched import Confirmation, Watched

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the duration histogram in seconds; one more counts what is above the last."""

AT_ONCE = Confirmation()
VOUCHED_INTERVALS = 3
"""A result stands for three intervals at most: two probes may be lost before the state is unknown."""


@dataclass(frozen=True)
class Tally:
    """One component's figures since this process began; only `account` reaches further back."""

    account: Account
    failures: Mapping[Reason, int]
    runs: int = 0
    durations: tuple[int, ...] = (0,) * (len(BUCKETS) + 1)
    seconds: float = 0.0
    last: ProbeResult | None = None
    last_run_at: datetime | None = None
    certificate_expires_at: datetime | None = None
    certificate_begins_at: datetime | None = None
    recent: tuple[State, ...] = ()


def begun(account: Account, reasons: Iterable[Reason]) -> Tally:
    """No probe yet; every reason that may come counts from zero."""
    return Tally(account, dict.fromkeys(sorted(reasons), 0))


def counted(tally: Tally, result: ProbeResult, at: datetime, component: Watched, *, blind: bool = False) -> Tally:
    """The tally after a probe that ended at `at`. The dates of a certificate stay until another is seen."""
    vouch = timedelta(seconds=VOUCHED_INTERVALS * component.interval)
    confirm = component.confirm or AT_ONCE
    found = state_found(result, blind=blind)
    recent = () if found is State.UNKNOWN else (*tally.recent, found)[-confirm.of :]
    account = advanced(tally.account, at)
    duration = result.duration
    return Tally(
        account=observed(account, confirmed(account.state, found, recent, confirm), at, vouch),
        runs=tally.runs + 1,
        failures=_with_one_more(tally.failures, result.reason),
        durations=_with_duration(tally.durations, duration),
        seconds=tally.seconds + duration,
        last=result,
        last_run_at=at,
        certificate_expires_at=result.certificate_expires_at or tally.certificate_expires_at,
        certificate_begins_at=result.certificate_begins_at or tally.certificate_begins_at,
        recent=recent,
    )


def state_found(result: ProbeResult, *, blind: bool = False) -> State:
    """What the result says of the component: nothing, when the fault was on this side or the monitor was blind."""
    if result.success:
        return State.UP
    return State.UNKNOWN if blind or result.reason in OUR_FAULTS else State.DOWN


def confirmed(held: State, found: State, recent: Sequence[State], confirm: Confirmation) -> State:
    """The state after a result: another one than `held` only when enough of the recent results say so.

    Nothing is held while the state is unknown, and one answer proves that a component answers; that it does not must
    be confirmed from there too. What was found to be unknown is not confirmed by looking again.
    """
    if found is State.UNKNOWN or (held is State.UNKNOWN and found is State.UP):
        return found
    return found if sum(state is found for state in recent) >= confirm.probes else held


def _with_one_more(failures: Mapping[Reason, int], reason: Reason | None) -> Mapping[Reason, int]:
    return failures if reason is None else {**failures, reason: failures.get(reason, 0) + 1}


def _with_duration(durations: tuple[int, ...], seconds: float) -> tuple[int, ...]:
    bucket = bisect_left(BUCKETS, seconds)
    return (*durations[:bucket], durations[bucket] + 1, *durations[bucket + 1 :])
