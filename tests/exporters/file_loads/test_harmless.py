"""What the exporter does to a database in trouble, and what a scrape does meanwhile: real locks, real networks."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, make_url, text

from exporters.file_loads.main import LoadLogSource
from exporters.file_loads.reader import LoadLogReader
from exporters.refreshing import Circuit, Refresher, SourceError, SourceTimeout
from tests.exporters.file_loads.load_logs import SHIPPED, configuration, create_log, execute, log_file, scalar
from tests.exporters.processes import Exporter, exporter

PATIENT = 20.0
"""Seconds, far more than anything here should need on a busy machine."""


@contextmanager
def locked(url: str) -> Iterator[None]:
    """The load log's table, locked by somebody else."""
    engine = create_engine(url)
    with engine.connect() as connection:
        if url.startswith("postgresql"):
            connection.execute(text("LOCK TABLE carga_archivo IN ACCESS EXCLUSIVE MODE"))
        else:
            connection.connection.driver_connection.execute("BEGIN EXCLUSIVE")  # type: ignore[union-attr]
        yield
        connection.rollback()
    engine.dispose()


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    url: str = request.getfixturevalue("postgres_url")
    create_log(url)
    log_file(url, "CLARO", "ROBOS", "PROCESADO")
    return url


@contextmanager
def running(url: str, folder: Path, statement_timeout: str = "300ms") -> Iterator[Exporter]:
    """The exporter as a process that reads this log ten times a second."""
    words = SHIPPED.read_text(encoding="utf-8")
    words = words.replace("refresh: 5s", "refresh: 100ms")
    words = words.replace("statement_timeout: 2s", f"statement_timeout: {statement_timeout}")
    (folder / "config").mkdir()
    (folder / "config" / "file_loads.yml").write_text(words, encoding="utf-8")
    environment = {
        "RENTESEG_CONFIG": str(folder / "config"),
        "RENTESEG_LOAD_LOG_URL": url,
        "RENTESEG_STATE": str(folder / "state"),
    }
    with exporter("exporters.file_loads.main", "RENTESEG_FILE_LOADS_PORT", environment) as found:
        yield found


def figure(scrape: str, name: str) -> float | None:
    found = [line.rsplit(" ", 1)[1] for line in scrape.splitlines() if line.startswith(f"{name} ")]
    return float(found[0]) if found else None


def wait_until_source_is(up: int, process: Exporter) -> str:
    deadline = time.monotonic() + PATIENT
    while time.monotonic() < deadline:
        scrape = process.client.get("/metrics").text
        if figure(scrape, "renteseg_file_loads_source_up") == up:
            return scrape
        time.sleep(0.02)
    raise AssertionError(f"source_up never became {up}")


def test_a_locked_table_delays_no_scrape_and_piles_up_no_connection(url: str, tmp_path: Path) -> None:
    with running(url, tmp_path) as process:
        process.wait_until_ready()
        with locked(url):
            scrape = wait_until_source_is(0, process)
            slowest = 0.0
            for _ in range(50):
                began = time.monotonic()
                scrape = process.client.get("/metrics").text
                slowest = max(slowest, time.monotonic() - began)
                connections = scalar(
                    url,
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND application_name = 'renteseg-monitor'",
                )
                assert connections <= 1
            assert figure(scrape, "renteseg_file_loads_refresh_timestamp_seconds") is not None
        wait_until_source_is(1, process)

    assert slowest < 2, "a scrape waited for the database"


def test_many_who_ask_for_a_day_of_a_locked_log_delay_no_scrape(url: str, tmp_path: Path) -> None:
    with running(url, tmp_path, "1s") as process:
        process.wait_until_ready()
        with locked(url), ThreadPoolExecutor(30) as people:
            wait_until_source_is(0, process)
            asked = [people.submit(httpx.get, process.client.base_url.join("/loads"), timeout=60) for _ in range(30)]
            while not any(answer.done() for answer in asked):
                time.sleep(0.01)
            began = time.monotonic()
            process.client.get("/metrics").raise_for_status()
            took = time.monotonic() - began
            assert {answer.result().status_code for answer in asked} == {503}

    assert took < 1


def test_a_lock_ends_the_statement_on_the_server(url: str, tmp_path: Path) -> None:
    source = LoadLogSource(configuration(url, statement_timeout=0.2), tmp_path)

    with locked(url), pytest.raises(SourceTimeout, match="statement timeout"):
        source.read()


def test_a_locked_sqlite_file_is_a_timeout(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/log.db"
    create_log(url)

    with locked(url), pytest.raises(SourceTimeout, match="locked"):
        LoadLogSource(configuration(url, statement_timeout=0.2), tmp_path).read()


class Relay:
    """A way to the database that can be made to hang: connections stay open and nothing passes."""

    def __init__(self, url: str) -> None:
        self._folder = make_url(url).query["host"]
        self._server = socket.create_server(("127.0.0.1", 0))
        self.passing = threading.Event()
        self.passing.set()
        threading.Thread(target=self._accept, daemon=True).start()
        address = make_url(url).difference_update_query(["host"])
        self.url = address.set(host="127.0.0.1", port=self._server.getsockname()[1]).render_as_string(False)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(f"{self._folder}/.s.PGSQL.5432")
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with closing(source), closing(target):
            try:
                while piece := source.recv(65536):
                    self.passing.wait()
                    target.sendall(piece)
            except OSError:
                return

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def relay(url: str) -> Iterator[Relay]:
    made = Relay(url)
    yield made
    made.close()


def test_a_network_that_hangs_in_the_middle_of_a_session_is_left(relay: Relay) -> None:
    reader = LoadLogReader(configuration(relay.url, statement_timeout=0.2).load_log)
    began = time.monotonic()

    with pytest.raises(SourceError), reader.session() as session:
        relay.passing.clear()
        session.head()

    assert time.monotonic() - began < PATIENT


class SilentDeath(Relay):
    """A way on which every connection dies without a word after so many pieces of what the server says."""

    def __init__(self, url: str, pieces: int) -> None:
        self.left = pieces
        super().__init__(url)

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        from_server = source.family == socket.AF_UNIX
        with closing(source), closing(target), suppress(OSError):
            while piece := source.recv(65536):
                self.left -= from_server
                if from_server and self.left < 0:
                    threading.Event().wait(60)
                target.sendall(piece)


def test_wherever_a_connection_dies_without_a_word_the_reading_ends(url: str, tmp_path: Path) -> None:
    """Also before the first and after the last statement of ours: the library has its own."""

    def reading(pieces: int) -> int:
        way = SilentDeath(url, pieces)
        source = LoadLogSource(configuration(way.url, statement_timeout=0.2), tmp_path / str(pieces))
        with suppress(SourceError):
            source.read()
        way.close()
        return pieces - way.left

    said = reading(1000)
    with ThreadPoolExecutor(said) as readers:
        list(readers.map(reading, range(said), timeout=PATIENT))

    assert said > 20


def test_a_network_that_hangs_delays_no_scrape_and_is_found_again(relay: Relay, tmp_path: Path) -> None:
    with running(relay.url, tmp_path) as process:
        process.wait_until_ready()
        relay.passing.clear()
        wait_until_source_is(0, process)
        began = time.monotonic()
        for _ in range(20):
            process.client.get("/metrics").raise_for_status()
        assert time.monotonic() - began < PATIENT
        relay.passing.set()
        wait_until_source_is(1, process)


def test_the_circuit_opens_after_repeated_timeouts_and_closes_with_the_first_good_read() -> None:
    failing: list[Exception] = [SourceTimeout("statement timeout")] * 4 + [SourceError("refused")]

    def read() -> int:
        if failing:
            raise failing.pop(0)
        return 1

    refresher = Refresher(read, 5, circuit=Circuit(after=3, pause=120))
    seen = []
    for _ in range(6):
        refresher.refresh()
        seen.append((refresher.circuit_open, refresher.pause))

    assert seen == [(False, 10), (False, 20), (True, 120), (True, 120), (False, 30), (False, 5)]


def test_a_history_a_hundred_times_as_long_reads_no_more_rows(url: str, tmp_path: Path) -> None:
    """The cost of a refresh in rows that the database hands over, which no busy machine changes."""
    counts = []
    for first, last in ((2, 3_000), (3_001, 300_000)):
        execute(
            url,
            "INSERT INTO carga_archivo (id, operador, tipo_archivo, fecha_datos, secuencia, estado, actualizado_en) "
            "SELECT i, 'CLARO', 'ROBOS', date '2016-01-01' + i / 100, i % 100, 'PROCESADO', "
            f"timestamptz '2016-01-02' + i * interval '5 minutes' FROM generate_series({first}, {last}) AS i",
        )
        execute(url, "ANALYZE carga_archivo")
        source = LoadLogSource(configuration(url, statement_timeout=60.0), tmp_path / str(last))
        source.read()
        before = returned(url)
        source.read()
        counts.append(returned(url) - before)

    assert counts[1] <= 1.5 * counts[0] + 100


def returned(url: str) -> int:
    time.sleep(1.2)  # the server's statistics come a second late
    execute(url, "SELECT pg_stat_clear_snapshot()")
    return int(
        scalar(
            url,
            "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'carga_archivo'",
        )
    )
