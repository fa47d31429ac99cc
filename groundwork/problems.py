"""What is wrong with the configuration, said so that the reader can mend it."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing wrong: `file:line`, the entry, what is wrong with it and what to do."""

    file: str
    what: str
    remedy: str
    line: int | None = None
    where: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        entry = f"{self.where}: " if self.where else ""
        return f"{place}: {entry}{self.what}; {self.remedy}"


class ConfigurationError(Exception):
    """The configuration cannot be used; carries every problem found. Trying again changes nothing."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Refused(Exception):
    """What was asked cannot be done; the text says what to do instead. Trying again changes nothing."""


class Away(Exception):
    """Something outside did not answer; the same call may succeed later."""
