"""A running exporter takes other targets over: by signal, by request, and when another program writes them."""

import errno
import json
import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporters.availability.reloading import Reloader
from groundwork.problems import ConfigurationError
from groundwork.settings import Settings
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


@pytest.mark.parametrize("pattern", ["", "/", ".", "a/**b"])
def test_a_pattern_that_is_none_is_refused_and_everything_stays(
    pattern: str, environment: dict[str, str], tmp_path: Path
) -> None:
    config = tmp_path / "config"
    write(config, "stays")
    with exporter("exporters.availability.main", "RENTESEG_AVAILABILITY_PORT", environment) as running:
        running.wait_until_ready()

        write(config, "stays", follow=[{"files": [pattern]}])
        answer = running.client.post("/-/reload")

        assert (answer.status_code, "follow.0.files.0" in answer.text) == (500, True)
        before = runs(running, "stays")
        until(lambda: runs(running, "stays") > before)
        assert figure(running, GOOD) == 0


def test_a_folder_that_cannot_be_listed_takes_no_component_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk of the network that comes and goes."""
    config = tmp_path / "config"
    config.mkdir()
    write(config, "stays")
    (config / "found.json").write_text(json.dumps([{"targets": ["127.0.0.1:2"], "labels": {"name": "found"}}]))
    reloader = Reloader(Settings(config=config, state=tmp_path), {})
    names = [component.name for component in reloader.read().targets.components]

    glob = Path.glob

    def away(folder: Path, pattern: str) -> Iterable[Path]:
        if folder == config:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(config))
        return glob(folder, pattern)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "glob", away)
        with pytest.raises(ConfigurationError, match="cannot be listed: Stale file handle"):
            reloader.read()

    assert names == [component.name for component in reloader.read().targets.components] == ["stays", "found"]


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
