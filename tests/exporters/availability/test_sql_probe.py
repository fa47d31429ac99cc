"""The SQL probe on SQLite files, on PostgreSQL, and on peers that are no database."""

import asyncio
import sqlite3
import threading
import time
from pathlib import Path

import pytest
import uvloop
from sqlalchemy import create_engine, make_url, text

from exporters.availability.probes import sql
from exporters.availability.probes.result import Phase, ProbeResult, Reason
from exporters.availability.probes.table import run
from tests.exporters.availability.components import database, sqlite_url
from tests.exporters.availability.looking import MARGIN
from tests.exporters.file_loads.test_harmless import SilentDeath
from tests.exporters.peers import Answer, peer, reset, silence

HEAVY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def url(tmp_path: Path) -> str:
    path = tmp_path / "a name with spaces, % & #.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE handset (n INTEGER)")
    connection.close()
    return sqlite_url(path)


def test_the_expected_value_succeeds_through_all_phases(url: str) -> None:
    result = uvloop.run(run(database(url, query="SELECT count(*) FROM handset", expect={"value": "0"})))

    assert result.success, result.detail
    assert list(result.phases) == [Phase.CONNECT, Phase.QUERY]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT 2", Reason.VALUE),
        ("SELECT 1 WHERE 1 = 0", Reason.VALUE),
        ("SELECT n FROM absent", Reason.QUERY),
        ("INSERT INTO handset VALUES (1)", Reason.QUERY),
        (HEAVY, Reason.TIMEOUT_RESPONSE),
    ],
)
def test_a_failure_has_the_one_reason_that_fits(url: str, query: str, reason: Reason) -> None:
    result = uvloop.run(run(database(url, query=query, expect={"value": "1"})))

    assert result.reason is reason
    assert result.duration < 0.4 + MARGIN


def test_a_missing_file_is_not_created(tmp_path: Path) -> None:
    result = uvloop.run(run(database(sqlite_url(tmp_path / "absent.db"))))

    assert result.reason is Reason.UNREACHABLE
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_database_is_of_the_wrong_protocol(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("no database " * 100)

    assert uvloop.run(run(database(sqlite_url(path), query="SELECT * FROM handset"))).reason is Reason.PROTOCOL


def probed_postgres(answer: Answer) -> ProbeResult:
    async def look() -> ProbeResult:
        async with peer(answer) as port:
            began = time.monotonic()
            result = await run(database(f"postgresql://user:secret@127.0.0.1:{port}/renteseg"))
            assert time.monotonic() - began < 0.4 + MARGIN
            return result

    return uvloop.run(look())


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (silence, Reason.TIMEOUT_CONNECT),
        (reset, Reason.RESET),
    ],
)
def test_a_peer_that_is_no_postgresql_fails_within_the_deadline(answer: Answer, reason: Reason) -> None:
    result = probed_postgres(answer)

    assert result.reason is reason
    assert "secret" not in result.detail


def test_a_peer_of_another_protocol_is_told_apart() -> None:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    assert probed_postgres(web).reason is Reason.PROTOCOL


def test_threads_that_hang_are_bounded(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    release = threading.Event()
    started: list[int] = []

    def hang(*_: object) -> str:
        started.append(1)
        release.wait(10)
        return "1"

    monkeypatch.setattr(sql, "_first_value", hang)

    async def look() -> list[Reason | None]:
        component = database(url, timeout="20ms", name="hangs")
        return [(await run(component)).reason for _ in range(10)]

    reasons = uvloop.run(look())
    release.set()
    assert set(reasons[: sql.LEFT_BEHIND_LIMIT]) == {Reason.TIMEOUT_CONNECT}
    assert set(reasons[sql.LEFT_BEHIND_LIMIT :]) == {Reason.TIMEOUT_RESPONSE}
    assert len(started) == sql.LEFT_BEHIND_LIMIT


@pytest.mark.parametrize("pieces", [3, 5, 8, 11])
def test_a_connection_that_dies_without_a_word_leaves_no_thread_behind_for_ever(postgres_url: str, pieces: int) -> None:
    """Else a database that is back would be called away until the exporter is started again."""
    way = SilentDeath(postgres_url, pieces)
    name = f"dies-after-{pieces}"

    result = uvloop.run(run(database(way.url, name=name)))

    assert result.reason in {Reason.TIMEOUT_CONNECT, Reason.TIMEOUT_RESPONSE}
    deadline = time.monotonic() + 20
    while sql._left_behind[name]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    way.close()


def test_postgresql_answers(postgres_url: str) -> None:
    result = uvloop.run(run(database(postgres_url, timeout="4s", expect={"value": "1"})))

    assert result.success, result.detail
    assert list(result.phases) == [Phase.CONNECT, Phase.QUERY]


def test_postgresql_refuses_writes_and_ends_long_queries(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE handset (n integer)"))

    write = uvloop.run(run(database(postgres_url, timeout="4s", query="INSERT INTO handset VALUES (1)")))
    slow = uvloop.run(run(database(postgres_url, query="SELECT pg_sleep(20)")))

    assert write.reason is Reason.QUERY
    assert slow.reason is Reason.TIMEOUT_RESPONSE
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM handset")) == 0
    engine.dispose()


def test_postgresql_refuses_strangers(postgres_url: str) -> None:
    absent = make_url(postgres_url).set(database="absent").render_as_string(hide_password=False)

    assert uvloop.run(run(database(absent, timeout="4s"))).reason is Reason.LOGIN
