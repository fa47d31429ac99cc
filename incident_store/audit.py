"""Reads every checkpoint, every chain of events and the files they name, and names what does not fit (semantics 12)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any

from sqlalchemy import Connection, Row, Table, exists, func, select

from groundwork.problems import Refused
from incident_store.blobs import pieces
from incident_store.chains import CHAINS, Chains
from incident_store.domain.checkpoints import CheckpointHash, Entry
from incident_store.models import CheckpointEntryRow, CheckpointRow
from incident_store.projections import difference
from incident_store.sealing import Checkpoint
from incident_store.streams import Ahead, streamed

MOST_NAMED = 100
"""Broken chains after which an audit has seen enough."""

CHECKPOINTS: Table = CheckpointRow.__table__  # type: ignore[assignment]
ENTRIES: Table = CheckpointEntryRow.__table__  # type: ignore[assignment]


@dataclass(frozen=True)
class Broken:
    """A link that does not fit: of what, its number, the event (None: all of it), and why."""

    of: str
    number: int
    sequence: int | None
    why: str

    def __str__(self) -> str:
        event = "" if self.sequence is None else f", event {self.sequence}"
        return f"{self.of} {self.number}{event}: {self.why}"


@dataclass
class Audit:
    """What was read. `broken` holds the first link that does not fit of each chain, at most `MOST_NAMED`, after which
    nothing more was read. `unsealed` events came after the last checkpoint that sealed their chain; `last` is the
    newest checkpoint."""

    events: int = 0
    files: int = 0
    chains: dict[str, int] = field(default_factory=dict)
    checkpoints: int = 0
    unsealed: int = 0
    last: Checkpoint | None = None
    broken: tuple[Broken, ...] = ()


def _nothing(_rows: int) -> None:
    return None


def verify(connection: Connection, expected: str = "", seen: Callable[[int], None] = _nothing) -> Audit:
    """Follow the checkpoints, then every chain from its first event to its last; one that is broken hides no other.

    `expected` is how the hash of a checkpoint begins that was kept elsewhere; `seen` is told of every event read.
    """
    audit = Audit()
    audit.broken = tuple(islice(_first_of_each(_breaks(connection, audit, expected, seen)), MOST_NAMED))
    return audit


def _first_of_each(breaks: Iterator[Broken]) -> Iterator[Broken]:
    """What follows a broken link of the same chain says nothing new."""
    named: set[tuple[str, int]] = set()
    for one in breaks:
        if (one.of, one.number) not in named:
            named.add((one.of, one.number))
            yield one


def count_events(connection: Connection) -> int:
    """How many events `verify` will read."""
    return sum(connection.scalar(select(func.count()).select_from(chains.events)) or 0 for chains in CHAINS)


def _breaks(connection: Connection, audit: Audit, expected: str, seen: Callable[[int], None]) -> Iterator[Broken]:
    yield from islice(_broken_checkpoints(connection, audit, expected), 1)
    for chains in CHAINS:
        yield from _lonely(connection, chains)
        yield from _broken_chains(connection, chains, audit, seen)
        yield from _broken_files(connection, chains, audit)


def _broken_checkpoints(connection: Connection, audit: Audit, expected: str) -> Iterator[Broken]:
    """Each follows from the one before, is made of its entries, and one of them bears the hash kept elsewhere."""
    entries = Ahead(
        streamed(connection, select(ENTRIES).order_by(ENTRIES.c.checkpoint, ENTRIES.c.chain, ENTRIES.c.number))
    )
    previous, found = "", False
    for place, row in enumerate(streamed(connection, select(CHECKPOINTS).order_by(CHECKPOINTS.c.number)), 1):
        if row.number != place:
            yield Broken("checkpoint", place, None, "is missing")
        if row.previous_hash != previous:
            yield Broken("checkpoint", place, None, "does not follow from the checkpoint before it")
        digest, count = CheckpointHash(previous, row.number, row.sealed_at, row.through), 0
        for _ in digest.taking(_entries_of(entries, row.number)):
            count += 1
        if row.hash != digest.hexdigest():
            yield Broken("checkpoint", place, None, "or one of its entries was changed after it was written")
        previous, found = row.hash, found or row.hash.startswith(expected)
        audit.checkpoints, audit.last = place, Checkpoint(row.number, row.sealed_at, row.hash, count)
    if entries.next is not None:
        yield Broken("checkpoint", entries.next.checkpoint, None, "is missing, and its entries are there")
    if expected and not found:
        why = f"none has the hash {expected}: what was sealed then was removed or written anew"
        yield Broken("checkpoint", audit.checkpoints, None, why)


def _entries_of(entries: Ahead, checkpoint: int) -> Iterator[Entry]:
    while entries.next is not None and entries.next.checkpoint <= checkpoint:
        row = entries.take()
        yield Entry(row.chain, row.number, row.events, row.hash)


def _lonely(connection: Connection, chains: Chains) -> Iterator[Broken]:
    """A parent without events, and events without their parent."""
    parent = chains.parents.c.id
    empty = select(parent).where(~exists().where(chains.owners == parent)).order_by(parent).limit(MOST_NAMED)
    for number in connection.scalars(empty).all():
        yield Broken(chains.of, number, 1, "is missing")
    owner = chains.owners
    orphans = select(owner).distinct().where(~exists().where(parent == owner)).order_by(owner).limit(MOST_NAMED)
    for number in connection.scalars(orphans).all():
        yield Broken(chains.of, number, None, "is missing, and its events are there")


def _broken_chains(
    connection: Connection, chains: Chains, audit: Audit, seen: Callable[[int], None]
) -> Iterator[Broken]:
    """Each event follows from the one before, each chain is at least what the checkpoints sealed of it, and what other
    tables hold of it is what its events say."""
    of_these = select(ENTRIES).where(ENTRIES.c.chain == chains.of)
    seals = Ahead(streamed(connection, of_these.order_by(ENTRIES.c.number, ENTRIES.c.events)))
    events = streamed(connection, select(chains.events).order_by(chains.owners, chains.events.c.sequence))
    beside = chains.projections(connection)
    audit.chains[chains.of] = 0
    for number, group in groupby(events, key=lambda row: row._mapping[chains.owners]):
        yield from _removed(chains, seals, before=number)
        rows = list(group)
        links = list(_broken_links(chains, number, rows, seals, audit, seen))
        yield from links
        if not links and (why := difference(beside, number, rows)):
            yield Broken(chains.of, number, None, why)
        audit.chains[chains.of] += 1
    yield from _removed(chains, seals)


def _removed(chains: Chains, seals: Ahead, before: int | None = None) -> Iterator[Broken]:
    """What was sealed of chains that are no longer there."""
    while seals.next is not None and (before is None or seals.next.number < before):
        seal = seals.take()
        why = f"was removed; checkpoint {seal.checkpoint} sealed {seal.events} events of it"
        yield Broken(chains.of, seal.number, None, why)


def _broken_links(
    chains: Chains,
    number: int,
    rows: Sequence[Row[Any]],
    seals: Ahead,
    audit: Audit,
    seen: Callable[[int], None],
) -> Iterator[Broken]:
    previous, place, sealed = "", 0, 0
    for place, row in enumerate(rows, 1):
        if row.sequence != place:
            yield Broken(chains.of, number, place, "is missing")
        if row.previous_hash != previous:
            yield Broken(chains.of, number, place, "does not follow from the event before it")
        if row.hash != _sealed(chains, previous, number, row):
            yield Broken(chains.of, number, place, "was changed after it was written")
        if (seal := seals.next) is not None and (seal.number, seal.events) == (number, place):
            sealed = seals.take().events
            if seal.hash != row.hash:
                yield Broken(chains.of, number, place, f"is not the event that checkpoint {seal.checkpoint} sealed")
        previous = row.hash
    audit.events += place
    seen(place)
    if (seal := seals.next) is not None and seal.number == number:
        why = f"is missing; checkpoint {seal.checkpoint} sealed {seal.events} events"
        yield Broken(chains.of, number, place + 1, why)
    audit.unsealed += place - sealed


def _broken_files(connection: Connection, chains: Chains, audit: Audit) -> Iterator[Broken]:
    """Attachments and evidence: the bytes are those whose digest the event sealed."""
    of_these = select(chains.events).where(chains.events.c.kind.in_(chains.with_files))
    for row in streamed(connection, of_these.order_by(chains.owners, chains.events.c.sequence)):
        if not isinstance(row.details, dict) or not isinstance(digest := row.details.get("sha256"), str):
            yield Broken(chains.of, row._mapping[chains.owners], row.sequence, "names no file")
            continue
        try:
            for _ in pieces(connection, digest):
                pass
        except Refused as error:
            yield Broken(chains.of, row._mapping[chains.owners], row.sequence, f"its bytes do not fit: {error}")
        audit.files += 1


def _sealed(chains: Chains, previous: str, number: int, row: Row[Any]) -> str | None:
    """The hash that the row should bear; None when it holds what no event can say."""
    try:
        return chains.seal(previous, number, row)
    except (ValueError, TypeError):
        return None
