"""When which operator sends what: a pure decision from the operators' notes, the time and the faults that are on."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import Enum, auto

from simulator.data_days import LIMA, data_day
from simulator.faults import Fault
from simulator.file_format import LAST_SEQUENCE
from simulator.notebook import Notebook, Sent
from simulator.vocabulary import FileType, Load, Operator

LAST_REGULAR = 90
"""Regular files leave the last numbers of a day to the answers to faults; the very last one to a good file."""
LAST_BAD = LAST_SEQUENCE - 1
REPEATED_QUICKLY = 6
QUICKLY = timedelta(seconds=10)
SLOWLY = timedelta(seconds=60)
WINDOW = (time(2, 0), time(5, 45))


class Kind(Enum):
    """What sort of file is sent."""

    GOOD = auto()
    BAD_TRAILER = auto()
    UNDECODABLE = auto()
    BATCH = auto()


@dataclass(frozen=True)
class Delivery:
    """One file to send."""

    load: Load
    kind: Kind
    answers: Fault | None = None


DAMAGED = {
    (Operator.CLARO, FileType.ROBOS): (Fault.REJECT_FILES, Kind.BAD_TRAILER),
    (Operator.ENTEL, FileType.ALTAS): (Fault.CORRUPT_FILE, Kind.UNDECODABLE),
}
WITHHELD = (Operator.DOLPHIN, FileType.BAJAS)
ONE_SPECIAL_DELIVERY = {
    Fault.MASS_BLOCK: (Operator.MOVISTAR, FileType.ROBOS, Kind.BATCH),
    Fault.QUEUE_STUCK: (Operator.BITEL, FileType.ROBOS, Kind.GOOD),  # so that there is something in the queue
}


def withheld_load(active: Collection[Fault], now: datetime) -> Load | None:
    """The load that its operator does not send while `missing-file` is on."""
    return Load(*WITHHELD, data_day(now)) if Fault.MISSING_FILE in active else None


def due(notebook: Notebook, active: Collection[Fault], speed: float, now: datetime) -> Iterator[Delivery]:
    """The files to send now, at most one of each operator, so that its files keep their order."""
    for operator in Operator:
        delivery = next(_due_of(operator, notebook, active, speed, now), None)
        if delivery:
            yield delivery


def _due_of(
    operator: Operator, notebook: Notebook, active: Collection[Fault], speed: float, now: datetime
) -> Iterator[Delivery]:
    for file_type in FileType:
        load = Load(operator, file_type, data_day(now))
        kind = _kind_due(load, notebook.of(load), active, speed, now)
        if kind:
            yield Delivery(load, kind)
    for fault, (sender, file_type, kind) in ONE_SPECIAL_DELIVERY.items():
        load = Load(operator, file_type, data_day(now))
        if sender is operator and fault in active and fault not in notebook.answered:
            yield Delivery(load, kind, answers=fault)


def _kind_due(load: Load, sent: Sent, active: Collection[Fault], speed: float, now: datetime) -> Kind | None:
    place = (load.operator, load.file_type)
    if place == WITHHELD and Fault.MISSING_FILE in active:
        return None
    damage = DAMAGED.get(place)
    if damage and damage[0] in active:
        return damage[1] if _bad_is_due(sent, now) else None
    if sent.owed:
        return Kind.GOOD if sent.sequence < LAST_SEQUENCE else None
    return Kind.GOOD if _regular_is_due(load, sent, speed, now) else None


def _bad_is_due(sent: Sent, now: datetime) -> bool:
    if sent.sequence >= LAST_BAD:
        return False
    if sent.at is None or not sent.bad:
        return True
    return now - sent.at >= (QUICKLY if sent.bad < REPEATED_QUICKLY else SLOWLY)


def _regular_is_due(load: Load, sent: Sent, speed: float, now: datetime) -> bool:
    if sent.at is None:
        return speed > 1 or now >= _slot(load)
    return sent.sequence < LAST_REGULAR and speed > 1 and now - sent.at >= _period(load, speed)


def _period(load: Load, speed: float) -> timedelta:
    """A day over `speed`, a little longer or shorter for each load, so that they do not come all at once."""
    return timedelta(days=1) / speed * (0.9 + 0.2 * _place(load))


def _slot(load: Load) -> datetime:
    start, end = (datetime.combine(load.day + timedelta(days=1), hour, LIMA).astimezone(UTC) for hour in WINDOW)
    return start + (end - start) * _place(load)


def _place(load: Load) -> float:
    """Where this load stands among all, from 0 to 1."""
    position = list(Operator).index(load.operator) * len(FileType) + list(FileType).index(load.file_type)
    return position / (len(Operator) * len(FileType) - 1)
