"""What people may not do with notices and mails, with a named reason."""

from groundwork.problems import Refused
from incident_store.domain.notices import Reason


class MailRefused(Refused):
    """It cannot be done with this notice or mail; the text says what can."""

    def __init__(self, reason: Reason, line: str) -> None:
        self.reason = reason
        super().__init__(line)
