"""What `renteseg check` says about `targets.yml`: its entries, the files they name and the hosts they name."""

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from exporters.availability.followed import Followed
from exporters.availability.probes.connection import secret
from exporters.availability.probes.result import ProbeFailed, Reason
from exporters.availability.probes.securing import trust
from exporters.availability.targets import Targets, read_targets
from exporters.availability.watched import Secured, Watched
from groundwork.problems import ConfigurationError, Problem

FILE = "targets.yml"
RESOLUTION_TIMEOUT = 5.0
PEM = ("ca_file", "cert_file")


def check(config_dir: Path, environment: Mapping[str, str] = os.environ) -> list[Problem]:
    """Every problem of the file; a host that does not resolve now is one too."""
    path = config_dir / FILE
    try:
        targets = read_targets(path, environment)
    except ConfigurationError as error:
        return error.problems
    found, problems = Followed(config_dir).found(targets)
    return [*problems, *check_targets(targets.with_found(found), path, state_folder(environment))]


def check_targets(targets: Targets, path: Path, made_later: Path | None = None) -> list[Problem]:
    """What the entries name and is not there. Files under `made_later` may come when other processes start."""
    return [*unusable_files(targets, path, made_later), *unresolved_hosts(targets, path)]


def unusable_files(targets: Targets, path: Path, made_later: Path | None = None) -> Iterator[Problem]:
    """The files that components name and that cannot be read, or hold no certificate where one is due."""
    for component in targets.components:
        for key, file in component.files():
            if made_later and file.absolute().is_relative_to(made_later) and not file.exists():
                continue
            try:
                _read(key, file.absolute())
            except ProbeFailed as failure:
                remedy = "name a readable file of PEM certificates" if key in PEM else "name a readable file"
                yield Problem(str(path), failure.detail, remedy, where=f"{component.name}.{key}")
        yield from _unusable_pair(component, path)


def _read(key: str, file: Path) -> None:
    if key == "ca_file":
        trust(file)
    elif key != "known_hosts_file":
        secret(file)
    elif not os.access(file, os.R_OK):
        raise ProbeFailed(Reason.CONFIGURATION, f"{file} cannot be used: it cannot be read")


def _unusable_pair(component: Watched, path: Path) -> Iterator[Problem]:
    """A certificate of ours that does not go with its key."""
    if not isinstance(component, Secured) or component.cert_file is None or not component.cert_file.exists():
        return
    try:
        trust(None, component.cert_file, component.key_file)
    except ProbeFailed as failure:
        remedy = "name a PEM certificate and its unencrypted key"
        yield Problem(str(path), failure.detail, remedy, where=f"{component.name}.cert_file")


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
