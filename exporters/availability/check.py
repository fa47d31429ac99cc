"""What `renteseg check` says about `targets.yml`: its entries, the files they name and the hosts they name."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue

from exporters.availability.followed import Followed
from exporters.availability.places import Places
from exporters.availability.probes.connection import literal, secret
from exporters.availability.probes.result import ProbeFailed, Reason
from exporters.availability.probes.securing import trust
from exporters.availability.targets import sound_components, targets_of
from exporters.availability.watched import Secured, Watched
from groundwork.configuration import read_document
from groundwork.problems import ConfigurationError, Problem

FILE = "targets.yml"
RESOLUTION_TIMEOUT = 5.0
ASKING_AT_ONCE = 256
PEM = ("ca_file", "cert_file")

Components = Sequence[Watched]


def check(config_dir: Path, environment: Mapping[str, str] = os.environ) -> list[Problem]:
    """Every problem of the file, with those of the files and hosts that its sound entries name."""
    path = config_dir / FILE
    try:
        document = read_document(path, environment)
    except ConfigurationError as error:
        return error.problems
    made_later = state_folder(environment)
    try:
        targets = targets_of(document)
    except ConfigurationError as error:
        places = Places(path, environment)
        return [*error.problems, *outside_problems(sound_components(document), places, made_later)]
    followed = Followed(config_dir)
    found, problems = followed.found(targets)
    components = targets.with_found(found).components
    return [*problems, *outside_problems(components, Places(path, environment, followed.given), made_later)]


def outside_problems(components: Components, places: Places, made_later: Path | None = None) -> list[Problem]:
    """What the entries name and is not there. Files under `made_later` may come when other processes start."""
    return [*unusable_files(components, places, made_later), *unresolved_hosts(components, places)]


def unusable_files(components: Components, places: Places, made_later: Path | None = None) -> Iterator[Problem]:
    """The files that components name and that cannot be read, or hold no certificate where one is due."""
    for component in components:
        for key, file in component.files():
            if made_later and file.absolute().is_relative_to(made_later) and not file.exists():
                continue
            try:
                _read(key, file.absolute())
            except ProbeFailed as failure:
                remedy = "name a readable file of PEM certificates" if key in PEM else "name a readable file"
                yield places.problem(component.name, key, failure.detail, remedy)
        yield from _unusable_pair(component, places)


def _read(key: str, file: Path) -> None:
    if key == "ca_file":
        trust(file)
    elif key != "known_hosts_file":
        secret(file)
    elif not os.access(file, os.R_OK):
        raise ProbeFailed(Reason.CONFIGURATION, f"{file} cannot be used: it cannot be read")


def _unusable_pair(component: Watched, places: Places) -> Iterator[Problem]:
    """A certificate of ours that does not go with its key."""
    if not isinstance(component, Secured) or component.cert_file is None or not component.cert_file.exists():
        return
    try:
        trust(None, component.cert_file, component.key_file)
    except ProbeFailed as failure:
        remedy = "name a PEM certificate and its unencrypted key"
        yield places.problem(component.name, "cert_file", failure.detail, remedy)


def unresolved_hosts(components: Components, places: Places) -> list[Problem]:
    """The hosts that have no address now, each asked once and many at the same time."""
    hosts: dict[str, str] = {}
    for component in components:
        if component.endpoint and not literal(component.endpoint[0]):
            hosts.setdefault(component.endpoint[0], component.name)
    answers = _resolved(list(hosts))
    return [
        places.problem(name, "", f"{host} does not resolve: {answers[host]}", "correct the name, or check the DNS")
        for host, name in hosts.items()
        if answers[host]
    ]


def state_folder(environment: Mapping[str, str]) -> Path:
    """Where this installation's own processes write, as the settings name it."""
    return Path(environment.get("RENTESEG_STATE") or ".state").absolute()


def _resolved(hosts: list[str]) -> dict[str, str]:
    """What is wrong with each host's name, empty when it resolves.

    The system's resolver cannot be interrupted, so the questions have daemon threads that may be left behind.
    """
    answers = dict.fromkeys(hosts, f"no answer within {RESOLUTION_TIMEOUT:g} s")
    waiting = SimpleQueue[str]()
    for host in hosts:
        waiting.put(host)

    def ask() -> None:
        with contextlib.suppress(Empty):
            while True:
                host = waiting.get_nowait()
                answers[host] = _resolution_problem(host)

    threads = [threading.Thread(target=ask, daemon=True) for _ in hosts[:ASKING_AT_ONCE]]
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
