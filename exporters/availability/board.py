"""The tallies of all components: the probes write them, the scrapes read them.

One thread writes. A tally is replaced whole, so a reader in another thread sees all of a probe or nothing of it.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import structlog

from exporters.availability.accounting import Account, advanced, opened
from exporters.availability.pace import Pace
from exporters.availability.probes.result import ProbeResult
from exporters.availability.probes.table import KINDS
from exporters.availability.sight import Sight
from exporters.availability.tally import Tally, begun, counted
from exporters.availability.targets import Targets
from exporters.availability.watched import Watched

log = structlog.get_logger()

Rows = tuple[tuple[Watched, Tally], ...]


class Board:
    """The components in the order of the file, each with its tally; beside them how the exporter itself is."""

    def __init__(self, targets: Targets, accounts: Mapping[str, Account], now: datetime) -> None:
        self.sight, self.pace = Sight(), Pace()
        self.reloaded_well, self.reloaded_at = True, now
        self._tallies: dict[str, Tally] = {}
        self._began: dict[str, datetime] = {}
        self._show(targets, accounts, now)

    @property
    def components(self) -> tuple[Watched, ...]:
        """Those that are watched."""
        return self.targets.components

    def tally(self, component: Watched) -> Tally:
        """What is known of the component."""
        return self._tallies[component.name]

    def rows(self) -> Rows:
        """All that is known now: an immutable snapshot, whatever is recorded while it is read."""
        tallies = dict(self._tallies)
        return tuple((component, tallies[component.name]) for component in self.components if component.name in tallies)

    def record(self, component: Watched, result: ProbeResult, at: datetime, *, blind: bool = False) -> None:
        """Count a scheduled probe that ended at `at`; one of a component no longer watched is forgotten."""
        before = self._tallies.get(component.name)
        if before is None:
            return
        self._tallies[component.name] = counted(before, result, at, component, blind=blind)
        _report(component, before.last, result, blind=blind)

    def replace(self, targets: Targets, now: datetime) -> None:
        """Other targets from now on; who keeps its name and kind keeps its account and its counters."""
        kinds = {component.name: component.kind for component in self.components}
        changed = {component.name for component in targets.components if kinds.get(component.name) != component.kind}
        accounts = dict(self.accounts(now))
        self._tallies = {name: tally for name, tally in self._tallies.items() if name not in changed}
        self._show(targets, accounts, now)

    def reloaded(self, well: bool, now: datetime) -> None:
        """A reload ended; a bad one leaves everything else as it was."""
        self.reloaded_well = well
        self.reloaded_at = now if well else self.reloaded_at

    def accounts(self, now: datetime) -> Iterator[tuple[str, Account]]:
        """Every component's name and its account at `now`; what is recorded meanwhile changes nothing of it."""
        tallies = dict(self._tallies)
        return ((name, advanced(tally.account, now)) for name, tally in tallies.items())

    def not_ready(self, now: datetime) -> str | None:
        """Why the figures are not complete yet: who was not probed, though there was time for all only later."""
        waiting = [component.name for component in self.components if self._is_awaited(component, now)]
        return f"not probed yet: {', '.join(waiting)}" if waiting else None

    def _show(self, targets: Targets, accounts: Mapping[str, Account], now: datetime) -> None:
        kept = self._tallies
        tallies = {
            component.name: kept.get(component.name)
            or begun(accounts.get(component.name) or opened(now), KINDS[component.kind].reasons)
            for component in targets.components
        }
        self._began = {name: self._began.get(name, now) for name in tallies}
        self.targets, self._tallies = targets, tallies

    def _is_awaited(self, component: Watched, now: datetime) -> bool:
        allowed = timedelta(seconds=component.interval + component.timeout)
        return not self.tally(component).runs and now < self._began[component.name] + allowed


def _report(component: Watched, before: ProbeResult | None, result: ProbeResult, *, blind: bool) -> None:
    """One line when a component begins to fail, fails for another reason, or answers again."""
    if result.reason and (before is None or before.reason is not result.reason):
        log.warning(
            "component fails" if not blind else "the monitor is blind: it cannot tell how the component is",
            component=component.name,
            reason=result.reason.value,
            detail=result.detail,
        )
    elif result.success and before and before.reason:
        log.info("component answers again", component=component.name, failed_for=before.reason.value)
