"""One audit of every chain at a time, beside the pages, at a cost that is bounded."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from incident_store.audit import Audit, count_events, verify
from incident_store.database import reading

log = structlog.get_logger()

LONGEST = timedelta(minutes=10)
"""After so long an audit gives up: what takes longer belongs on a terminal."""
REST_EVERY = 0.05
"""Seconds of work after which it rests for as long: half a core at most, and the pages go on."""


class TookTooLong(Exception):
    """The audit did not come to its end in time."""


@dataclass(frozen=True)
class AuditStanding:
    """What the last audit found, or how far the one under way is. `trouble` says why one came to no end."""

    begun_at: datetime | None = None
    by: str = ""
    seen: int = 0
    total: int = 0
    ended_at: datetime | None = None
    found: Audit | None = None
    trouble: str | None = None

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self.begun_at is not None and self.ended_at is None


class AuditRun:
    """The audits of one process, one after the other."""

    def __init__(self, engine: Engine, longest: timedelta = LONGEST) -> None:
        self._engine, self._longest = engine, longest
        self._busy = threading.Lock()
        self.standing = AuditStanding()

    def begin(self, by: str) -> bool:
        """Begin one; False when one is under way."""
        if not self._busy.acquire(blocking=False):
            return False
        self.standing = AuditStanding(begun_at=datetime.now(UTC), by=by)
        threading.Thread(target=self._run, name="audit", daemon=True).start()
        return True

    def _run(self) -> None:
        try:
            self.standing = replace(self.standing, found=self._verify())
        except TookTooLong:
            self._stopped(f"No terminó en {self._longest // timedelta(minutes=1)} minutos.")
        except DBAPIError as error:
            self._stopped(f"La base dejó de responder: {str(error.orig).strip()}")
        except Exception:
            # The thread's outermost net: whoever waits for the result is told that there is none.
            log.exception("the audit failed")
            self._stopped("La verificación falló; el registro del proceso dice por qué.")
        finally:
            self.standing = replace(self.standing, ended_at=datetime.now(UTC))
            self._busy.release()

    def _verify(self) -> Audit:
        with reading(self._engine).connect() as connection:
            self.standing = replace(self.standing, total=count_events(connection))
            audit = verify(connection, seen=self._pacing())
        log.info("audited", person=self.standing.by, events=audit.events, broken=str(audit.broken or ""))
        return audit

    def _pacing(self) -> Callable[[int], None]:
        ends, worked_from = time.monotonic() + self._longest.total_seconds(), time.monotonic()

        def seen(events: int) -> None:
            nonlocal worked_from
            self.standing = replace(self.standing, seen=self.standing.seen + events)
            worked = time.monotonic() - worked_from
            if worked_from + worked > ends:
                raise TookTooLong
            if worked > REST_EVERY:
                time.sleep(worked)
                worked_from = time.monotonic()

        return seen

    def _stopped(self, trouble: str) -> None:
        log.warning("audit without end", reason=trouble)
        self.standing = replace(self.standing, trouble=trouble)
