"""Panels that show what takes days or an outage to come about: a real Prometheus that holds such samples.

All others are asked on the running chain (`tests/chain/test_contract.py`), which also holds these names and labels
against what the processes expose.
"""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from chain.programs import program
from tests.grafana.test_dashboard import FILES, filled, panels
from tests.processes import answers, free_ports, running, wait_for

FILE = 'operator="CLARO",file_type="ROBOS"'
SERIES = {
    'component:renteseg_probe_duration_seconds:mean15m{component="portal-web"}': 0.1,
    'component:renteseg_probe_duration_seconds:usual7d{component="portal-web"}': 0.1,
    'operator:renteseg_file_loads:rejected1d{operator="CLARO"}': 1,
    'operator:renteseg_file_loads:ended1d{operator="CLARO"}': 4,
    f"renteseg_file_queue_files{{{FILE}}}": 3,
    f"renteseg_file_queue_oldest_timestamp_seconds{{{FILE}}}": 1,
    f'renteseg_file_row_errors_total{{{FILE},reason="R02"}}': 1,
    f"renteseg_file_newest_rows{{{FILE}}}": 120,
    f"renteseg_file_usual_rows{{{FILE}}}": 100,
    "renteseg_notices_pending": 1,
    "renteseg_notices_failed": 0,
    "renteseg_mailbox_unread": 2,
    f"renteseg_regularisations_open{{{FILE}}}": 1,
    'ALERTS_FOR_STATE{alertname="RentesegComponentDown",component="portal-web",service="consulta"}': 1,
    f'ALERTS_FOR_STATE{{alertname="RentesegFileRejected",{FILE},service="carga-diaria"}}': 1,
    'ALERTS_FOR_STATE{alertname="RentesegSlaBreached",component="incidencia-1",service="atencion-incidencias"}': 1,
    'ALERTS_FOR_STATE{alertname="RentesegTaskStale",component="tarea-x",service="monitoreo"}': 1,
}
"""What a chain has once it is some days old; each value grows a little every minute, as counters do."""
TITLES = {
    "Frente a su propia costumbre", "Archivos rechazados en 24 horas", "Archivos en cola",
    "Errores de formato por motivo", "Registros del archivo más reciente y lo usual", "Lo que espera a alguien",
    "Alertas activas",
}  # fmt: skip


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, now, (port,) = tmp_path_factory.mktemp("history"), int(time.time()), free_ports(1)
    lines = [
        f"{series} {value + minute} {now - 600 + 60 * minute}"
        for series, value in SERIES.items()
        for minute in range(11)
    ]
    (folder / "prometheus.yml").write_text("{}")
    (folder / "samples").write_text("\n".join([*lines, "# EOF"]) + "\n")
    load = ["tsdb", "create-blocks-from", "openmetrics", folder / "samples", folder / "data"]
    subprocess.run([program("promtool"), *load], check=True, capture_output=True)
    command = [
        str(program("prometheus")), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with running(command, folder / "log"):
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/-/ready"), 60, "Prometheus is ready")
        yield f"http://127.0.0.1:{port}"


QUERIES = [
    (path.stem, panel["title"], target["expr"])
    for path in FILES
    for panel in panels(path)
    if panel["title"] in TITLES
    for target in panel["targets"]
]


@pytest.mark.parametrize(("board", "title", "query"), QUERIES)
def test_a_panel_shows_what_has_come_about(prometheus: str, board: str, title: str, query: str) -> None:
    answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": filled(query)}).raise_for_status()

    assert json.loads(answer.text)["data"]["result"], (board, title, query)


def test_every_panel_that_the_chain_leaves_empty_is_asked_here() -> None:
    contract = (Path(__file__).parent.parent / "chain" / "test_contract.py").read_text(encoding="utf-8")
    listed = contract.split("NEEDS_MORE = {")[1].split("}")[0]

    assert {line.split('"')[1] for line in listed.strip().splitlines()} | {"Alertas activas"} == TITLES
