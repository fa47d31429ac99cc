"""Whose fault an opening seems to be: from the owner of what failed and from what else was down at that minute.

Only a suspicion with its reasons; people decide (activities 4 and 5). Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from incident_store.domain.policies import Responsible


class Condition(StrEnum):
    """How a component stood at the minute; unknown is neither up nor down (semantics 21)."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Seen:
    """A component as it stood at the minute. `link` is what it is reached through, its own name when it is a link."""

    component: str
    owner: str
    link: str
    condition: Condition

    @property
    def is_link(self) -> bool:
        """Whether others may be reached through it."""
        return self.link == self.component


class Ground(StrEnum):
    """A reason for or beside a suspicion; the value is how the record names it."""

    MONITOR_BLIND = "monitor_blind"
    ALL_DOWN = "all_down"
    LINK_DOWN = "link_down"
    BEHIND_LINK_DOWN = "behind_link_down"
    BEHIND_LINK_UP = "behind_link_up"
    OWNER = "owner"
    SAME_OWNER_DOWN = "same_owner_down"
    OTHERS_DOWN = "others_down"
    ALONE = "alone"
    NONE_DOWN = "none_down"


@dataclass(frozen=True)
class Indication:
    """One ground, and the components (or the owner) that it speaks of."""

    ground: Ground
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attribution:
    """Who is suspected, and why; the first indication is the one that decided."""

    responsible: Responsible
    indications: tuple[Indication, ...]


def attribute(
    component: str, owner: str, around: Sequence[Seen], *, blind: bool, owners: Mapping[str, Responsible]
) -> Attribution:
    """Who is suspected when `component`, of this `owner`, fails while the others stand as in `around`.

    In this order: a blind monitor accuses nobody; nor does a minute in which everything of several owners is down; a
    link that is down together with everything behind it answers for what is behind it; else the owner answers.
    """
    if blind:
        return Attribution(Responsible.NOBODY, (Indication(Ground.MONITOR_BLIND),))
    own = next((one for one in around if one.component == component), None)
    link = _link_to_blame(own, around)
    down = [one for one in around if one.condition is Condition.DOWN and one.component != component]
    if link is None and _all_down(around):
        return Attribution(Responsible.NOBODY, (Indication(Ground.ALL_DOWN, _names(around)),))
    if link is not None:
        behind = [one for one in _behind(link, around) if one.condition is not Condition.UP]
        grounds = [Indication(Ground.LINK_DOWN, (link.component,)), Indication(Ground.BEHIND_LINK_DOWN, _names(behind))]
        beside = [one for one in down if one not in behind and one is not link]
        return _said(owners.get(link.owner), [*grounds, Indication(Ground.OTHERS_DOWN, _names(beside))])
    owner = owner or (own.owner if own else "")
    return _said(owners.get(owner), [Indication(Ground.OWNER, (owner,)), *_beside(own, owner, down, around)])


def _said(responsible: Responsible | None, indications: Sequence[Indication]) -> Attribution:
    """With the indications that speak of somebody, and those that speak for themselves."""
    kept = tuple(one for one in indications if any(one.names) or one.ground in (Ground.ALONE, Ground.NONE_DOWN))
    return Attribution(responsible or Responsible.NOBODY, kept)


def _link_to_blame(own: Seen | None, around: Sequence[Seen]) -> Seen | None:
    """The link that failed with everything behind it; None when it is up, or when something behind it answers."""
    if own is None or not own.link:
        return None
    link = next((one for one in around if one.component == own.link and one.is_link), None)
    if link is None or link.condition is not Condition.DOWN:
        return None
    behind = _behind(link, around)
    return None if any(one.condition is Condition.UP for one in behind) else link


def _behind(link: Seen, around: Sequence[Seen]) -> list[Seen]:
    return [one for one in around if one.link == link.component and one is not link]


def _all_down(around: Sequence[Seen]) -> bool:
    """Whether nothing answers, whoever it belongs to: more likely the monitor's own side than everybody's at once."""
    nothing_up = all(one.condition is not Condition.UP for one in around)
    down_owners = {one.owner for one in around if one.condition is Condition.DOWN}
    return nothing_up and len(down_owners) > 1


def _beside(own: Seen | None, owner: str, down: Sequence[Seen], around: Sequence[Seen]) -> list[Indication]:
    """What else was down, apart by owner, and whether the component's link stands."""
    same = [one for one in down if one.owner == owner]
    others = [one for one in down if one.owner != owner]
    link_down = own is not None and (own.is_link or any(one.component == own.link for one in down))
    answering = [one for one in around if own and one.link == own.link and one.condition is Condition.UP]
    found = [Indication(Ground.SAME_OWNER_DOWN, _names(same)), Indication(Ground.OTHERS_DOWN, _names(others))]
    if around and not down:
        own_down = own is not None and own.condition is Condition.DOWN
        found = [Indication(Ground.ALONE if own_down else Ground.NONE_DOWN)]
    if link_down:
        found.append(Indication(Ground.BEHIND_LINK_UP, _names(answering)))
    return found


def _names(seen: Sequence[Seen]) -> tuple[str, ...]:
    return tuple(sorted(one.component for one in seen))
