"""Bytes in the store: kept once, in pieces, and never handed out changed."""

import hashlib
import io
import os
import tracemalloc
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from groundwork.problems import Refused
from incident_store.blobs import PIECE, Blob, Damaged, TooLarge, find, get, pieces, put, put_bytes, spooled
from incident_store.database import open_store, upgrade
from tests.builders import NOON, tamper


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    upgrade(store_url)
    engine = open_store(store_url)
    yield engine
    engine.dispose()


def keep(engine: Engine, content: bytes, limit: int = 10**9) -> Blob:
    with engine.begin() as connection, spooled(io.BytesIO(content), limit) as (blob, held):
        put(connection, blob, held, NOON)
    return blob


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 9 * PIECE + 7])
@pytest.mark.parametrize("compressible", [True, False])
def test_what_was_put_comes_back_under_its_digest(engine: Engine, size: int, compressible: bool) -> None:
    content = b"a" * size if compressible else os.urandom(size)
    blob = keep(engine, content)
    assert blob == Blob(hashlib.sha256(content).hexdigest(), size)
    with engine.connect() as connection:
        assert get(connection, blob.sha256) == content
        assert find(connection, blob.sha256) == blob


def test_the_same_bytes_are_kept_once(engine: Engine) -> None:
    assert keep(engine, b"x" * (3 * PIECE)) == keep(engine, b"x" * (3 * PIECE))
    with engine.begin() as connection:
        assert put_bytes(connection, b"x" * (3 * PIECE), NOON).size == 3 * PIECE
        assert connection.execute(text("SELECT count(*) FROM blobs")).scalar_one() == 1
        assert connection.execute(text("SELECT count(*) FROM blob_chunks")).scalar_one() == 3


class Endless(io.RawIOBase):
    """A stream that counts what was taken of it and never ends."""

    taken = 0

    def read(self, size: int = -1, /) -> bytes:
        self.taken += size
        return b"\0" * size


def test_a_stream_above_the_limit_is_refused_before_it_is_read_to_its_end() -> None:
    stream = Endless()
    with pytest.raises(TooLarge, match="1,000,000 bytes"), spooled(stream, 1_000_000):  # type: ignore[arg-type]
        pass
    assert stream.taken <= 1_000_000 + PIECE


def test_a_stream_of_exactly_the_limit_is_taken(engine: Engine) -> None:
    assert keep(engine, b"12345", limit=5).size == 5


def test_a_large_file_stands_in_memory_only_piece_by_piece(engine: Engine) -> None:
    size = 100 * PIECE  # 25 MiB

    class Source(io.RawIOBase):
        left = size

        def read(self, wanted: int = -1, /) -> bytes:
            piece = os.urandom(min(wanted, self.left))
            self.left -= len(piece)
            return piece

    tracemalloc.start()
    with engine.begin() as connection, spooled(Source(), size) as (blob, held):  # type: ignore[arg-type]
        put(connection, blob, held, NOON)
    with engine.connect() as connection:
        assert sum(map(len, pieces(connection, blob.sha256))) == size
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < size / 3


def test_nothing_is_kept_of_what_was_not_committed(engine: Engine) -> None:
    with pytest.raises(RuntimeError), engine.begin() as connection:
        put_bytes(connection, b"x" * PIECE * 2, NOON)
        raise RuntimeError
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM blob_chunks")).scalar_one() == 0
        with pytest.raises(Refused, match="nothing is kept"):
            get(connection, hashlib.sha256(b"x" * PIECE * 2).hexdigest())


@pytest.mark.parametrize(
    "harm",
    [
        "DELETE FROM blob_chunks WHERE place = 1",
        "UPDATE blob_chunks SET body = (SELECT body FROM blob_chunks WHERE place = 0)",
        "UPDATE blob_chunks SET compressed = true WHERE place = 2",
        "UPDATE blobs SET size = size - 1",
    ],
)
def test_bytes_that_were_changed_in_the_store_are_not_handed_out_as_whole(engine: Engine, harm: str) -> None:
    blob = keep(engine, os.urandom(2 * PIECE + 9))
    tamper(engine, harm)
    with engine.connect() as connection, pytest.raises(Damaged, match="was changed"):
        get(connection, blob.sha256)
