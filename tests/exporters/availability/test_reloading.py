"""A running exporter takes other targets over: by signal, by request, and when another program writes them."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.exporters.processes import Exporter, exporter

PATIENCE = 20.0


def entry(name: str, address: str = "127.0.0.1:1") -> dict[str, str]:
    return {"name": name, "kind": "tcp", "service": "s", "owner": "oti", "address": address}


def write(config: Path, *names: str, **more: object) -> None:
    document = {
        "defaults": {"interval": "100ms", "timeout": "50ms"},
        "follow": [{"files": ["found.json"], "component": {**entry("x"), "address": "{target}"}}],
        "components": [entry(name) for name in names],
        **more,
    }
    (config / "targets.yml").write_text(json.dumps(document))


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "config").mkdir()
    return {"RENTESEG_CONFIG": str(tmp_path / "config"), "RENTESEG_STATE": str(tmp_path / "state")}


def figure(running: Exporter, name: str, component: str | None = None) -> float | None:
    for family in text_string_to_metric_families(running.client.get("/metrics").text):
        for sample in family.samples:
            if sample.name == name and sample.labels.get("component") == component:
                return sample.value
    return None


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def runs(running: Exporter, component: str) -> float:
    return figure(running, "renteseg_probe_runs_total", component) or 0


GOOD = "renteseg_config_last_reload_successful"


def test_other_targets_are_taken_over_and_bad_ones_refused(environment: dict[str, str], tmp_path: Path) -> None:
    config = tmp_path / "config"
    write(config, "stays", "goes")
    with exporter("exporters.availability.main", "RENTESEG_AVAILABILITY_PORT", environment) as running:
        running.wait_until_ready()
        until(lambda: runs(running, "stays") >= 5)
        before = runs(running, "stays")

        write(config, "stays", "comes")
        answer = running.client.post("/-/reload")
        assert (answer.status_code, answer.text) == (200, "reloaded\n")
        assert runs(running, "stays") >= before
        assert figure(running, "renteseg_component_info", "goes") is None
        until(lambda: runs(running, "comes") >= 1)
        assert figure(running, GOOD) == 1

        write(config, "stays", "comes", "Bad_Name")
        answer = running.client.post("/-/reload")
        assert answer.status_code == 500
        assert "is not a name" in answer.text
        assert figure(running, GOOD) == 0
        assert runs(running, "comes") >= 1
        assert running.client.get("/-/reload").status_code == 405

        write(config, "stays", "by-signal")
        running.process.send_signal(signal.SIGHUP)
        until(lambda: runs(running, "by-signal") >= 1)
        assert figure(running, GOOD) == 1
        assert runs(running, "stays") >= before


def test_what_another_program_writes_is_followed(environment: dict[str, str], tmp_path: Path) -> None:
    config = tmp_path / "config"
    write(config, "stays")
    with exporter("exporters.availability.main", "RENTESEG_AVAILABILITY_PORT", environment) as running:
        running.wait_until_ready()

        (config / "found.json").write_text(json.dumps([{"targets": ["127.0.0.1:2"], "labels": {"name": "found"}}]))
        until(lambda: runs(running, "found") >= 1)

        (config / "found.json").write_text("[{")
        until(lambda: figure(running, GOOD) == 0)
        assert runs(running, "found") >= 1

        (config / "found.json").write_text("[]")
        until(lambda: figure(running, "renteseg_component_info", "found") is None)
        assert figure(running, GOOD) == 1
        assert runs(running, "stays") >= 1
