"""docker-compose.yml and the Dockerfile, read as data: whatever they name exists, and no secret stands in them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from compose_spec import PyCompose

import renteseg
from chain.rendering import render
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


def written(text: str) -> str:
    """The file as JSON, merged and with its variables replaced, as compose reads it."""
    return json.dumps(yaml.safe_load(VARIABLE.sub(lambda match: match[2] or "", text)))


def test_the_file_is_one_of_the_compose_specification() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")

    assert set(PyCompose.from_json(written(text)).service_names()) == set(SERVICES)
    for wrong in (
        ("restart: unless-stopped", "restart: sometimes"),
        ("read_only: true", "read_only: perhaps"),
        ("retries: 20", "retrys: 20"),
    ):
        assert wrong[0] in text
        with pytest.raises(ValueError, match=r"\w"):
            PyCompose.from_json(written(text.replace(*wrong)))


@every_service
def test_a_service_is_limited_and_writes_only_to_its_volumes(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert {"mem_limit", "cpus", "pids_limit"} <= set(service)
    assert service.get("user", "renteseg" if name in OURS else "root") not in {"root", "0"}


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
    needed |= {"webhook-2": needed["webhook"], "worker-2": {"postgres-password"}, "worker": {"postgres-password"}}
    needed |= {reader: {"postgres-password"} for reader in ("incidents", "console", "console-2")}

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


def test_what_alerts_pass_through_is_there_twice_under_one_profile() -> None:
    for name in ("alertmanager", "webhook", "worker", "console"):
        first, second = SERVICES[name], SERVICES[f"{name}-2"]
        assert "profiles" not in first
        assert second["profiles"] == ["ha"]
        assert second["image"] == first["image"]
        assert second.get("environment") == first.get("environment")
    assert SERVICES["webhook-2"]["networks"]["default"]["aliases"] == ["webhook"]
    assert "--cluster.peer=alertmanager:9094" in SERVICES["alertmanager-2"]["command"]


def test_a_pair_is_rendered_with_both_of_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, port in {"ALERTMANAGER": 9093, "WEBHOOK": 9804, "WORKER": 9805, "CONSOLE": 8080}.items():
        monkeypatch.setenv(f"RENTESEG_{name}_PEER", f"{name.lower()}-2:{port}")
    render(ROOT / "config", tmp_path)
    written = yaml.safe_load((tmp_path / "prometheus.yml").read_text(encoding="utf-8"))
    pair = written["alerting"]["alertmanagers"][0]["static_configs"]
    assert [one["targets"] for one in pair] == [["127.0.0.1:9093"], ["alertmanager-2:9093"]]
    scraped = [
        target for job in written["scrape_configs"] for one in job["static_configs"] for target in one["targets"]
    ]
    assert {"webhook-2:9804", "worker-2:9805", "alertmanager-2:9093", "console-2:8080"} <= set(scraped)


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
