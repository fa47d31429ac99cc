"""docker-compose.yml and the Dockerfile, read as data: whatever they name exists, and no secret stands in them."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

import renteseg
from groundwork.settings import Settings

ROOT = Path(__file__).parent.parent
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::-([^}]*))?\}")


def compose() -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return value


SERVICES: dict[str, dict[str, Any]] = compose()["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


def default(text: str) -> str:
    """The text as compose reads it without any .env."""
    return VARIABLE.sub(lambda match: match[2] or "", text)


def every_service(test: Any) -> Any:
    return pytest.mark.parametrize("name", SERVICES)(test)


@every_service
def test_a_service_depends_only_on_services_that_end_or_become_healthy(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert other in SERVICES
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]
        else:
            assert how["condition"] == "service_completed_successfully"
            assert SERVICES[other]["restart"] == "no"


@every_service
def test_what_a_service_mounts_exists_or_is_a_named_volume(name: str) -> None:
    for mount in SERVICES[name].get("volumes", []):
        source = mount.split(":")[0]
        if source.startswith("."):
            assert (ROOT / source).exists()
            assert mount.endswith(":ro")
        else:
            assert source in compose()["volumes"]


@every_service
def test_a_service_is_pinned_watched_and_published_on_loopback(name: str) -> None:
    service = SERVICES[name]

    assert re.search(r":v?\d+\.\d+", service["image"])
    assert "healthcheck" in service or service["restart"] == "no"
    assert all(default(port).startswith("127.0.0.1:") for port in service.get("ports", []))
    assert all(port.count("${") == 2 for port in service.get("ports", []))


@pytest.mark.parametrize("name", OURS)
def test_a_process_of_ours_runs_a_command_that_exists(name: str) -> None:
    command: Any = typer.main.get_command(renteseg.app)
    words = list(OURS[name]["command"])
    while hasattr(command, "commands"):
        assert words[0] in command.commands
        command = command.commands[words.pop(0)]
    assert len(words) == len([parameter for parameter in command.params if parameter.required])


@pytest.mark.parametrize("name", OURS)
def test_a_process_of_ours_has_no_rights_to_spare(name: str) -> None:
    assert OURS[name]["read_only"] is True
    assert OURS[name]["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("name", OURS)
def test_a_process_of_ours_is_given_the_secrets_that_its_environment_names(name: str) -> None:
    given = set(OURS[name].get("secrets", []))
    needed = {"webhook": {"postgres-password", "webhook-token"}, "migrate": {"postgres-password"}}
    needed |= {"worker": {"postgres-password"}, "incidents": {"postgres-password"}, "console": {"postgres-password"}}

    assert given == needed.get(name, set())
    assert ("RENTESEG_DATABASE_PASSWORD_FILE" in OURS[name]["environment"]) == ("postgres-password" in given)


def test_our_variables_are_settings_or_stand_in_a_file_that_is_rendered() -> None:
    known = {f"RENTESEG_{name.upper()}" for name in Settings.model_fields} | {"RENTESEG_DATABASE_PASSWORD_FILE"}
    files = [*(ROOT / "config").rglob("*.*"), *(ROOT / "rules").glob("*.yml")]
    named = {name for path in files for name, _ in VARIABLE.findall(path.read_text(encoding="utf-8"))}

    for service in OURS.values():
        assert set(service["environment"]) <= known | named


def test_the_addresses_of_the_rendered_files_are_those_of_the_services() -> None:
    environment = OURS["render"]["environment"]
    hosts = {name: host for name, host in environment.items() if name.endswith("_HOST") and name != "RENTESEG_HOST"}

    assert {default(host) for host in hosts.values()} <= set(SERVICES)
    assert {"RENTESEG_PROMETHEUS_HOST", "RENTESEG_ALERTMANAGER_HOST", "RENTESEG_WEBHOOK_HOST"} <= set(hosts)


def test_no_secret_stands_in_clear() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|TOKEN|SECRET|KEY", name):
                assert str(value).startswith("/run/secrets/"), name
            assert not re.search(r"://[^/@:]+:[^/@]+@", str(value)), name
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert used == set(compose()["secrets"])


def test_the_image_installs_by_hash_and_runs_as_nobody_in_particular() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")

    assert re.search(r"^FROM python:3\.12\.\d+-slim", text, re.MULTILINE)
    assert "--require-hashes -r requirements.lock" in text
    assert re.search(r"^USER renteseg$", text, re.MULTILINE)
    assert text.index("USER renteseg") > text.rindex("RUN ")


def test_the_image_gets_every_package_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    sent = {line[1:].rstrip("/") for line in lines if line.startswith("!")}
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    packages = re.findall(r'"(\w+)\*"', project)

    assert lines[0] == "*"
    assert set(packages) <= sent
    assert {"config", "rules", "requirements.lock", "renteseg.py", "docs/runbooks"} <= sent
    assert all((ROOT / name).exists() for name in sent)
