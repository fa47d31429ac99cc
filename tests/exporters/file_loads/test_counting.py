"""The incremental count against a full recount: random histories of a log, restarts, breaks; on both databases."""

import os
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from structlog.testing import capture_logs

from exporters.file_loads import counting, relations
from exporters.file_loads.counting import Counting
from exporters.file_loads.ledger import Totals, identity_of, open_ledger
from exporters.file_loads.main import LoadLogSource
from exporters.file_loads.reader import LoadLogReader
from exporters.file_loads.tally import Key, Slice, follow, tally
from exporters.file_loads.vocabulary import Break
from exporters.refreshing import SourceError
from tests.conftest import fresh_database
from tests.exporters.file_loads.load_logs import COLUMNS, NOW, configuration, create_log, execute, log_file

DONE: Key = ("outcome", "CLARO", "ROBOS", "processed")
FAILED: Key = ("outcome", "CLARO", "ROBOS", "failed")
STATUSES = ["RECIBIDO", "ENCOLADO", "PROCESADO", "PROCESADO_CON_OBSERVACIONES", "RECHAZADO", "ERROR_PROCESO", "RARO"]


class Counted:
    """A load log, a ledger of it and a clock; every refresh is a new process as far as memory goes."""

    def __init__(self, url: str, folder: Path, **load_log: Any) -> None:
        self.url = url
        self.folder = folder
        self.configuration = configuration(url, **load_log)
        self.now = NOW
        self.budget = 5.0

    @property
    def ledger(self) -> Path:
        return self.folder / "state.db"

    def refresh(self, ledger: Path | None = None) -> Totals:
        identity = identity_of(self.configuration, self.url)
        with (
            LoadLogReader(self.configuration.load_log).session() as session,
            open_ledger(ledger or self.ledger, identity, self.now) as opened,
        ):
            return Counting(session, opened, self.configuration, self.budget).refresh(self.now)

    def recount(self) -> Counter[Key]:
        """The whole log, read and counted in one go."""
        with LoadLogReader(self.configuration.load_log).session() as session:
            rows = session.after(0, 1_000_000)
            return tally(rows, session.row_errors_within(0, 1_000_000_000), self.configuration)

    def later(self, seconds: float) -> str:
        self.now += timedelta(seconds=seconds)
        return self.now.isoformat(timespec="milliseconds")


@pytest.fixture
def counted(url: str, tmp_path: Path) -> Counted:
    return Counted(url, tmp_path)


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    shrink(monkeypatch)


def test_a_new_log_is_counted_from_its_origin(counted: Counted) -> None:
    log_file(counted.url, "CLARO", "ROBOS", "PROCESADO", rows=(10, 8, 2), errors={"R01": 2})
    log_file(counted.url, "CLARO", "ROBOS", "RECHAZADO", sequence=2, reason="F05")

    totals = counted.refresh()

    assert totals.marks.complete
    assert totals.shown == totals.counted == counted.recount()
    assert totals.shown["rows", "CLARO", "ROBOS", "loaded"] == 8
    assert totals.shown["row_error", "CLARO", "ROBOS", "R01"] == 2
    assert totals.shown["rejection", "CLARO", "ROBOS", "F05"] == 1


def test_a_file_processed_again_days_later_is_seen_and_takes_nothing_away(counted: Counted) -> None:
    old = log_file(
        counted.url, "CLARO", "ROBOS", "ERROR_PROCESO", day="2026-09-01", updated_at="2026-09-02T10:00:00+00:00"
    )
    log_file(counted.url, "CLARO", "ROBOS", "PROCESADO")
    counted.refresh()

    moment = counted.later(60)
    execute(counted.url, f"UPDATE carga_archivo SET estado = 'PROCESADO', actualizado_en = '{moment}' WHERE id = {old}")
    totals = counted.refresh()

    assert (totals.shown[FAILED], totals.counted[FAILED]) == (1, 0)
    assert (totals.shown[DONE], totals.counted[DONE]) == (2, 2)


@pytest.mark.usefixtures("small_slices")
def test_changes_with_the_same_time_as_the_watermark_are_not_missed(counted: Counted) -> None:
    for number in range(40):
        log_file(counted.url, "CLARO", "ROBOS", "ENCOLADO", sequence=number)
    counted.refresh()

    execute(counted.url, "UPDATE carga_archivo SET estado = 'PROCESADO' WHERE id = 3")

    assert counted.refresh().shown[DONE] == 1


@pytest.mark.usefixtures("small_slices")
@pytest.mark.parametrize("skew", [-240, 3600, 86400 * 365])
def test_a_clock_that_differs_hides_no_change(counted: Counted, skew: int) -> None:
    for number in range(40):
        log_file(counted.url, "CLARO", "ROBOS", "ENCOLADO", sequence=number)
    counted.refresh()
    for key in (3, 4):
        moment = (counted.now + timedelta(seconds=skew)).isoformat(timespec="milliseconds")
        execute(
            counted.url, f"UPDATE carga_archivo SET estado = 'PROCESADO', actualizado_en = '{moment}' WHERE id = {key}"
        )
        counted.later(5)
        totals = counted.refresh()
    execute(
        counted.url,
        f"UPDATE carga_archivo SET estado = 'PROCESADO', actualizado_en = '{counted.later(5)}' WHERE id = 5",
    )

    assert totals.shown[DONE] == 2
    last = counted.refresh()
    assert last.shown[DONE] == 3
    assert not last.marks.breaks


@pytest.mark.usefixtures("small_slices")
def test_what_no_time_of_change_betrays_is_found_in_a_round(counted: Counted) -> None:
    for number in range(60):
        log_file(
            counted.url, "CLARO", "ROBOS", "PROCESADO", sequence=number, updated_at="2026-09-02T10:00:00.000+00:00"
        )
    log_file(counted.url, "CLARO", "ROBOS", "PROCESADO", sequence=99)
    counted.refresh()
    execute(counted.url, "DELETE FROM carga_archivo WHERE id = 25")

    with capture_logs() as logged:
        for _ in range(4):
            totals = counted.refresh()

    assert (totals.counted[DONE], totals.shown[DONE]) == (60, 61)
    assert totals.marks.breaks == {Break.DELETED: 1}
    assert [entry["rows"] for entry in logged if "disappeared" in entry["event"]] == [1]


@pytest.mark.usefixtures("small_slices")
def test_a_log_that_is_emptied_and_filled_again_neither_falls_nor_jumps(counted: Counted) -> None:
    for number in range(35):
        log_file(counted.url, "CLARO", "ROBOS", "PROCESADO", sequence=number)
    before = counted.refresh()
    execute(counted.url, "CREATE TABLE salvado AS SELECT * FROM carga_archivo")

    execute(counted.url, "DELETE FROM carga_archivo")
    emptied = counted.refresh()
    execute(counted.url, f"INSERT INTO carga_archivo ({COLUMNS}) SELECT {COLUMNS} FROM salvado")
    filled = counted.refresh()
    log_file(counted.url, "CLARO", "ROBOS", "PROCESADO", sequence=50, updated_at=counted.later(60))
    after = counted.refresh()

    assert [totals.shown[DONE] for totals in (before, emptied, filled, after)] == [35, 35, 35, 36]
    assert [totals.counted[DONE] for totals in (emptied, filled, after)] == [0, 35, 36]
    assert after.marks.breaks == {Break.TRUNCATED: 1}
    assert after.marks.broken_at == {Break.TRUNCATED: NOW}


@pytest.mark.usefixtures("small_slices")
def test_a_log_without_its_first_rows_is_announced_as_truncated(counted: Counted) -> None:
    for number in range(25):
        log_file(counted.url, "CLARO", "ROBOS", "PROCESADO", sequence=number)
    counted.refresh()

    execute(counted.url, "DELETE FROM carga_archivo WHERE id <= 12")
    totals = counted.refresh()

    assert totals.marks.breaks == {Break.TRUNCATED: 1}
    assert (totals.shown[DONE], totals.counted[DONE]) == (25, 13)
    assert counted.refresh().marks.breaks == {Break.TRUNCATED: 1}


@pytest.mark.usefixtures("small_slices")
def test_a_log_restored_to_yesterday_is_announced_and_its_files_are_not_counted_twice(counted: Counted) -> None:
    for number in range(20):
        log_file(counted.url, "CLARO", "ROBOS", "PROCESADO", sequence=number)
    yesterday = counted.refresh().shown[DONE]
    later = counted.later(600)
    for number in range(20, 30):
        log_file(counted.url, "CLARO", "ROBOS", "PROCESADO", sequence=number, updated_at=later)
    today = counted.refresh().shown[DONE]

    execute(counted.url, "DELETE FROM carga_archivo WHERE id > 20")
    restored = counted.refresh()
    again = counted.later(600)
    for number in range(20, 30):
        log_file(counted.url, "CLARO", "ROBOS", "PROCESADO", sequence=number, updated_at=again)

    assert (yesterday, today, restored.shown[DONE], counted.refresh().shown[DONE]) == (20, 30, 30, 30)
    assert restored.marks.breaks == {Break.RESTORED: 1}


@pytest.mark.usefixtures("small_slices")
def test_the_first_count_comes_in_portions_and_shows_nothing_before_its_end(counted: Counted) -> None:
    for number in range(90):
        log_file(counted.url, "CLARO", "ROBOS", "PROCESADO", sequence=number)
    counted.budget = 0

    found = []
    for _ in range(12):
        totals = counted.refresh()
        found.append((totals.marks.complete, totals.shown.get(DONE, 0)))
        execute(counted.url, f"UPDATE carga_archivo SET estado = 'PROCESADO' WHERE id = {len(found)}")
        if totals.marks.complete:
            break

    assert found[0] == (False, 29)
    assert found[-1] == (True, 90)


@pytest.mark.usefixtures("small_slices")
def test_a_change_of_everything_is_followed_in_portions(counted: Counted) -> None:
    for number in range(90):
        log_file(counted.url, "CLARO", "ROBOS", "ENCOLADO", sequence=number)
    counted.refresh()
    execute(counted.url, f"UPDATE carga_archivo SET estado = 'PROCESADO', actualizado_en = '{counted.later(600)}'")
    counted.budget = 0

    found = [counted.refresh().shown.get(DONE, 0) for _ in range(12)]

    assert found[0] < found[3] < found[-1] == 90


@pytest.mark.usefixtures("small_slices")
def test_keys_far_apart_cost_no_more(counted: Counted) -> None:
    for key in (1, 7_000_000, 1_900_000_000):
        log_file(counted.url, "CLARO", "ROBOS", "PROCESADO", key=key)

    assert counted.refresh().shown[DONE] == 3


def test_a_second_replica_and_a_restart_show_the_same(counted: Counted) -> None:
    generator = random.Random(6)
    for step in history(generator, 120):
        apply(counted, step)
        counted.refresh()

    first, again = counted.refresh(), counted.refresh()
    replica = counted.refresh(counted.folder / "another.db")

    assert first.shown == again.shown
    assert nonzero(replica.counted) == nonzero(first.counted) == nonzero(replica.shown)


def test_two_exporters_may_share_the_state_file(counted: Counted) -> None:
    log_file(counted.url, "CLARO", "ROBOS", "ERROR_PROCESO")
    identity = identity_of(counted.configuration, counted.url)
    for _ in range(3):
        counted.refresh()
    execute(counted.url, f"UPDATE carga_archivo SET estado = 'PROCESADO', actualizado_en = '{counted.later(5)}'")
    with LoadLogReader(counted.configuration.load_log).session() as session:
        for _ in range(2):
            with open_ledger(counted.ledger, identity, counted.now) as ledger:
                totals = Counting(session, ledger, counted.configuration, 5).refresh(counted.now)

    assert (totals.shown[FAILED], totals.shown[DONE]) == (1, 1)


def test_a_refresh_that_dies_half_way_has_counted_nothing(counted: Counted) -> None:
    log_file(counted.url, "CLARO", "ROBOS", "PROCESADO")
    identity = identity_of(counted.configuration, counted.url)
    with (
        LoadLogReader(counted.configuration.load_log).session() as session,
        pytest.raises(KeyboardInterrupt),
        open_ledger(counted.ledger, identity, NOW) as ledger,
    ):
        Counting(session, ledger, counted.configuration, 5).refresh(NOW)
        raise KeyboardInterrupt

    assert counted.refresh().shown[DONE] == 1


def test_a_state_file_that_cannot_be_understood_is_set_aside(counted: Counted) -> None:
    log_file(counted.url, "CLARO", "ROBOS", "PROCESADO")
    counted.refresh()
    counted.ledger.write_bytes(os.urandom(5000))

    with capture_logs() as logged:
        totals = counted.refresh()

    assert totals.shown[DONE] == 1
    assert len(list(counted.folder.glob("state.db.set-aside-*"))) == 1
    assert ["set aside" in entry["event"] for entry in logged] == [True]


def a_page_of_noise(file: Path) -> None:
    """The page of the slices, as a bad disk leaves it; the others are well."""
    with closing(sqlite3.connect(file)) as connection:
        [page] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'slice'").fetchone()
    content = bytearray(file.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = os.urandom(4096)
    file.write_bytes(content)


def half_a_slice(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE slice SET counts = substr(counts, 1, 5)")
        connection.commit()


@pytest.mark.parametrize("damage", [a_page_of_noise, half_a_slice])
def test_a_state_file_that_is_damaged_within_is_set_aside_and_the_log_counted_anew(
    damage: Callable[[Path], None], counted: Counted
) -> None:
    log_file(counted.url, "CLARO", "ROBOS", "PROCESADO", rows=(10, 10, 0))
    counted.refresh()
    damage(counted.ledger)

    with capture_logs() as logged, pytest.raises(SourceError, match="cannot be used"):
        counted.refresh()

    assert counted.refresh().shown[DONE] == 1
    assert ["set aside" in entry["event"] for entry in logged] == [True]


def test_a_state_file_that_another_exporter_uses_is_left_to_it(counted: Counted, tmp_path: Path) -> None:
    log_file(counted.url, "CLARO", "ROBOS", "PROCESADO")
    one = LoadLogSource(counted.configuration, tmp_path, lambda: NOW)
    narrower = counted.configuration.model_copy(update={"operators": ("CLARO",)})
    other = LoadLogSource(narrower, tmp_path, lambda: NOW)
    one.read()

    for _ in range(2):
        with pytest.raises(SourceError, match="give this one a folder of its own with RENTESEG_STATE"):
            other.read()
        totals = one.read().totals

    assert totals
    assert totals.shown[DONE] == 1
    assert not list(tmp_path.glob("*.set-aside-*"))


def test_another_log_or_other_words_begin_anew(counted: Counted) -> None:
    log_file(counted.url, "CLARO", "ROBOS", "PROCESADO")
    counted.refresh()
    statuses = {**counted.configuration.load_log.statuses}
    statuses["PROCESADO"] = statuses["ERROR_PROCESO"]
    counted.configuration = configuration(counted.url, statuses=statuses)

    totals = counted.refresh()

    assert (totals.shown.get(DONE, 0), totals.shown[FAILED]) == (0, 1)
    assert len(list(counted.folder.glob("state.db.set-aside-*"))) == 1


def test_a_state_folder_that_cannot_be_written_is_said(counted: Counted) -> None:
    (counted.folder / "a-file").touch()

    with pytest.raises(SourceError, match="state file"):
        counted.refresh(counted.folder / "a-file" / "state.db")


# --- properties ---------------------------------------------------------------------------------------------------


def history(generator: random.Random, length: int) -> Iterator[tuple[str, Any]]:
    """Inserts and forward changes of files, some of them late."""
    for number in range(length):
        yield ("insert", generator.choice(STATUSES[:2])) if generator.random() < 0.6 else ("finish", number)


def apply(counted: Counted, step: tuple[str, Any]) -> None:
    """One step in the life of a log."""
    kind, choice = step
    moment = counted.later(7)
    engine = create_engine(counted.url)
    with engine.begin() as connection:
        keys = list(connection.execute(text("SELECT id FROM carga_archivo ORDER BY id")).scalars())
        chosen = keys[choice % len(keys)] if keys and isinstance(choice, int) else None
        if kind == "insert":
            values = {"id": (keys[-1] if keys else 0) + 1, "estado": choice, "moment": moment}
            connection.execute(
                text(
                    "INSERT INTO carga_archivo (id, operador, tipo_archivo, fecha_datos, secuencia, estado, "
                    "actualizado_en, recibido_en, registros_ok) "
                    "VALUES (:id, 'CLARO', 'ROBOS', '2026-10-05', :id, :estado, :moment, :moment, 5)"
                ),
                values,
            )
        elif chosen is not None and kind == "finish":
            connection.execute(
                text(
                    "UPDATE carga_archivo SET estado = 'PROCESADO', procesado_en = :moment, actualizado_en = :moment "
                    "WHERE id = :id AND estado IN ('RECIBIDO', 'ENCOLADO')"
                ),
                {"id": chosen, "moment": moment},
            )
        elif chosen is not None and kind == "update":
            connection.execute(
                text("UPDATE carga_archivo SET estado = :estado, actualizado_en = :moment WHERE id = :id"),
                {"id": chosen, "estado": STATUSES[choice % len(STATUSES)], "moment": moment},
            )
        elif chosen is not None and kind == "delete":
            connection.execute(text("DELETE FROM carga_archivo WHERE id = :id"), {"id": chosen})
    engine.dispose()


def nonzero(counts: Any) -> dict[Key, int]:
    return {key: count for key, count in counts.items() if count}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("insert"), st.sampled_from(STATUSES)),
        st.tuples(st.sampled_from(["update", "update", "delete"]), st.integers(0, 1000)),
        st.tuples(st.just("refresh"), st.just(0)),
    ),
    min_size=5,
    max_size=60,
)


def check_history(counted: Counted, steps: list[tuple[str, Any]]) -> None:
    """No total falls, the log's own count is that of a full recount once the round is through, replicas agree."""
    shown: dict[Key, int] = {}
    for step in [*steps, *[("refresh", 0)] * (3 + len(steps) // 20)]:
        if step[0] != "refresh":
            apply(counted, step)
            continue
        counted.later(5)
        totals = counted.refresh()
        assert all(totals.shown[key] >= count for key, count in shown.items())
        assert all(totals.shown[key] >= count for key, count in totals.counted.items())
        shown = dict(totals.shown)
    assert nonzero(totals.counted) == nonzero(counted.recount())
    assert nonzero(counted.refresh(counted.folder / "replica.db").counted) == nonzero(totals.counted)
    if not any(kind in {"update", "delete"} for kind, _ in steps):
        assert nonzero(totals.shown) == nonzero(totals.counted)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_on_sqlite_the_count_is_that_of_a_full_recount(
    steps: list[tuple[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("counted")
    with pytest.MonkeyPatch.context() as patch:
        shrink(patch)
        create_log(f"sqlite:///{folder}/log.db")
        check_history(Counted(f"sqlite:///{folder}/log.db", folder), steps)


@settings(max_examples=25, deadline=None)
@given(steps=STEPS)
def test_on_postgresql_the_count_is_that_of_a_full_recount(
    steps: list[tuple[str, Any]], shared_log: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name in ("carga_archivo", "carga_error_fila"):
        execute(shared_log, f"DELETE FROM {name}")
    with pytest.MonkeyPatch.context() as patch:
        shrink(patch)
        check_history(Counted(shared_log, tmp_path_factory.mktemp("counted")), steps)


@pytest.fixture(scope="module")
def shared_log(postgres_server: str) -> str:
    url = fresh_database(postgres_server)
    create_log(url)
    return url


def shrink(patch: pytest.MonkeyPatch) -> None:
    """Slices of ten keys, so that a short log has many."""
    for module in (relations, counting):
        patch.setattr(module, "SLICE", 10)
    patch.setattr(counting, "PORTION", 30)
    patch.setattr(counting, "AUDITED", 20)


COUNTS = st.dictionaries(st.sampled_from([DONE, FAILED]), st.integers(1, 9))


@given(st.lists(st.tuples(COUNTS, st.integers(0, 3)), min_size=1))
def test_a_total_never_falls_and_never_stands_below_its_slice(steps: list[tuple[dict[Key, int], int]]) -> None:
    slice_, total = Slice(), Counter[Key]()
    for counts, waiting in steps:
        before = Counter(total)
        slice_, growth = follow(slice_, sum(counts.values()) + waiting, counts)
        total.update(growth)
        assert all(total[key] >= before[key] for key in before)
        assert all(total[key] >= count for key, count in counts.items())


def test_what_moves_is_counted_twice_and_what_comes_back_once() -> None:
    slice_, growth = follow(Slice(), 3, {FAILED: 3})
    assert growth == {FAILED: 3}
    slice_, growth = follow(slice_, 3, {FAILED: 2, DONE: 1})  # processed again
    assert growth == {DONE: 1}
    slice_, growth = follow(slice_, 3, {FAILED: 3})  # and failed again
    assert growth == {FAILED: 1}
    slice_, growth = follow(slice_, 0, {})  # the log is emptied
    assert not growth
    slice_, growth = follow(slice_, 3, {FAILED: 3})  # and restored
    assert not growth
