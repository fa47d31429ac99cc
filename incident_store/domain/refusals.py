"""What somebody wants to record, and the named reasons for which it is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from incident_store.domain.lifecycle import EventKind, Role


class Reason(StrEnum):
    """Why a step is refused."""

    OUT_OF_ORDER = "out_of_order"
    WRONG_ROLE = "wrong_role"
    FUTURE = "future"
    BEFORE_DETECTION = "before_detection"
    WRONG_ORDER = "wrong_order"
    MISSING_DETAIL = "missing_detail"
    BAD_DETAIL = "bad_detail"
    NO_DIAGNOSIS = "no_diagnosis"
    OWN_CHANGE = "own_change"
    NOT_RESTORED = "not_restored"
    STILL_FIRING = "still_firing"
    WAS_RESTORED = "was_restored"
    NOTHING_PROPOSED = "nothing_proposed"
    QUESTION = "question"
    UNKNOWN_COMPONENT = "unknown_component"


@dataclass(frozen=True)
class Actor:
    """Who acts."""

    name: str
    role: Role


@dataclass(frozen=True)
class Step:
    """What somebody wants to record: what happened, when (UTC), and what must be said with it."""

    kind: EventKind
    at: datetime
    details: Mapping[str, str]


@dataclass(frozen=True)
class Refusal:
    """A named reason and a sentence that says what would be accepted."""

    reason: Reason
    text: str
