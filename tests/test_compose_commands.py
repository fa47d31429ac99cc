"""Every command of ours in docker-compose.yml, run as a process with the environment that it has in its container.

What differs is only where things are: the state folder, the secrets, the ports, and that every host is this one.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from groundwork.settings import Settings
from tests.conftest import fresh_database
from tests.processes import answers, free_ports, renteseg, run_renteseg, running, wait_for
from tests.test_compose import OURS, SERVICES, default

PORTS = (
    "availability", "file_loads", "incidents", "webhook", "worker", "console", "simulator", "simulator_tls",
    "simulator_link", "smtp", "mail", "prometheus", "alertmanager",
)  # fmt: skip
SECOND = {name for name in OURS if name.endswith("-2")}
"""The same command and environment as the first, which other tests compare."""


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> dict[str, str]:
    """What stands in for the container's own: folders, secrets, the database, ports."""
    folder = tmp_path_factory.mktemp("container")
    (folder / "secrets").mkdir()
    for name in ("webhook-token", "postgres-password"):
        (folder / "secrets" / name).write_text("0123456789abcdef0123456789abcdef\n")
        (folder / "secrets" / name).chmod(0o600)
    return {"folder": str(folder), "database": fresh_database(postgres_server)}


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    return dict(zip(PORTS, free_ports(len(PORTS)), strict=True))


def _here(value: str, folder: str) -> str:
    if value in SERVICES or value == "0.0.0.0":
        return "127.0.0.1"
    return value.replace("/var/lib/renteseg", f"{folder}/state").replace("/run/secrets", f"{folder}/secrets")


def environment(name: str, places: dict[str, str], ports: dict[str, int]) -> dict[str, str]:
    """The service's environment with the places replaced."""
    given = {key: default(str(value)) for key, value in OURS[name]["environment"].items()}
    replaced = {key: _here(value, places["folder"]) for key, value in given.items()}
    if "RENTESEG_DATABASE_URL" in replaced:
        replaced["RENTESEG_DATABASE_URL"] = places["database"]
        del replaced["RENTESEG_DATABASE_PASSWORD_FILE"]  # the image's entrypoint reads it, see the Dockerfile
    return replaced | {f"RENTESEG_{name.upper()}_PORT": str(port) for name, port in ports.items()}


@pytest.fixture(scope="module")
def started(places: dict[str, str], ports: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Every service that stays, after those that end."""
    (Path(places["folder"]) / "state").mkdir()
    done = run_renteseg("db", "upgrade", environment=environment("migrate", places, ports))
    assert done.returncode == 0, done.stderr
    with ExitStack() as stack:
        processes = {}
        for name in set(OURS) - SECOND - {"migrate", "render"}:
            log = Path(places["folder"]) / f"{name}.log"
            command = renteseg(*OURS[name]["command"])
            processes[name] = stack.enter_context(running(command, log, environment(name, places, ports)))
        yield processes


def test_the_rendered_files_name_this_file_s_services(
    places: dict[str, str], ports: dict[str, int], tmp_path: Path
) -> None:
    done = run_renteseg("render", str(tmp_path), environment=environment("render", places, ports))

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "prometheus.yml").exists()
    assert f"127.0.0.1:{ports['webhook']}" in (tmp_path / "alertmanager.yml").read_text()


@pytest.mark.parametrize("name", sorted(set(OURS) - SECOND - {"migrate", "render"}))
def test_a_command_runs_and_its_health_check_passes(
    name: str, started: dict[str, Any], ports: dict[str, int], places: dict[str, str]
) -> None:
    (page,) = re.findall(r"http://127\.0\.0\.1:\d+(/\w*)", OURS[name]["healthcheck"]["test"][-1])
    url = f"http://127.0.0.1:{ports[name.replace('-', '_')]}{page}"
    log = Path(places["folder"]) / f"{name}.log"

    wait_for(lambda: started[name].poll() is not None or answers(url), 60, f"{name} answers at {page}")

    assert started[name].poll() is None, log.read_text()


def test_the_default_health_port_is_the_one_that_is_checked() -> None:
    for name in set(OURS) - {"migrate", "render"}:
        (port,) = re.findall(r":(\d+)/", OURS[name]["healthcheck"]["test"][-1])
        assert Settings.model_fields[f"{name.removesuffix('-2').replace('-', '_')}_port"].default == int(port)
