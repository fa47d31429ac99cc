"""Everything known of one component: its account, its counters and its last result. Pure; replaced, not changed."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from exporters.availability.accounting import Account, State, observed
from exporters.availability.probes.result import OUR_FAULTS, ProbeResult, Reason

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the duration histogram in seconds; one more counts what is above the last."""

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


def begun(account: Account, reasons: Iterable[Reason]) -> Tally:
    """No probe yet; every reason that may come counts from zero."""
    return Tally(account, dict.fromkeys(sorted(reasons), 0))


def counted(tally: Tally, result: ProbeResult, at: datetime, interval: float) -> Tally:
    """The tally after a probe that ended at `at`. The date of a certificate stays until another is seen."""
    vouch = timedelta(seconds=VOUCHED_INTERVALS * interval)
    return replace(
        tally,
        account=observed(tally.account, state_found(result), at, vouch),
        runs=tally.runs + 1,
        failures=_with_one_more(tally.failures, result.reason),
        durations=_with_duration(tally.durations, result.duration),
        seconds=tally.seconds + result.duration,
        last=result,
        last_run_at=at,
        certificate_expires_at=result.certificate_expires_at or tally.certificate_expires_at,
    )


def state_found(result: ProbeResult) -> State:
    """What the result says of the component: nothing, when the fault was on this side."""
    if result.reason in OUR_FAULTS:
        return State.UNKNOWN
    return State.UP if result.success else State.DOWN


def _with_one_more(failures: Mapping[Reason, int], reason: Reason | None) -> Mapping[Reason, int]:
    return failures if reason is None else {**failures, reason: failures.get(reason, 0) + 1}


def _with_duration(durations: tuple[int, ...], seconds: float) -> tuple[int, ...]:
    bucket = bisect_left(BUCKETS, seconds)
    return (*durations[:bucket], durations[bucket] + 1, *durations[bucket + 1 :])
