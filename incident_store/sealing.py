"""Checkpoints in the store: what grew since the last one is sealed, whoever committed it in whatever order.

No writer of events waits for this. Events get their number before their transaction is committed, so some become
visible behind others that are sealed already: each round looks again at all that is newer than `LATE` before the last.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, Row, Select, and_, exists, func, insert, select

from incident_store.chains import CHAINS, Chains
from incident_store.domain.checkpoints import CheckpointHash, Entry
from incident_store.models import CheckpointEntryRow, CheckpointRow
from incident_store.transactions import in_transaction

log = structlog.get_logger()

LATE = timedelta(minutes=10)
"""Longer than any transaction lives: a statement may take 30 seconds, and one that idles is ended after a minute."""

AT_ONCE = 1000


@dataclass(frozen=True)
class Checkpoint:
    """One seal over all chains; `entries` counts those that had grown."""

    number: int
    sealed_at: datetime
    hash: str
    entries: int


def seal_growth(engine: Engine, now: datetime) -> Checkpoint | None:
    """Seal what grew since the last checkpoint; None when nothing did, or another worker was faster.

    Raises StoreUnavailable when it could not be committed.
    """
    checkpoint = in_transaction(engine, lambda connection: _seal(connection, now))
    if checkpoint is not None:
        # The log leaves this machine: who rewrites the store has to rewrite it too.
        log.info("sealed", checkpoint=checkpoint.number, hash=checkpoint.hash, chains=checkpoint.entries)
    return checkpoint


def last_checkpoint(connection: Connection) -> Row[Any] | None:
    """The newest checkpoint's row, None before the first."""
    query = select(*CheckpointRow.__table__.c).order_by(CheckpointRow.number.desc()).limit(1)
    return connection.execute(query).first()


def _seal(connection: Connection, now: datetime) -> Checkpoint | None:
    if connection.dialect.name == "postgresql":
        # The first round reads every event there is, and nobody waits for it.
        connection.exec_driver_sql("SET LOCAL statement_timeout = '1h'")
    last = last_checkpoint(connection)
    since = {} if last is None else _through(connection, last.sealed_at - LATE)
    through = {chains.of: _newest(connection, chains) for chains in CHAINS}
    number, previous = (1, "") if last is None else (last.number + 1, last.hash)
    sealed_at = now if last is None else max(now, last.sealed_at)
    digest = CheckpointHash(previous, number, sealed_at, through)
    entries = sum(_write_grown(connection, chains, since.get(chains.of, 0), number, digest) for chains in CHAINS)
    if not entries and (since == through or last is None or sealed_at < last.sealed_at + LATE):
        return None  # Else the checkpoint is empty, and what it saw is not looked at again.
    row = {"number": number, "sealed_at": sealed_at, "through": through, "previous_hash": previous}
    connection.execute(insert(CheckpointRow).values(**row, hash=digest.hexdigest()))
    return Checkpoint(number, sealed_at, digest.hexdigest(), entries)


def _through(connection: Connection, moment: datetime) -> dict[str, int]:
    """By kind of chain, the newest event that a checkpoint of this moment or before had seen."""
    query = select(CheckpointRow.through).where(CheckpointRow.sealed_at <= moment)
    return connection.scalars(query.order_by(CheckpointRow.number.desc()).limit(1)).first() or {}


def _newest(connection: Connection, chains: Chains) -> int:
    return connection.scalar(select(func.max(chains.events.c.id))) or 0


def _write_grown(connection: Connection, chains: Chains, since: int, number: int, digest: CheckpointHash) -> int:
    """Write an entry for each chain that has events which no checkpoint seals; returns how many."""
    written = 0
    found = connection.execute(_grown(chains, since), execution_options={"yield_per": AT_ONCE})
    for rows in found.partitions():
        entries = [Entry(chains.of, *row) for row in rows]
        values = [
            {
                "checkpoint": number,
                "chain": entry.chain,
                "number": entry.number,
                "events": entry.events,
                "hash": entry.hash,
            }
            for entry in digest.taking(entries)
        ]
        connection.execute(insert(CheckpointEntryRow), values)
        written += len(values)
    return written


def _grown(chains: Chains, since: int) -> Select[Any]:
    events, owner = chains.events, chains.owners
    last = (
        select(owner.label("owner"), func.max(events.c.sequence).label("sequence"))
        .where(events.c.id > since)
        .group_by(owner)
        .subquery()
    )
    sealed = exists().where(
        CheckpointEntryRow.chain == chains.of,
        CheckpointEntryRow.number == owner,
        CheckpointEntryRow.events >= events.c.sequence,
    )
    return (
        select(owner, events.c.sequence, events.c.hash)
        .join(last, and_(owner == last.c.owner, events.c.sequence == last.c.sequence))
        .where(~sealed)
        .order_by(owner)
    )
