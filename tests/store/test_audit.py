"""Semantics 12: the chains of events and the checkpoints over them tell of every change; the engine refuses most."""

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, insert, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from incident_store.access import AccessKind, note_access
from incident_store.append_only import APPEND_ONLY
from incident_store.attachments import Purpose, attach
from incident_store.audit import Audit, verify
from incident_store.blobs import put_bytes
from incident_store.database import open_store, reading, upgrade
from incident_store.domain.incidents import Event
from incident_store.domain.lifecycle import EventKind, Role
from incident_store.domain.steps import Actor
from incident_store.incident_rows import append, sealed
from incident_store.models import EventRow, SignedReportRow
from incident_store.sealing import LATE, seal_growth
from incident_store.store import record
from tests.builders import PORTAL_DOWN, ROOT, at, firing, shipped_policy, tamper
from tests.processes import run_renteseg

POLICY = shipped_policy()
NOT_THEIRS = r"permission denied|must be owner"


@pytest.fixture
def store(store_url: str) -> Iterator[Engine]:
    upgrade(store_url)
    engine = open_store(store_url)
    yield engine
    engine.dispose()


def open_incident(store: Engine, number: int, minute: float) -> None:
    """Let an alert open an incident of a component of its own."""
    record(store, [firing(minute, {**PORTAL_DOWN, "component": f"c{number}"}, f"f{number}")], [], POLICY, at(minute))


def note(store: Engine, number: int, minute: float) -> None:
    """Add an event to an incident."""
    with store.begin() as connection:
        append(connection, number, [Event(EventKind.NOTED, at(minute), at(minute), "ana", {"text": "x"})])


def audited(store: Engine, expected: str = "") -> Audit:
    with reading(store).connect() as connection:
        return verify(connection, expected)


def broken(store: Engine, expected: str = "") -> str:
    return str(audited(store, expected).broken[0])


def rows(store: Engine, query: str) -> list[tuple[object, ...]]:
    with reading(store).connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


@pytest.fixture
def sealed_store(store: Engine) -> Engine:
    """Three incidents of six events each; one checkpoint over all, one over a note in the second."""
    for number in (1, 2, 3):
        open_incident(store, number, number)
    assert seal_growth(store, at(10)) is not None
    note(store, 2, 11)
    assert seal_growth(store, at(12)) is not None
    return store


def test_a_whole_record_is_whole_and_says_how_far_it_is_sealed(sealed_store: Engine) -> None:
    note(sealed_store, 3, 13)
    audit = audited(sealed_store)
    assert audit.broken == ()
    assert audit.last is not None
    assert (audit.events, audit.chains["incident"], audit.checkpoints, audit.unsealed) == (20, 3, 2, 1)
    assert audited(sealed_store, audit.last.hash[:16]).broken == ()


def test_after_some_quiet_an_empty_checkpoint_ends_the_looking_back_and_no_more_follow(sealed_store: Engine) -> None:
    empty = seal_growth(sealed_store, at(30))
    assert empty is not None
    assert (empty.number, empty.entries) == (3, 0)
    assert seal_growth(sealed_store, at(60)) is None
    note(sealed_store, 1, 61)
    assert seal_growth(sealed_store, at(62)) is not None
    audit = audited(sealed_store)
    assert (audit.broken, audit.checkpoints, audit.unsealed) == ((), 4, 0)


def test_what_did_not_grow_is_not_sealed_again(sealed_store: Engine) -> None:
    assert seal_growth(sealed_store, at(13)) is None
    assert rows(sealed_store, "SELECT checkpoint, number, events FROM checkpoint_entries ORDER BY 1, 2") == [
        (1, 1, 6),
        (1, 2, 6),
        (1, 3, 6),
        (2, 2, 7),
    ]


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (
            "UPDATE events SET author = 'nadie' WHERE incident_id = 2 AND sequence = 3",
            "incident 2, event 3: was changed",
        ),
        ("UPDATE events SET kind = 'baile' WHERE incident_id = 2 AND sequence = 3", "incident 2, event 3: was changed"),
        (
            "UPDATE events SET details = 'null' WHERE incident_id = 2 AND sequence = 4",
            "incident 2, event 4: was changed",
        ),
        ("UPDATE events SET previous_hash = 'x' WHERE incident_id = 2 AND sequence = 2", "event 2: does not follow"),
        ("DELETE FROM events WHERE incident_id = 2 AND sequence = 4", "incident 2, event 4: is missing"),
        (
            "DELETE FROM events WHERE incident_id = 2 AND sequence > 5",
            "event 6: is missing; checkpoint 1 sealed 6 events",
        ),
        (
            "DELETE FROM events WHERE incident_id = 2 AND sequence = 7",
            "event 7: is missing; checkpoint 2 sealed 7 events",
        ),
        ("DELETE FROM events WHERE incident_id = 2", "incident 2, event 1: is missing"),
        ("UPDATE checkpoints SET sealed_at = '2026-10-05 00:00:00' WHERE number = 1", "checkpoint 1: or one of its"),
        (
            "UPDATE checkpoint_entries SET events = 5 WHERE number = 1",
            "checkpoint 1: or one of its entries was changed",
        ),
        ("DELETE FROM checkpoint_entries WHERE number = 3", "checkpoint 1: or one of its entries was changed"),
        ("DELETE FROM checkpoints WHERE number = 1", "checkpoint 1: is missing"),
        ("DELETE FROM checkpoints WHERE number = 2", "checkpoint 2: is missing, and its entries are there"),
        ("UPDATE checkpoints SET number = 3 - number", "checkpoint 1: does not follow"),
        ("UPDATE events SET sequence = 9 - sequence WHERE incident_id = 1 AND sequence IN (4, 5)", "was changed"),
    ],
)
def test_the_audit_names_the_first_broken_link(sealed_store: Engine, damage: str, what: str) -> None:
    steps = [damage]
    if "number = 3 - number" in damage:  # a unique column is turned around in three steps
        steps = [f"UPDATE checkpoints SET number = {new} WHERE number = {old}" for old, new in ((1, 9), (2, 1), (9, 2))]
    if "9 - sequence" in damage:
        steps = [
            f"UPDATE events SET sequence = {new} WHERE incident_id = 1 AND sequence = {old}"
            for old, new in ((4, 99), (5, 4), (99, 5))
        ]
    tamper(sealed_store, *steps)
    assert what.removeprefix("was changed") in broken(sealed_store)


def test_an_incident_that_was_removed_whole_is_missed_by_the_checkpoint_that_sealed_it(sealed_store: Engine) -> None:
    for number in (3, 1):
        tamper(
            sealed_store,
            f"DELETE FROM events WHERE incident_id = {number}",
            f"DELETE FROM episodes WHERE incident_id = {number}",
            f"DELETE FROM incidents WHERE id = {number}",
        )
        assert broken(sealed_store) == f"incident {number}: was removed; checkpoint 1 sealed 6 events of it"


def test_a_tail_written_anew_in_a_valid_chain_is_not_what_was_sealed(sealed_store: Engine) -> None:
    tamper(sealed_store, "DELETE FROM events WHERE incident_id = 2 AND sequence = 7")
    note(sealed_store, 2, 99)
    assert broken(sealed_store) == "incident 2, event 7: is not the event that checkpoint 2 sealed"


def test_a_record_cut_back_with_its_checkpoints_is_told_by_the_hash_kept_elsewhere(sealed_store: Engine) -> None:
    last = audited(sealed_store).last
    assert last is not None
    tamper(
        sealed_store,
        "DELETE FROM events WHERE incident_id = 2 AND sequence = 7",
        "DELETE FROM checkpoint_entries WHERE checkpoint = 2",
        "DELETE FROM checkpoints WHERE number = 2",
    )
    assert audited(sealed_store).broken == ()
    assert "what was sealed then was removed or written anew" in broken(sealed_store, last.hash)


def test_events_committed_behind_others_are_sealed_by_a_later_round(store: Engine) -> None:
    if store.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time: nothing is committed behind anything")
    for number in (1, 2):
        open_incident(store, number, number)
    seal_growth(store, at(10))
    early = Event(EventKind.NOTED, at(11), at(11), "ana", {"text": "x"})
    with store.connect() as slow:
        link = slow.execute(text("SELECT hash FROM events WHERE incident_id = 1 AND sequence = 6")).scalar_one()
        slow.execute(insert(EventRow), list(sealed(1, 7, link, [early])))
        note(store, 2, 12)
        (checkpoint, after) = seal_growth(store, at(13)), seal_growth(store, at(13) + LATE - timedelta(minutes=1))
        assert checkpoint is not None
        assert (checkpoint.entries, after) == (1, None)
        slow.commit()
    sealed_late = seal_growth(store, at(13) + LATE)
    assert sealed_late is not None
    assert audited(store).unsealed == 0


def test_workers_that_seal_at_once_make_one_chain(store: Engine) -> None:
    for number in range(1, 6):
        open_incident(store, number, number)
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda _, minute=number: seal_growth(store, at(10 + minute)), range(4)))
        assert len([one for one in made if one is not None]) == 1
    audit = audited(store)
    assert (audit.broken, audit.checkpoints, audit.unsealed) == ((), 5, 0)


CHANGES = ("UPDATE {table} SET {column} = {column}", "DELETE FROM {table}")
COLUMNS = {"blobs": "size", "blob_chunks": "body", "signed_reports": "reason", "access_events": "kind"}


def changing(change: str, table: str) -> str:
    return change.format(table=table, column=COLUMNS.get(table, "hash"))


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("change", CHANGES)
def test_the_engine_refuses_to_change_what_is_append_only(sealed_store: Engine, table: str, change: str) -> None:
    with sealed_store.begin() as connection:
        put_bytes(connection, b"a log", at(0))
        note_access(connection, AccessKind.LOGGED_IN, "ana", "ana", at(0))
    if table == "maintenance_events":
        with sealed_store.begin() as connection:
            connection.execute(
                text("INSERT INTO maintenance_windows (starts_at, ends_at) VALUES (:at, :at)"), {"at": at(0)}
            )
            connection.execute(
                text(
                    "INSERT INTO maintenance_events (window_id, sequence, kind, recorded_at, author, details, "
                    "previous_hash, hash) VALUES (1, 1, 'planned', :at, 'ana', '{}', '', 'x')"
                ),
                {"at": at(0)},
            )
    if table == "signed_reports":
        row = {"month": "2026-10", "version": 1, "signed_by": "sofia", "signed_at": at(0), "as_of": at(0), "reason": ""}
        with sealed_store.begin() as connection:
            connection.execute(insert(SignedReportRow).values(**row, figures="x", pdf="x", xlsx="x", json="x"))
    with pytest.raises(DBAPIError, match="append-only"), sealed_store.begin() as connection:
        connection.execute(text(changing(change, table)))


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_on_sqlite_no_row_of_the_record_takes_the_place_of_another(table: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/incidents.db"
    upgrade(url)
    with closing(sqlite3.connect(tmp_path / "incidents.db")) as connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        values = ", ".join("1" for _ in columns)
        connection.execute(f"INSERT INTO {table} VALUES ({values})")
        for words in ("INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only: REPLACE is refused"):
                connection.execute(f"{words} INTO {table} VALUES ({values})")


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("UPDATE blob_chunks SET body = (SELECT body FROM blob_chunks WHERE place = 1)", "was changed"),
        ("DELETE FROM blob_chunks WHERE place = 1", "was changed"),
        ("DELETE FROM blob_chunks; DELETE FROM blobs", "nothing is kept under"),
    ],
)
def test_bytes_of_an_attachment_that_are_not_what_was_attached_break_its_event(
    sealed_store: Engine, damage: str, why: str
) -> None:
    content = BytesIO(b"2026-10-05 12:00 ERROR\n" * 20_000)
    attach(sealed_store, 2, "app.log", content, Purpose.LOG, Actor("ana", Role.ANALYST), at(20), limit=10**6)
    assert (audited(sealed_store).broken, audited(sealed_store).files) == ((), 1)
    tamper(sealed_store, *damage.split("; "))
    assert broken(sealed_store).startswith("incident 2, event 8: its bytes do not fit")
    assert why in broken(sealed_store)


def test_postgresql_refuses_to_truncate_what_is_append_only(postgres_url: str) -> None:
    upgrade(postgres_url)
    engine = open_store(postgres_url)
    for table in APPEND_ONLY:
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text(f"TRUNCATE {table} CASCADE"))
    engine.dispose()


def test_the_documented_role_can_do_the_programs_work_and_not_change_the_record(postgres_url: str) -> None:
    upgrade(postgres_url)
    documented = re.search(r"```sql\n(.*?)```", (ROOT / "docs" / "operations.md").read_text(), re.DOTALL)
    assert documented is not None
    owner = create_engine(postgres_url)
    with owner.begin() as connection:
        connection.exec_driver_sql("DROP ROLE IF EXISTS renteseg_app")
        connection.exec_driver_sql(documented[1])
    owner.dispose()
    engine = open_store(make_url(postgres_url).set(username="renteseg_app").render_as_string())
    try:
        open_incident(engine, 1, 1)
        assert seal_growth(engine, at(10)) is not None
        for table in APPEND_ONLY:
            for change in (*CHANGES, "TRUNCATE {table}", "DROP TABLE {table}"):
                with pytest.raises(DBAPIError, match=NOT_THEIRS), engine.begin() as connection:
                    connection.execute(text(changing(change, table)))
            with pytest.raises(DBAPIError, match=NOT_THEIRS), engine.begin() as connection:
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        assert audited(engine).broken == ()
    finally:
        engine.dispose()
        owner = create_engine(postgres_url)
        with owner.begin() as connection:
            connection.exec_driver_sql("DROP OWNED BY renteseg_app")
            connection.exec_driver_sql("DROP ROLE renteseg_app")
        owner.dispose()


def test_a_copy_is_verified_offline_and_the_first_broken_link_is_one_line(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/incidents.db"
    upgrade(url)
    engine = open_store(url)
    open_incident(engine, 1, 1)
    seal_growth(engine, at(10))
    engine.dispose()
    copy = tmp_path / "elsewhere" / "copy.db"
    copy.parent.mkdir()
    shutil.copy(tmp_path / "incidents.db", copy)
    environment = {"RENTESEG_STATE": str(tmp_path / "state"), "RENTESEG_DATABASE_URL": f"sqlite:///{copy}"}
    whole = run_renteseg("audit", "verify", environment=environment)
    assert whole.returncode == 0
    hash_kept = whole.stdout.split("Z: ")[1][:64]
    assert run_renteseg("audit", "verify", "--expect", hash_kept, environment=environment).returncode == 0
    assert run_renteseg("audit", "verify", "--expect", "cafe" * 16, environment=environment).returncode == 1
    assert "16 to 64 of" in run_renteseg("audit", "verify", "--expect", "xyz", environment=environment).stderr
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.executescript("DROP TRIGGER events_refuses_delete; DELETE FROM events WHERE sequence = 6")
    done = run_renteseg("audit", "verify", "--json", environment=environment)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "incident 1, event 6: is missing; checkpoint 1 sealed 6 events" in done.stderr
    assert json.loads(done.stdout)["broken"]["sequence"] == 6


def test_going_back_and_forth_between_versions_keeps_the_triggers(store_url: str) -> None:
    from alembic import command

    from incident_store.database import alembic_config

    upgrade(store_url)
    command.downgrade(alembic_config(store_url), "0005_maintenance")
    upgrade(store_url)
    engine = open_store(store_url)
    open_incident(engine, 1, 1)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text("DELETE FROM events"))
    engine.dispose()
