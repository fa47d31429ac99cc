"""How a service follows from its components, as `targets.yml` declares it (semantics 23)."""

from typing import Literal

from pydantic import Field

from groundwork.configuration import Strict


class Quorum(Strict):
    """The service works while at least so many of its components do."""

    quorum: int = Field(ge=1)


Combination = Literal["all", "any"] | Quorum
"""All components are needed, any of them suffices, or a number of them."""


def needed(combination: Combination, components: int) -> int:
    """How many of a service's components must work."""
    if isinstance(combination, Quorum):
        return combination.quorum
    return components if combination == "all" else 1
