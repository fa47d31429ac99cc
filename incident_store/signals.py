"""When something last happened that another process waits for; a row a name, which only moves forward."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

from incident_store.models import SignalRow


class Signal(StrEnum):
    """What is signalled: the dead-man's switch arrived; Alertmanager cut a body short."""

    WATCHDOG = "watchdog"
    TRUNCATED = "truncated"


def send_signal(connection: Connection, signal: Signal, at: datetime) -> None:
    """Note that it happened at `at`; an earlier moment changes nothing. Fails like a lost race on a first row."""
    moved = connection.execute(update(SignalRow).where(SignalRow.name == signal.value, SignalRow.at < at).values(at=at))
    if moved.rowcount == 0 and last_signal(connection, signal) is None:
        connection.execute(insert(SignalRow).values(name=signal.value, at=at))


def last_signal(connection: Connection, signal: Signal) -> datetime | None:
    """When it last happened, None if never."""
    return connection.execute(select(SignalRow.at).where(SignalRow.name == signal.value)).scalar_one_or_none()
