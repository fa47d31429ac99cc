"""The metric families, and the lines that a component has in each of them.

Nothing is kept between scrapes: what is the same for all components stands in templates, so that a line costs little
more than the numbers in it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import accumulate

from exporters.availability.accounting import Account, State
from exporters.availability.pace import BUCKETS as LATENESS
from exporters.availability.probes.result import Reason
from exporters.availability.tally import BUCKETS, Tally
from exporters.availability.watched import Watched

NAME = "\0"
"""Stands for the component's name in a template; names are of `a` to `z`, digits and `-`."""


@dataclass(frozen=True)
class Family:
    """A metric's name without suffix, its type and its help."""

    name: str
    kind: str
    help: str

    def head(self, *, openmetrics: bool) -> str:
        """Its two lines before the samples; only OpenMetrics names a counter without `_total`."""
        name = f"{self.name}_total" if self.kind == "counter" and not openmetrics else self.name
        return f"# HELP {name} {self.help}\n# TYPE {name} {self.kind}\n"


UP = Family(
    "renteseg_component_up",
    "gauge",
    "1 while the component is held to be up, 0 while down; absent while the state is unknown.",
)
SECONDS = Family(
    "renteseg_component_state_seconds",
    "counter",
    "Seconds in each state since the account began; they sum to wall time and survive restarts.",
)
SINCE = Family(
    "renteseg_component_state_since_timestamp_seconds",
    "gauge",
    "When the component entered its present state, in Unix seconds.",
)
INFO = Family("renteseg_component_info", "gauge", "Each watched component, always 1.")
SLOW_AFTER = Family(
    "renteseg_component_slow_after_seconds",
    "gauge",
    "The configured duration above which the component counts as slow.",
)
PHASES = Family(
    "renteseg_probe_phase_seconds",
    "gauge",
    "Seconds the last probe spent in each phase it reached; they sum to its duration.",
)
LAST_DURATION = Family(
    "renteseg_probe_last_duration_seconds", "gauge", "Duration of the last probe in seconds, failed or not."
)
LAST_RUN = Family("renteseg_probe_last_run_timestamp_seconds", "gauge", "When the last probe ended, in Unix seconds.")
EXPIRY = Family(
    "renteseg_tls_certificate_expiry_timestamp_seconds",
    "gauge",
    "When the certificate last seen expires, in Unix seconds; also of one that is expired or untrusted.",
)
BEGINNING = Family(
    "renteseg_tls_certificate_not_before_timestamp_seconds",
    "gauge",
    "When the certificate last seen begins to be valid, in Unix seconds; also of one that is refused.",
)
RUNS = Family("renteseg_probe_runs", "counter", "Probes that ended, failed or not.")
FAILURES = Family("renteseg_probe_failures", "counter", "Probes that failed, by the one reason of each.")
DURATIONS = Family("renteseg_probe_duration_seconds", "histogram", "Duration of the probes, failed or not.")
BLIND = Family(
    "renteseg_monitor_blind",
    "gauge",
    "1 while every canary fails with everything else: failures then say nothing of the components.",
)
LATE = Family(
    "renteseg_probe_start_lateness_seconds", "histogram", "How long after they were due the probes of all started."
)
SKIPPED = Family("renteseg_probe_skipped", "counter", "Probes left out because the one before took too long.")
RELOADED = Family(
    "renteseg_config_last_reload_successful", "gauge", "Whether the last reload of the configuration was taken over."
)
RELOADED_AT = Family(
    "renteseg_config_last_reload_success_timestamp_seconds",
    "gauge",
    "When the configuration was last taken over, in Unix seconds.",
)

Lines = Callable[[Watched, Tally, Account], str]
"""A component's lines of a family; the account is that of the moment of the scrape."""


def _up(component: Watched, _tally: Tally, account: Account) -> str:
    if account.state is State.UNKNOWN:
        return ""
    value = int(account.state is State.UP)
    return f'{UP.name}{{{_identity(component)},link="{component.link or ""}"}} {value}\n'


def _seconds(component: Watched, _tally: Tally, account: Account) -> str:
    before = f'{SECONDS.name}_total{{{_identity(component)},state="'
    return "".join(f'{before}{state}"}} {span.total_seconds()}\n' for state, span in account.spans.items())


def _since(component: Watched, _tally: Tally, account: Account) -> str:
    return f'{SINCE.name}{{component="{component.name}"}} {account.since.timestamp()}\n'


def _info(component: Watched, _tally: Tally, _account: Account) -> str:
    identity = _identity(component)
    return f'{INFO.name}{{{identity},kind="{component.kind}",link="{component.link or ""}"}} 1\n'


def _slow_after(component: Watched, _tally: Tally, _account: Account) -> str:
    return _one(SLOW_AFTER, component, component.slow_after)


def _phases(component: Watched, tally: Tally, _account: Account) -> str:
    if tally.last is None:
        return ""
    before = f'{PHASES.name}{{component="{component.name}",phase="'
    return "".join(f'{before}{phase}"}} {spent}\n' for phase, spent in tally.last.phases.items())


def _last_duration(component: Watched, tally: Tally, _account: Account) -> str:
    return _one(LAST_DURATION, component, None if tally.last is None else tally.last.duration)


def _last_run(component: Watched, tally: Tally, _account: Account) -> str:
    return _date(LAST_RUN, component, tally.last_run_at)


def _expiry(component: Watched, tally: Tally, _account: Account) -> str:
    return _date(EXPIRY, component, tally.certificate_expires_at)


def _beginning(component: Watched, tally: Tally, _account: Account) -> str:
    return _date(BEGINNING, component, tally.certificate_begins_at)


def _runs(component: Watched, tally: Tally, _account: Account) -> str:
    return f'{RUNS.name}_total{{component="{component.name}"}} {tally.runs}\n'


def _durations(component: Watched, tally: Tally, _account: Account) -> str:
    return histogram(DURATION_LINES.replace(NAME, component.name), tally.durations, tally.seconds)


def _failures(component: Watched, tally: Tally, _account: Account) -> str:
    template = _failure_lines(tuple(tally.failures)).replace(NAME, component.name)
    return template % tuple(tally.failures.values())


FAMILIES: tuple[tuple[Family, Lines], ...] = (
    (UP, _up),
    (SECONDS, _seconds),
    (SINCE, _since),
    (INFO, _info),
    (SLOW_AFTER, _slow_after),
    (PHASES, _phases),
    (LAST_DURATION, _last_duration),
    (LAST_RUN, _last_run),
    (EXPIRY, _expiry),
    (BEGINNING, _beginning),
    (RUNS, _runs),
    (DURATIONS, _durations),
    (FAILURES, _failures),
)
"""What is shown of every component, in this order."""


def histogram(template: str, counts: Iterable[int], seconds: float) -> str:
    """The lines of a histogram; the counts are of each bucket alone."""
    cumulative = tuple(accumulate(counts))
    return template % (*cumulative, cumulative[-1], seconds)


def _histogram_lines(family: Family, labels: str, bounds: Iterable[float]) -> str:
    before = f'{family.name}_bucket{{{labels}{"," if labels else ""}le="'
    buckets = "".join(f'{before}{bound}"}} %d\n' for bound in (*bounds, "+Inf"))
    of_all = f"{{{labels}}}" if labels else ""
    return f"{buckets}{family.name}_count{of_all} %d\n{family.name}_sum{of_all} %r\n"


DURATION_LINES = _histogram_lines(DURATIONS, f'component="{NAME}"', BUCKETS)
LATE_LINES = _histogram_lines(LATE, "", LATENESS)


@lru_cache(maxsize=64)
def _failure_lines(reasons: tuple[Reason, ...]) -> str:
    before = f'{FAILURES.name}_total{{component="{NAME}",reason="'
    return "".join(f'{before}{reason}"}} %d\n' for reason in reasons)


def _identity(component: Watched) -> str:
    return f'component="{component.name}",service="{component.service}",owner="{component.owner}"'


def _date(family: Family, component: Watched, at: datetime | None) -> str:
    return _one(family, component, None if at is None else at.timestamp())


def _one(family: Family, component: Watched, value: float | None) -> str:
    return "" if value is None else f'{family.name}{{component="{component.name}"}} {value}\n'
