"""All processes under one supervisor: started together, restarted when they die, stopped together."""

import configparser
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from chain.kernel import adopt_orphans, end_children
from chain.lock import SUPERVISOR
from chain.programs import program
from groundwork.problems import Refused
from groundwork.settings import Settings

STOP_SECONDS = 20
LATEST_SECONDS = 60.0
"""So long after the chain begins Alertmanager and Prometheus do too, whoever is not there yet: that is a finding."""
WORKING = {"exporter file-loads": "healthz"}
"""The load log is what it watches: that it is away is a finding, not a reason to stop everything."""
GO = {"GOGC": "50"}
"""What Prometheus and Alertmanager are given: a quarter less memory for some more work of their collector."""
COMMENT = re.compile(r"\s[;#]|[\r\n]")


@dataclass(frozen=True)
class Process:
    """One process: its name, its command, the page that answers 200 once it can work (None: it has none), and what its
    environment has more than ours.

    `after` are the pages of those who must be able to work before the chain's first start of this one.
    """

    name: str
    command: Sequence[str]
    ready: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    after: Sequence[str] = ()


def processes(settings: Settings, *, simulator: bool) -> Iterator[Process]:
    """The processes of the chain, those that others read first."""
    ours = {
        "webhook": settings.webhook_port,
        "worker": settings.worker_port,
        "exporter incidents": settings.incidents_port,
        "exporter availability": settings.availability_port,
        "exporter file-loads": settings.file_loads_port,
        "console": settings.console_port,
    }
    pages = {name: f"http://{settings.host}:{port}/{WORKING.get(name, 'readyz')}" for name, port in ours.items()}
    simulated = {"simulator": f"http://{settings.host}:{settings.simulator_port}/"} if simulator else {}
    for name, page in {**simulated, **pages}.items():
        yield Process(name.split()[-1], _renteseg(*name.split()), page)
    yield replace(_alertmanager(settings), after=[*simulated.values(), pages["webhook"]])
    yield replace(_prometheus(settings), after=[*simulated.values(), *pages.values()])


def _renteseg(*words: str) -> list[str]:
    return [sys.executable, "-m", "renteseg", *words]


def _alertmanager(settings: Settings) -> Process:
    address = f"{settings.host}:{settings.alertmanager_port}"
    flags = {
        "config.file": settings.state / "rendered" / "alertmanager.yml",
        "storage.path": settings.state / "alertmanager",
        "web.listen-address": address,
        "web.external-url": f"http://{address}",
        "cluster.listen-address": "",
        "log.level": "warn",
    }
    return Process("alertmanager", [str(program("alertmanager")), *_flags(flags)], f"http://{address}/-/ready", GO)


def _prometheus(settings: Settings) -> Process:
    address = f"{settings.host}:{settings.prometheus_port}"
    flags = {
        "config.file": settings.state / "rendered" / "prometheus.yml",
        "storage.tsdb.path": settings.state / "prometheus",
        "storage.tsdb.retention.time": "400d",
        "web.listen-address": address,
        "web.external-url": f"http://{address}",
        "log.level": "warn",
    }
    return Process("prometheus", [str(program("prometheus")), *_flags(flags)], f"http://{address}/-/ready", GO)


def _flags(flags: Mapping[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in flags.items()]


class Supervisor:
    """A running supervisord with the chain's processes below it."""

    def __init__(self, settings: Settings, members: Sequence[Process], lock: int) -> None:
        self._members = members
        configuration = _write_configuration(settings.state, members)
        command = [sys.executable, "-m", "chain.supervised", str(os.getpid()), str(configuration)]
        adopt_orphans()
        self._process = subprocess.Popen(  # noqa: S603
            command,
            env={**os.environ, **settings.environment()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[lock],  # held on to, should we be killed
        )
        self._lines = threading.Thread(target=self._pass_on_lines, daemon=True)
        self._lines.start()

    def _pass_on_lines(self) -> None:
        """Every process's lines to our own output, whatever that is: a terminal, a pipe or a file."""
        for line in self._process.stdout or ():
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()

    def await_ready(self, patience: float) -> list[str]:
        """Wait until every process can work; returns the names of those that could not within `patience` seconds."""
        waiting = {member.name: member.ready for member in self._members if member.ready}
        limit = time.monotonic() + patience
        with httpx.Client(timeout=2) as client:
            while waiting and time.monotonic() < limit and self._process.poll() is None:
                waiting = {name: page for name, page in waiting.items() if not _answers(client, page)}
                time.sleep(0.2)
        return sorted(waiting)

    def wait(self) -> int:
        """Wait for the end; returns the supervisor's exit code, negative when a signal ended it."""
        return self._process.wait()

    @property
    def ended(self) -> bool:
        """Whether the supervisor has ended."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """Stop every process, at last by force; also those whose supervisor was killed."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        end_children(STOP_SECONDS)
        self._lines.join(timeout=1)


def _answers(client: httpx.Client, page: str) -> bool:
    try:
        return client.get(page).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _write_configuration(state: Path, members: Sequence[Process]) -> Path:
    """supervisord's own configuration; every process writes its lines to our output."""
    parser = configparser.ConfigParser(interpolation=None)
    parser["supervisord"] = {
        "nodaemon": "true",
        "logfile": "/dev/null",
        "logfile_maxbytes": "0",
        "pidfile": str(state / SUPERVISOR),
        "loglevel": "warn",
        **({"user": "root"} if os.geteuid() == 0 else {}),
    }
    until = f"{time.time() + LATEST_SECONDS:.0f}"
    for priority, member in enumerate(members):
        wait = [sys.executable, "-m", "chain.after", until, *member.after, "--"] if member.after else []
        parser[f"program:{member.name}"] = {
            "command": shlex.join([*wait, *member.command]),
            "environment": ",".join(f'{name}="{value}"' for name, value in member.environment.items()),
            "priority": str(priority),
            "autorestart": "true",
            "startsecs": "1",
            "startretries": "20",
            "stopwaitsecs": "8",
            "stopasgroup": "true",
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": "/dev/fd/1",
            "stdout_logfile_maxbytes": "0",
        }
    for section in parser.values():
        for key, value in section.items():
            section[key] = literal(value)
    path = state / "supervisord.conf"
    with path.open("w", encoding="utf-8") as file:
        parser.write(file)
    return path


def literal(value: str) -> str:
    """A value that supervisord reads as it stands; raises Refused where its file has no way to say so."""
    if COMMENT.search(value):
        raise Refused(f"a folder in {value!r} has a name that supervisord would cut; install in another one")
    return value.replace("%", "%%")
