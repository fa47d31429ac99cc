"""What the operators remember: numbers they have used, what they still owe, which handsets they have reported."""

from datetime import date, datetime
from pathlib import Path

from pydantic import BaseModel, Field

from groundwork.atomic_file import write_atomically
from simulator.faults import Fault
from simulator.handsets import seeded_lines
from simulator.vocabulary import FileType, Load, Operator

SOURCE = {FileType.BAJAS: FileType.ALTAS, FileType.RECUPERADOS: FileType.ROBOS}
"""Whoever leaves a list must have been put on it: which type of file supplies the handsets of another."""


class Sent(BaseModel):
    """The files of one load: the last number used, when, and whether a good one is owed after `bad` bad ones."""

    day: date
    sequence: int = 0
    at: datetime | None = None
    bad: int = 0
    owed: bool = False


class Notebook(BaseModel):
    """Everything, as it is kept on disk. `reported` counts handsets by `OPERATOR/TYPE`."""

    scale: float
    sent: dict[str, Sent] = Field(default_factory=dict)
    reported: dict[str, int] = Field(default_factory=dict)
    answered: set[Fault] = Field(default_factory=set)
    """Faults that call for one special delivery, and have had it."""

    def of(self, load: Load) -> Sent:
        """What was sent for this load; nothing yet when the notes are of another day."""
        notes = self.sent.get(_key(load.operator, load.file_type))
        return notes if notes and notes.day == load.day else Sent(day=load.day)

    def note(self, load: Load, sent: Sent) -> None:
        """Remember what was sent for this load."""
        self.sent[_key(load.operator, load.file_type)] = sent

    def next_numbers(self, operator: Operator, file_type: FileType, wanted: int) -> range:
        """The operator's next handsets to report, at most `wanted`; not yet counted as reported."""
        start = self._count(operator, file_type)
        source = SOURCE.get(file_type)
        end = start + wanted if source is None else min(start + wanted, self._count(operator, source))
        return range(start, end)

    def reported_up_to(self, operator: Operator, file_type: FileType, number: int) -> None:
        """Count the operator's handsets below `number` as reported."""
        self.reported[_key(operator, file_type)] = number

    def _count(self, operator: Operator, file_type: FileType) -> int:
        seeded = seeded_lines(operator, self.scale) if file_type is FileType.ALTAS else 0
        return self.reported.get(_key(operator, file_type), seeded)


def read_notebook(path: Path, scale: float) -> Notebook:
    """The operators' notes, or blank ones for a register that begins now at this `scale`."""
    try:
        return Notebook.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Notebook(scale=scale)


def save_notebook(path: Path, notebook: Notebook) -> None:
    """Keep the notes; durable when this returns."""
    write_atomically(path, notebook.model_dump_json(indent=1).encode())


def _key(operator: Operator, file_type: FileType) -> str:
    return f"{operator}/{file_type}"
