"""Growing past one Prometheus: it writes to a real VictoriaMetrics, where a real vmalert evaluates the same rules."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import yaml

from chain.programs import FOLDER, ProgramMissing, peer, program
from chain.rendering import render
from tests.processes import ROOT, answers, free_ports, running, wait_for

PAGE = b"""# TYPE renteseg_component_up gauge
renteseg_component_up{component="portal-web",service="consulta",owner="provider"} 0
# TYPE renteseg_component_info gauge
renteseg_component_info{component="portal-web",service="consulta",owner="provider",kind="http"} 1
"""


class Exporter(BaseHTTPRequestHandler):
    """A component that is down, for whoever asks."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def exporter() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Exporter)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def vmalert() -> Path:
    """The program that comes in VictoriaMetrics' own package; skips where neither is to be had."""
    try:
        peer("victoria-metrics")
    except ProgramMissing as error:
        pytest.skip(f"VictoriaMetrics is not to be had: {error}")
    unpacked = FOLDER / "victoria-metrics" / "usr" / "bin" / "vmalert"
    return unpacked if unpacked.exists() else program("vmalert")


def test_vmalert_evaluates_the_rules_on_what_prometheus_wrote_away(exporter: str, tmp_path: Path) -> None:
    render(ROOT / "config", tmp_path / "rendered")
    binary = vmalert()
    engine, prometheus, alerts, told_to = (f"127.0.0.1:{port}" for port in free_ports(4))
    scraping = {
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "availability", "static_configs": [{"targets": [exporter]}]}],
        "remote_write": [{"url": f"http://{engine}/api/v1/write"}],
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(scraping))
    stored = [str(peer("victoria-metrics")), f"-storageDataPath={tmp_path}/victoria", f"-httpListenAddr={engine}"]
    scraped = [
        str(program("prometheus")), f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address={prometheus}",
    ]  # fmt: skip
    evaluated = [
        str(binary), f"-rule={tmp_path}/rendered/rules/*.yml", f"-datasource.url=http://{engine}",
        f"-remoteWrite.url=http://{engine}", f"-notifier.url=http://{told_to}", "-evaluationInterval=2s",
        f"-httpListenAddr={alerts}",
    ]  # fmt: skip
    (tmp_path / "alertmanager.yml").write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    notified = [
        str(program("alertmanager")), f"--config.file={tmp_path}/alertmanager.yml", f"--storage.path={tmp_path}/alerts",
        f"--web.listen-address={told_to}", "--cluster.listen-address=",
    ]  # fmt: skip

    with running(stored, tmp_path / "victoria.log"), running(scraped, tmp_path / "prometheus.log"):
        wait_for(lambda: answers(f"http://{engine}/health"), 30, "VictoriaMetrics is ready")
        with running(notified, tmp_path / "alertmanager.log"), running(evaluated, tmp_path / "vmalert.log"):
            wait_for(lambda: answers(f"http://{told_to}/-/ready"), 30, "Alertmanager is ready")
            told = wait_for(lambda: held(told_to, "RentesegComponentDown"), 120, "the alert reaches Alertmanager")

    assert told["labels"]["component"] == "portal-web"
    assert told["annotations"]["summary"] == "portal-web no responde"
    assert told["annotations"]["runbook_url"].endswith("/runbooks/RentesegComponentDown")


def held(address: str, name: str) -> dict[str, Any] | None:
    """The alert of this name that Alertmanager holds."""
    found = httpx.get(f"http://{address}/api/v2/alerts", timeout=5).json()
    return next((one for one in found if one["labels"]["alertname"] == name), None)
