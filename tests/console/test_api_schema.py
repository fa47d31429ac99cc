"""Whatever is sent to the running API, its answers are those that its own description promises."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from incident_store.database import open_store, upgrade
from incident_store.domain.episodes import Notification
from incident_store.domain.lifecycle import Role
from incident_store.people import add_person
from incident_store.store import record
from incident_store.tokens import add_token
from tests.builders import PORTAL_DOWN, shipped_policy
from tests.exporters.file_loads.load_logs import create_log, log_file
from tests.processes import answers, free_ports, renteseg, running, wait_for

SECONDS = 35
CONFIGURATION = """
[checks.positive_data_acceptance]
# A request may be well formed and yet refused by the process, with a named reason.
expected-statuses = ["2xx", 403, 404, 409, 412, 422]

[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 409, 412, 413, 415, 422]
"""


@pytest.fixture
def running_api(store_url: str, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The address of a console process with incidents in its store and a load log, and a supervisor's token."""
    upgrade(store_url)
    engine, now = open_store(store_url), datetime.now(UTC)
    add_person(engine, "sofia", Role.SUPERVISOR, "una clave larga")
    token = add_token(engine, "sofia", "pruebas", 1, now)
    for place in range(5):
        labels = {**PORTAL_DOWN, "component": f"portal-{place}"}
        began = now - timedelta(hours=place + 1)
        notification = Notification(f"f{place}", began, None, labels, {"summary": "no responde"})
        record(engine, [notification], [], shipped_policy(), now)
    engine.dispose()
    load_log = f"sqlite:///{tmp_path}/load_log.db"
    create_log(load_log)
    log_file(load_log, "CLARO", "ROBOS", "RECHAZADO", reason="F05", received_at="2026-10-06T10:00:00+00:00")
    port, exporter = free_ports(2)
    environment = {
        "RENTESEG_LOAD_LOG_URL": load_log,
        "RENTESEG_FILE_LOADS_PORT": str(exporter),
        "RENTESEG_DATABASE_URL": store_url,
        "RENTESEG_CONSOLE_PORT": str(port),
        "RENTESEG_STATE": str(tmp_path / "state"),
        "RENTESEG_API_REQUESTS_PER_MINUTE": "1000000",
    }
    with (
        running(renteseg("exporter", "file-loads"), tmp_path / "exporter.log", environment),
        running(renteseg("console"), tmp_path / "console.log", environment),
    ):
        wait_for(lambda: answers(f"http://127.0.0.1:{exporter}/readyz"), 60, "the exporter is ready")
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/readyz"), 60, "the console is ready")
        yield f"http://127.0.0.1:{port}", token


def test_no_answer_of_the_running_api_is_undocumented(running_api: tuple[str, str], tmp_path: Path) -> None:
    address, token = running_api
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    command = [str(Path(sys.executable).parent / "st"), "--config-file", str(tmp_path / "schemathesis.toml"), "run"]
    command += [f"{address}/api/v1/openapi.json", "--header", f"Authorization: Bearer {token}"]
    command += ["--checks", "all", "--max-time", str(SECONDS), "--max-examples", "40", "--workers", "1"]
    command += ["--no-color", "--report-dir", str(tmp_path / "report")]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS * 4, cwd=tmp_path)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:] + (tmp_path / "console.log").read_text()[-2000:]
    assert httpx.get(f"{address}/readyz").status_code == 200
