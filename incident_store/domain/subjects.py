"""What an incident that is reported by hand may be about: a component that is watched, or a load of the exchange."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

NEAR = 5
LONGEST = 200
"""Characters of a name that are compared with those that are known."""


@dataclass(frozen=True)
class Subjects:
    """What is known here: the service of each component that is watched, and the loads, as CLARO or CLARO/ROBOS."""

    services: Mapping[str, str] = field(default_factory=dict)
    loads: frozenset[str] = frozenset()

    def knows(self, name: str) -> bool:
        """Whether it is one of them; where nothing is watched, nothing can be missing."""
        return not self.services or name in self.services or name in self.loads

    def near(self, name: str) -> tuple[str, ...]:
        """The known names that are most like this one, whatever their case, the likest first."""
        folded = {known.casefold(): known for known in (*self.services, *sorted(self.loads))}
        return tuple(folded[one] for one in get_close_matches(name[:LONGEST].casefold(), folded, NEAR))

    def service(self, name: str, given: str) -> str:
        """The service that was given, else that of the component."""
        return given.strip() or self.services.get(name, "")


ANYTHING = Subjects()
"""Nothing is known, so everything may be reported."""
