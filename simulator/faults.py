"""The faults one may ask for, and the file that says which are on and until when."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import structlog

from groundwork.atomic_file import write_atomically

log = structlog.get_logger()


class Fault(StrEnum):
    """What may go wrong on demand."""

    PORTAL_DOWN = "portal-down"
    API_SLOW = "api-slow"
    DB_DOWN = "db-down"
    LINK_DOWN = "link-down"
    QUEUE_STUCK = "queue-stuck"
    REJECT_FILES = "reject-files"
    CORRUPT_FILE = "corrupt-file"
    MISSING_FILE = "missing-file"
    CERT_EXPIRED = "cert-expired"
    MASS_BLOCK = "mass-block"


EFFECTS = {
    Fault.PORTAL_DOWN: "the portal's pages answer 503",
    Fault.API_SLOW: "the query API answers after 2.5 s",
    Fault.DB_DOWN: "nobody reaches the database; portal and API answer 503",
    Fault.LINK_DOWN: "connections are refused, operators' files pile up until the link is back",
    Fault.QUEUE_STUCK: "files are queued but not processed; alert after 10 minutes",
    Fault.REJECT_FILES: "CLARO sends ROBOS files with a bad trailer (F04)",
    Fault.CORRUPT_FILE: "ENTEL sends undecodable ALTAS files (F02)",
    Fault.MISSING_FILE: "DOLPHIN withholds its BAJAS file of the day; alert after 06:00 in Lima",
    Fault.CERT_EXPIRED: "the TLS port serves an expired certificate",
    Fault.MASS_BLOCK: "MOVISTAR loads a planned batch of 100,000 to 130,000 blocks (scaled); not a fault",
}

Deadlines = dict[Fault, datetime | None]
"""Until when each fault lasts; None: until it is cleared."""


class FaultBook:
    """The file of faults, shared by the simulator that reads it and the command that writes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._deadlines: Deadlines = {}

    def active(self, now: datetime) -> frozenset[Fault]:
        """The faults that are on at `now`; the file is read again only when it has changed."""
        return frozenset(still_on(self._read(), now))

    def deadlines(self, now: datetime) -> Deadlines:
        """The faults that are on at `now`, with their ends."""
        return still_on(self._read(), now)

    def start(self, fault: Fault, until: datetime | None, now: datetime) -> None:
        """Turn a fault on, or move the end of one that is on already."""
        with self._locked():
            self._write(still_on(self._read(), now) | {fault: until})

    def clear(self, fault: Fault | None, now: datetime) -> Deadlines:
        """Turn one fault, or all of them, off; returns those that were on."""
        with self._locked():
            on = still_on(self._read(), now)
            ended = on if fault is None else {name: until for name, until in on.items() if name is fault}
            self._write({name: until for name, until in on.items() if name not in ended})
        return ended

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> Deadlines:
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_ino, status.st_size)
            if seen != self._seen:
                self._deadlines, self._seen = parse(self._path.read_bytes()), seen
        except FileNotFoundError:
            self._deadlines, self._seen = {}, None
        return self._deadlines

    def _write(self, deadlines: Deadlines) -> None:
        entries = {name.value: until and until.isoformat() for name, until in deadlines.items()}
        write_atomically(self._path, json.dumps(entries, indent=1).encode())


def still_on(deadlines: Deadlines, now: datetime) -> Deadlines:
    """The faults whose end has not come at `now`."""
    return {name: until for name, until in deadlines.items() if until is None or now < until}


def parse(body: bytes) -> Deadlines:
    """The faults of a file; an unreadable file means none, and an event in the log."""
    try:
        return {Fault(name): until and _moment(until) for name, until in json.loads(body).items()}
    except (ValueError, AttributeError, TypeError) as error:
        log.warning("faults file unreadable, no fault is on", error=str(error))
        return {}


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
