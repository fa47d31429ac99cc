"""Minutes without a sample that the exporter's cumulative seconds prove (semantics 26)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from groundwork.prometheus import Prometheus, quoted
from incident_store.domain.availability import MinuteState
from incident_store.domain.counter_proof import COUNTED, Reading, agreed_state, proved_state
from incident_store.domain.minute_sets import Span, between, runs
from reports.samples import MILLISECOND, Progress, Seen, escaped

SECONDS = "renteseg_component_state_seconds_total"

Source = frozenset[tuple[str, str]]
"""The labels of one exporter's account of one component."""
Edge = tuple[int, bool]
"""A minute that was scraped, and whether its last sample is wanted (before a gap) or its first (after one)."""


@dataclass(frozen=True)
class Gap:
    """Minutes of one component that nobody scraped, between two that somebody did."""

    component: str
    first: int
    end: int

    @property
    def edges(self) -> tuple[Edge, Edge]:
        """The minutes on both sides."""
        return (self.first - 1, True), (self.end, False)


@dataclass(frozen=True)
class Fill:
    """A gap that was proved to have been spent in one state."""

    gap: Gap
    state: MinuteState


def gaps(seen: Mapping[str, Seen], wanted: int) -> list[Gap]:
    """The gaps that touch the wanted minutes, of components that were seen on both sides."""
    found = []
    for component, one in seen.items():
        if not one.known & wanted:
            continue
        lifetime = between((one.known & -one.known).bit_length() - 1, one.known.bit_length())
        for first, end in runs(lifetime & ~one.known):
            if between(first, end) & wanted:
                found.append(Gap(component, first, end))
    return found


def prove(prometheus: Prometheus, span: Span, found: Iterable[Gap], progress: Progress) -> Iterator[Fill]:
    """What the counters prove of the gaps; raises PrometheusAway, QueryRefused."""
    components: dict[Edge, set[str]] = {}
    gaps_found = list(found)
    for gap in gaps_found:
        for edge in gap.edges:
            components.setdefault(edge, set()).add(gap.component)
    readings: dict[tuple[Edge, str], dict[Source, Reading]] = {}
    for number, (edge, names) in enumerate(sorted(components.items()), 1):
        progress(f"huecos: {number} de {len(components)}")
        for (component, source), reading in _readings(prometheus, span, edge, names).items():
            readings.setdefault((edge, component), {})[source] = reading
    for gap in gaps_found:
        before, after = (readings.get((edge, gap.component), {}) for edge in gap.edges)
        proofs = [proved_state(before[source], after[source]) for source in before.keys() & after.keys()]
        if state := agreed_state(proofs):
            yield Fill(gap, state)


def _readings(
    prometheus: Prometheus, span: Span, edge: Edge, components: set[str]
) -> dict[tuple[str, Source], Reading]:
    """Each exporter's account of each component in the edge's minute."""
    minute, last = edge
    names = quoted("|".join(map(escaped, sorted(components))))
    asked = f"{SECONDS}{{component=~{names}}}[59999ms]"
    accounts: dict[tuple[str, Source], dict[MinuteState, tuple[float, str]]] = {}
    for labels, points in prometheus.samples(asked, span.moment(minute + 1) - MILLISECOND):
        if labels.get("state") in COUNTED:
            key = (labels["component"], frozenset((name, labels[name]) for name in labels if name != "state"))
            accounts.setdefault(key, {})[MinuteState(labels["state"])] = points[-1 if last else 0]
    return {key: _reading(account) for key, account in accounts.items()}


def _reading(account: Mapping[MinuteState, tuple[float, str]]) -> Reading:
    """One scrape; of states whose samples are not of the same one, nothing is said."""
    at = {moment for moment, _ in account.values()}
    moment = datetime.fromtimestamp(max(at), UTC)
    return Reading(moment, {state: float(value) for state, (_, value) in account.items()} if len(at) == 1 else {})


def add_fills(seen: Mapping[str, Seen], fills: Iterable[Fill]) -> None:
    """Count the proved minutes as seen."""
    for fill in fills:
        one, minutes = seen[fill.gap.component], between(fill.gap.first, fill.gap.end)
        if fill.state is MinuteState.UP:
            one.up |= minutes
        else:
            one.down |= minutes
