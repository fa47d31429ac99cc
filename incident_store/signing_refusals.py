"""Why a month is not signed; a name for each reason, for those who show it in other words."""

from enum import StrEnum

from groundwork.problems import Refused


class Unsigned(StrEnum):
    """What is in the way of a signature."""

    WRONG_ROLE = "wrong_role"
    NOT_OVER = "not_over"
    INCOMPLETE = "incomplete"
    NO_REASON = "no_reason"
    UNCHANGED = "unchanged"
    OVERTAKEN = "overtaken"


class SigningRefused(Refused):
    """A month is not signed, for this reason; the text says what to do instead."""

    def __init__(self, reason: Unsigned, words: str) -> None:
        super().__init__(words)
        self.reason = reason
