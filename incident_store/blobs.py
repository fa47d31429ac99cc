"""Bytes kept by what they are: content-addressed by SHA-256, in pieces, so that a large file never stands in memory.

Whatever refers to a blob (an event, a mail, a report) names its digest. The same bytes are kept once; put and the row
that refers to them belong into one transaction.
"""

import hashlib
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import IO

from sqlalchemy import Connection, insert, select

from groundwork.problems import Refused
from incident_store.models import BlobChunkRow, BlobRow

PIECE = 256 * 1024
"""Bytes handled at a time."""
IN_MEMORY = 4 * PIECE
"""A stream that is longer waits in a temporary file until its digest is known."""


class TooLarge(Refused):
    """The bytes are more than the caller takes; found before they were read to their end."""


class Damaged(Refused):
    """What the store holds under this digest is not what was put there."""


@dataclass(frozen=True)
class Blob:
    """What was put: hex SHA-256 and length in bytes."""

    sha256: str
    size: int


@contextmanager
def spooled(source: IO[bytes], limit: int) -> Iterator[tuple[Blob, IO[bytes]]]:
    """A stream read once, of at most `limit` bytes: what it is, and its bytes from the start, able to seek.

    Raises TooLarge as soon as more than `limit` bytes were read. Nothing is stored yet: look at it, then `put` it.
    """
    digest, size = hashlib.sha256(), 0
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as held:
        while piece := source.read(PIECE):
            size += len(piece)
            if size > limit:
                raise TooLarge(f"it is larger than the {limit:,} bytes that are taken; cut it, or raise the limit")
            digest.update(piece)
            held.write(piece)
        held.seek(0)
        yield Blob(digest.hexdigest(), size), held


def put(connection: Connection, blob: Blob, source: IO[bytes], now: datetime) -> None:
    """Keep the bytes of `source`, which `spooled` found to be `blob`; does nothing when they are kept already.

    Two writers of the same bytes at once collide (IntegrityError, or a lost race): whoever loses starts again.
    """
    if find(connection, blob.sha256) is not None:
        return
    connection.execute(insert(BlobRow).values(sha256=blob.sha256, size=blob.size, created_at=now))
    source.seek(0)
    for place, piece in enumerate(iter(lambda: source.read(PIECE), b"")):
        packed = zlib.compress(piece)
        smaller = len(packed) < len(piece)
        values = {"sha256": blob.sha256, "place": place, "compressed": smaller, "body": packed if smaller else piece}
        connection.execute(insert(BlobChunkRow).values(values))


def put_bytes(connection: Connection, content: bytes, now: datetime) -> Blob:
    """Keep bytes that are in memory anyway; their size is the caller's business."""
    blob = Blob(hashlib.sha256(content).hexdigest(), len(content))
    put(connection, blob, BytesIO(content), now)
    return blob


def find(connection: Connection, sha256: str) -> Blob | None:
    """The blob with this digest, None when there is none."""
    row = connection.execute(select(BlobRow.sha256, BlobRow.size).where(BlobRow.sha256 == sha256)).first()
    return None if row is None else Blob(row.sha256, row.size)


def pieces(connection: Connection, sha256: str) -> Iterator[bytes]:
    """The bytes in pieces; raises Refused when there are none, Damaged after the last when they are not what was put.

    Who passes them on piece by piece must take back what was passed when it ends with Damaged.
    """
    blob = find(connection, sha256)
    if blob is None:
        raise Refused(f"nothing is kept under {sha256}")
    digest, size, place = hashlib.sha256(), 0, 0
    while size < blob.size and (piece := _piece(connection, sha256, place)) is not None:
        digest.update(piece)
        size, place = size + len(piece), place + 1
        yield piece
    if (digest.hexdigest(), size) != (blob.sha256, blob.size):
        raise Damaged(f"what is kept under {sha256} was changed: {size:,} bytes, {digest.hexdigest()}")


def get(connection: Connection, sha256: str) -> bytes:
    """All bytes at once, verified; raises Refused when there are none, Damaged when they are not what was put."""
    return b"".join(pieces(connection, sha256))


def _piece(connection: Connection, sha256: str, place: int) -> bytes | None:
    chunk = select(BlobChunkRow.compressed, BlobChunkRow.body)
    row = connection.execute(chunk.where(BlobChunkRow.sha256 == sha256, BlobChunkRow.place == place)).first()
    if row is None:
        return None
    try:
        return zlib.decompress(row.body) if row.compressed else bytes(row.body)
    except zlib.error:
        raise Damaged(f"what is kept under {sha256} was changed: piece {place} cannot be unpacked") from None
