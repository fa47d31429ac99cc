"""What could not be understood waits here until somebody settles it: replayed or dismissed."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, case, insert, null, select, update

from incident_store.models import QuarantineRow


@dataclass(frozen=True)
class Rejected:
    """Something that could not be understood: a named reason, a sentence, and the bytes as they came."""

    reason: str
    detail: str
    body: bytes


class Settlement(StrEnum):
    """How an entry was settled."""

    REPLAYED = "replayed"
    DISMISSED = "dismissed"


@dataclass(frozen=True)
class Entry:
    """One entry: what came, why it was not understood, when and how often, and whether it still waits."""

    number: int
    rejected: Rejected
    first_received_at: datetime
    last_received_at: datetime
    times: int
    settlement: Settlement | None


def quarantine(connection: Connection, rejected: Rejected, now: datetime) -> None:
    """Keep what could not be understood. The same bytes again only count; what was dismissed stays dismissed."""
    digest = hashlib.sha256(rejected.reason.encode() + b"\0" + rejected.body).hexdigest()
    dismissed = QuarantineRow.settlement == Settlement.DISMISSED.value
    again = connection.execute(
        update(QuarantineRow)
        .where(QuarantineRow.digest == digest)
        .values(
            times=QuarantineRow.times + 1,
            last_received_at=now,
            settled_at=case((dismissed, QuarantineRow.settled_at), else_=null()),
            settlement=case((dismissed, QuarantineRow.settlement), else_=null()),
        )
    )
    if again.rowcount:
        return
    connection.execute(
        insert(QuarantineRow).values(
            digest=digest,
            reason=rejected.reason,
            detail=rejected.detail.replace("\0", "\\0"),
            body=rejected.body,
            first_received_at=now,
            last_received_at=now,
            times=1,
        )
    )


def waiting_entries(connection: Connection, limit: int = 1000) -> list[Entry]:
    """The entries that wait to be settled, the oldest first."""
    query = select(*QuarantineRow.__table__.c).where(QuarantineRow.settled_at.is_(None))
    return [_entry(row) for row in connection.execute(query.order_by(QuarantineRow.id).limit(limit))]


def find_entry(connection: Connection, number: int) -> Entry | None:
    """One entry, settled or not; None when there is none with this number."""
    row = connection.execute(select(*QuarantineRow.__table__.c).where(QuarantineRow.id == number)).first()
    return None if row is None else _entry(row)


def settle(connection: Connection, number: int, settlement: Settlement, now: datetime) -> None:
    """Note that an entry waits no more, and why."""
    connection.execute(
        update(QuarantineRow).where(QuarantineRow.id == number).values(settled_at=now, settlement=settlement.value)
    )


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        row.id,
        Rejected(row.reason, row.detail, row.body),
        row.first_received_at,
        row.last_received_at,
        row.times,
        Settlement(row.settlement) if row.settlement else None,
    )
