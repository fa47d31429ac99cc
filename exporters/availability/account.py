"""One probe's result by itself: as metrics for `/probe`, and as a readable account for people (a confirmation test)."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from exporters.availability.families import BEGINNING, EXPIRY, LAST_DURATION, PHASES
from exporters.availability.probes.result import ProbeResult
from exporters.availability.probes.table import KINDS
from exporters.availability.watched import Watched


class ResultCollector(Collector):
    """The result as metrics."""

    def __init__(self, component: Watched, result: ProbeResult) -> None:
        self._component = component
        self._result = result

    def collect(self) -> Iterator[Metric]:
        name, result = self._component.name, self._result
        success = GaugeMetricFamily("renteseg_probe_success", "Whether this probe succeeded.", labels=["component"])
        success.add_metric([name], float(result.success))
        reasons = GaugeMetricFamily(
            "renteseg_probe_failure_reason",
            "1 for the reason this probe failed for, 0 for every other.",
            labels=["component", "reason"],
        )
        for reason in sorted(KINDS[self._component.kind].reasons):
            reasons.add_metric([name, reason.value], float(reason is result.reason))
        phases = GaugeMetricFamily(PHASES.name, PHASES.help, labels=["component", "phase"])
        for phase, seconds in result.phases.items():
            phases.add_metric([name, phase.value], seconds)
        duration = GaugeMetricFamily(LAST_DURATION.name, LAST_DURATION.help, labels=["component"])
        duration.add_metric([name], result.duration)
        yield from (success, reasons, phases, duration)
        for family, at in ((EXPIRY, result.certificate_expires_at), (BEGINNING, result.certificate_begins_at)):
            if at:
                date = GaugeMetricFamily(family.name, family.help, labels=["component"])
                date.add_metric([name], at.timestamp())
                yield date


def account(component: Watched, result: ProbeResult) -> str:
    """What happened, line by line, then the phases, the verdict and the entry as it is configured."""
    lines = [f"{component.name} ({component.kind}), timeout {component.timeout:g} s", ""]
    lines += [f"{seconds * 1000:10.1f} ms  {words}" for seconds, words in result.account]
    lines += ["", "phases"]
    lines += [f"{seconds * 1000:10.1f} ms  {phase}" for phase, seconds in result.phases.items()]
    lines += [f"{result.duration * 1000:10.1f} ms  in all", "", verdict(result)]
    if result.certificate_expires_at:
        begins_at, expires_at = result.certificate_begins_at, result.certificate_expires_at
        lines.append(f"certificate valid from {begins_at:%Y-%m-%d %H:%M:%SZ} until {expires_at:%Y-%m-%d %H:%M:%SZ}")
    lines += ["", "configuration", component.shown()]
    return "\n".join(lines) + "\n"


def verdict(result: ProbeResult) -> str:
    """The result in one line."""
    return "works" if result.success else f"fails: {result.reason}: {result.detail}"
