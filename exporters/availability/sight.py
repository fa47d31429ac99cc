"""Whether the monitor sees at all: when every canary fails with everything else, it is blind (semantics 22). Pure.

What succeeded before the canaries began to fail proves nothing of now, and is left aside. Components that are
reached without the network (`local`) prove nothing either.
"""

from collections.abc import Iterable
from math import inf

from exporters.availability.watched import Watched


class Sight:
    """What is known of the canaries, and which other components answered last time. Times are of one clock."""

    def __init__(self, canaries: Iterable[str] = ()) -> None:
        self._looked_at = dict.fromkeys(canaries, -inf)
        self._failing_since = dict.fromkeys(self._looked_at, inf)
        self._answering: dict[str, float] = {}

    @property
    def canaries(self) -> frozenset[str]:
        """The names of the canaries."""
        return frozenset(self._looked_at)

    @property
    def blind(self) -> bool:
        """Whether every canary fails and nothing answered since they do."""
        since = max(self._failing_since.values(), default=inf)
        if since == inf:
            return False
        return next(reversed(self._answering.values()), -inf) <= since

    def looked_at(self, canary: str) -> float:
        """When the last look at the canary began."""
        return self._looked_at[canary]

    def saw(self, component: Watched, success: bool, began: float, ended: float) -> None:
        """A probe of the component, from `began` to `ended`."""
        name = component.name
        if name in self._looked_at:
            self._looked_at[name] = max(self._looked_at[name], began)
            self._failing_since[name] = inf if success else min(self._failing_since[name], began)
        self._answering.pop(name, None)
        if success and not component.local:
            self._answering[name] = ended  # a dictionary keeps the order: the newest stands last

    def now_watching(self, components: Iterable[Watched]) -> None:
        """Other components from here on; what is known of those that stay is kept."""
        watched = {component.name: component for component in components}
        canaries = [name for name, component in watched.items() if component.canary]
        self._looked_at = {name: self._looked_at.get(name, -inf) for name in canaries}
        self._failing_since = {name: self._failing_since.get(name, inf) for name in canaries}
        self._answering = {name: at for name, at in self._answering.items() if name in watched}
