"""The bodies of deliveries, compressed, kept for a while as evidence of what Alertmanager said."""

import zlib
from datetime import datetime

from sqlalchemy import Connection, Table, delete, insert, select

from incident_store.models import DeliveryRow, QuarantineRow

LEVEL = 1
"""The fastest: bodies are repetitive, and the receiver has no time."""

DELIVERIES: Table = DeliveryRow.__table__  # type: ignore[assignment]
_KEEP = insert(DELIVERIES).inline()


def keep_body(connection: Connection, body: bytes, now: datetime) -> None:
    """Keep a body as it came."""
    connection.execute(_KEEP, {"received_at": now, "size": len(body), "body": zlib.compress(body, LEVEL)})


def read_bodies(connection: Connection, start: datetime, end: datetime) -> list[bytes]:
    """The bodies received from `start` (included) to `end` (excluded), in order."""
    query = select(DeliveryRow.body).where(DeliveryRow.received_at >= start, DeliveryRow.received_at < end)
    return [zlib.decompress(body) for body in connection.scalars(query.order_by(DeliveryRow.id))]


def forget_bodies(connection: Connection, before: datetime) -> int:
    """Remove bodies, and quarantine entries that were settled, from before this moment; returns how many."""
    bodies = connection.execute(delete(DeliveryRow).where(DeliveryRow.received_at < before))
    settled = connection.execute(delete(QuarantineRow).where(QuarantineRow.settled_at < before))
    return bodies.rowcount + settled.rowcount
