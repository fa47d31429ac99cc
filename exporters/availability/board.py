"""The tallies of all components: the probes write them, the scrapes read them.

One thread writes. A tally is replaced whole, so a reader in another thread sees all of a probe or nothing of it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from exporters.availability.accounting import Account, advanced, opened
from exporters.availability.probes.result import ProbeResult
from exporters.availability.probes.table import KINDS
from exporters.availability.tally import Tally, begun, counted
from exporters.availability.targets import Targets
from exporters.availability.watched import Watched

log = structlog.get_logger()


class Board:
    """The components in the order of the file, each with its tally."""

    def __init__(self, targets: Targets, accounts: Mapping[str, Account], now: datetime) -> None:
        self.components: tuple[Watched, ...] = targets.components
        self._began = now
        self._tallies = {
            component.name: begun(accounts.get(component.name) or opened(now), KINDS[component.kind].reasons)
            for component in targets.components
        }

    def tally(self, component: Watched) -> Tally:
        """What is known of the component."""
        return self._tallies[component.name]

    def record(self, component: Watched, result: ProbeResult, at: datetime) -> None:
        """Count a scheduled probe that ended at `at`."""
        before = self._tallies[component.name]
        self._tallies[component.name] = counted(before, result, at, component.interval)
        _report(component, before.last, result)

    def accounts(self, now: datetime) -> dict[str, Account]:
        """Every component's account at `now`."""
        return {name: advanced(tally.account, now) for name, tally in self._tallies.items()}

    def not_ready(self, now: datetime) -> str | None:
        """Why the figures are not complete yet: who was not probed, though there was time for all only later."""
        waiting = [component.name for component in self.components if self._is_awaited(component, now)]
        return f"not probed yet: {', '.join(waiting)}" if waiting else None

    def _is_awaited(self, component: Watched, now: datetime) -> bool:
        allowed = timedelta(seconds=component.interval + component.timeout)
        return not self.tally(component).runs and now < self._began + allowed


def _report(component: Watched, before: ProbeResult | None, result: ProbeResult) -> None:
    """One line when a component begins to fail, fails for another reason, or answers again."""
    if result.reason and (before is None or before.reason is not result.reason):
        log.warning("component fails", component=component.name, reason=result.reason.value, detail=result.detail)
    elif result.success and before and before.reason:
        log.info("component answers again", component=component.name, failed_for=before.reason.value)
