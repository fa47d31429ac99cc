"""`renteseg doctor`: what is wrong is said worst first, whatever answers where Prometheus should."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from chain.doctor import Finding, Importance, examine
from groundwork.settings import Settings
from incident_store.database import upgrade
from tests.processes import ROOT, free_ports, run_renteseg

NAMES = ("prometheus", "alertmanager", "availability", "file_loads", "incidents", "webhook", "worker", "console")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A machine on which nothing runs."""
    ports = dict(zip(NAMES, free_ports(len(NAMES)), strict=True))
    settings = Settings(
        state=tmp_path / "state", config=ROOT / "config", **{f"{name}_port": port for name, port in ports.items()}
    )
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    upgrade(settings.database_url)
    return settings


def said(findings: list[Finding]) -> list[str]:
    return [finding.what.split()[0] for finding in findings if "does not answer" in finding.what]


def test_where_nothing_runs_what_loses_alerts_is_said_first(settings: Settings) -> None:
    findings = examine(settings)

    assert said(findings) == [
        "webhook", "alertmanager", "prometheus", "availability", "file_loads", "incidents", "worker", "console",
    ]  # fmt: skip
    assert any("the sign of life has never reached the receiver" in finding.what for finding in findings)
    assert [finding.importance for finding in findings] == sorted(finding.importance for finding in findings)
    assert all(finding.remedy for finding in findings)


def test_a_store_of_an_older_version_names_the_command(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "old.db").touch()
    old = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path}/old.db"})

    assert [finding.remedy for finding in examine(old) if "store" in finding.what] == ["run `renteseg db upgrade`"]


def test_looking_makes_no_store(settings: Settings, tmp_path: Path) -> None:
    none = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path}/none.db"})

    assert any("there is no incident store" in finding.what for finding in examine(none))
    assert not (tmp_path / "none.db").exists()


def test_a_command_line_tells_it_in_words_and_as_json(settings: Settings) -> None:
    words = run_renteseg("doctor", environment=settings.environment())
    told = run_renteseg("doctor", "--json", environment=settings.environment())

    assert words.returncode == told.returncode == 1
    assert words.stdout.startswith("1. [alerts may be lost] webhook does not answer at http://127.0.0.1:")
    assert json.loads(told.stdout)["findings"][0]["importance"] == "losing"


DOWN = {"health": "down", "labels": {"job": "webhook"}, "scrapeUrl": "http://x", "lastError": "refused"}
TASK = {"alertname": "RentesegTaskStale", "service": "monitoreo", "severity": "warning"}
PAGES = {
    "alertmanagers": {"activeAlertmanagers": []},
    "targets": {"activeTargets": [DOWN]},
    "rules": {"groups": [{"rules": [{"name": "RentesegX", "health": "err", "lastError": "many-to-many"}]}]},
    "status/flags": {"storage.tsdb.retention.time": "5w"},
    "alerts": {"alerts": [{"state": "firing", "labels": TASK, "annotations": {"summary": "tarea"}}]},
}


@pytest.fixture
def prometheus(settings: Settings) -> Iterator[dict[str, Any]]:
    """Something that listens where Prometheus should and answers what it is told to."""
    pages: dict[str, Any] = dict(PAGES)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = pages.get(self.path.removeprefix("/api/v1/"))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer if isinstance(answer, bytes) else json.dumps({"data": answer}).encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", settings.prometheus_port), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield pages
    server.shutdown()
    server.server_close()


def test_what_prometheus_knows_is_said(settings: Settings, prometheus: dict[str, Any]) -> None:
    text = "\n".join(str(finding) for finding in examine(settings))

    for words in (
        "knows of no Alertmanager",
        "cannot read webhook at http://x: refused",
        "RentesegX cannot be evaluated: many-to-many",
        "Prometheus keeps 5w",
        "RentesegTaskStale fires: tarea; see the runbook RentesegTaskStale",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("kept", "size", "short"),
    [
        ("400d", "0B", False),
        ("1y5d", "0B", False),
        ("0s", "0B", True),
        ("0s", "90GB", False),
        ("40d", "0B", False),
        ("39d", "0B", True),
    ],
)
def test_forty_days_are_enough(
    settings: Settings, prometheus: dict[str, Any], kept: str, size: str, short: int
) -> None:
    prometheus["status/flags"] = {"storage.tsdb.retention.time": kept, "storage.tsdb.retention.size": size}

    assert any("Prometheus keeps" in finding.what for finding in examine(settings)) == short


@pytest.mark.parametrize(
    "answer", [b"", b"<html>login</html>", b"[]", b'{"data": null}', b'{"data": {"groups": 7}}', b"\xff"]
)
def test_what_is_no_prometheus_is_told_in_a_line(settings: Settings, prometheus: dict[str, Any], answer: bytes) -> None:
    prometheus |= dict.fromkeys(PAGES, answer)

    assert any("does not answer as Prometheus does" in finding.what for finding in examine(settings))


def test_importance_has_words() -> None:
    assert all(importance.words for importance in Importance)
