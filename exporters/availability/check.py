"""What `renteseg check` says about `targets.yml`: its entries, the files they name and the hosts they name."""

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from exporters.availability.probes.connection import trust
from exporters.availability.probes.result import ProbeFailed
from exporters.availability.targets import HttpComponent, Targets, read_targets
from groundwork.problems import ConfigurationError, Problem

FILE = "targets.yml"
RESOLUTION_TIMEOUT = 5.0


def check(config_dir: Path, environment: Mapping[str, str] = os.environ) -> list[Problem]:
    """Every problem of the file; a host that does not resolve now is one too."""
    path = config_dir / FILE
    try:
        targets = read_targets(path, environment)
    except ConfigurationError as error:
        return error.problems
    return check_targets(targets, path, state_folder(environment))


def check_targets(targets: Targets, path: Path, made_later: Path | None = None) -> list[Problem]:
    """What the entries name and is not there. Files under `made_later` may come when other processes start."""
    return [*unusable_files(targets, path, made_later), *unresolved_hosts(targets, path)]


def unusable_files(targets: Targets, path: Path, made_later: Path | None = None) -> Iterator[Problem]:
    """The `ca_file`s that cannot be read or hold no certificate."""
    for component in targets.components:
        if not isinstance(component, HttpComponent) or component.ca_file is None:
            continue
        file = component.ca_file.absolute()
        if made_later and file.is_relative_to(made_later) and not file.exists():
            continue
        try:
            trust(file)
        except ProbeFailed as failure:
            remedy = "name a readable file of PEM certificates"
            yield Problem(str(path), failure.detail, remedy, where=f"{component.name}.ca_file")


def unresolved_hosts(targets: Targets, path: Path) -> list[Problem]:
    """The hosts that have no address now, each asked once and all at the same time."""
    hosts: dict[str, str] = {}
    for component in targets.components:
        if component.endpoint:
            hosts.setdefault(component.endpoint[0], component.name)
    answers = _resolved(list(hosts))
    return [
        Problem(
            str(path), f"{host} does not resolve: {answers[host]}", "correct the name, or check the DNS", where=name
        )
        for host, name in hosts.items()
        if answers[host]
    ]


def state_folder(environment: Mapping[str, str]) -> Path:
    """Where this installation's own processes write, as the settings name it."""
    return Path(environment.get("RENTESEG_STATE") or ".state").absolute()


def _resolved(hosts: list[str]) -> dict[str, str]:
    """What is wrong with each host's name, empty when it resolves.

    The system's resolver cannot be interrupted, so each question has a daemon thread that may be left behind.
    """
    answers = dict.fromkeys(hosts, f"no answer within {RESOLUTION_TIMEOUT:g} s")

    def ask(host: str) -> None:
        answers[host] = _resolution_problem(host)

    threads = [threading.Thread(target=ask, args=(host,), daemon=True) for host in hosts]
    deadline = time.monotonic() + RESOLUTION_TIMEOUT
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(answers)


def _resolution_problem(host: str) -> str:
    try:
        socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        return error.strerror or str(error)
    except UnicodeError:
        return "it is not a host name"
    return ""
