"""An installation without containers, as docs/operations.md says it; the units' commands as processes; the doctor."""

import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from subprocess import Popen

import pytest

from chain.programs import program
from tests.processes import ROOT, answers, free_ports, run_renteseg, running, wait_for
from tests.test_systemd import UNITS, WANTED, template

DOCUMENT = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
PAGES = {
    "webhook": "readyz", "worker": "readyz", "console": "readyz", "availability": "readyz", "file_loads": "healthz",
    "incidents": "readyz", "prometheus": "-/ready", "alertmanager": "-/ready",
}  # fmt: skip


@dataclass
class Installation:
    """Where the units' folders are here, and what runs."""

    folder: Path
    ports: dict[str, int] = field(default_factory=lambda: dict(zip(PAGES, free_ports(len(PAGES)), strict=True)))
    processes: dict[str, Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What /etc/renteseg/environment and the units' `Environment=` say."""
        named = {f"RENTESEG_{name.upper()}_PORT": str(port) for name, port in self.ports.items()}
        return named | {
            "RENTESEG_STATE": f"{self.folder}/state",
            "RENTESEG_CONFIG": f"{self.folder}/etc/config",
            "GOGC": "50",
        }

    def here(self, command: str) -> list[str]:
        """A unit's command with this machine's places in it."""
        places = {
            "/opt/renteseg/.venv/bin/renteseg": str(ROOT / ".venv" / "bin" / "renteseg"),
            "/usr/bin/prometheus-alertmanager": str(program("alertmanager")),
            "/usr/bin/prometheus": str(program("prometheus")),
            "/var/lib/prometheus": f"{self.folder}/prometheus",
            "/var/lib/renteseg": f"{self.folder}/state",
            "127.0.0.1:9090": f"127.0.0.1:{self.ports['prometheus']}",
            "127.0.0.1:9093": f"127.0.0.1:{self.ports['alertmanager']} --cluster.listen-address=",
        }
        pattern = re.compile("|".join(re.escape(old) for old in places))
        return shlex.split(pattern.sub(lambda found: places[found[0]], command))

    def page(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}/{PAGES[name]}"

    def vigilance(self, *, ended: bool = False) -> tuple[int, str] | None:
        """Incident and severity of the missing sign of life, once it is there (and once it has ended)."""
        asked = (
            "SELECT i.id, i.severity FROM incidents i JOIN episodes e ON e.incident_id = i.id "
            "WHERE i.component = 'vigilancia' AND (e.ended_at IS NOT NULL) = ?"
        )
        with sqlite3.connect(f"file:{self.folder}/state/incidents.db?mode=ro", uri=True) as store:
            found: tuple[int, str] | None = store.execute(asked, (ended,)).fetchone()
        return found

    def doctor(self) -> list[str]:
        """What it finds, without what this machine's disk and the missing RENTESEG have to do with."""
        done = run_renteseg("doctor", "--json", environment=self.environment)
        return [one["what"] for one in json.loads(done.stdout)["findings"] if "of the disk" not in one["what"]]


def commands() -> dict[str, str]:
    """The command of every unit, by the name of its port."""
    found = {}
    for wanted in WANTED:
        (line,) = re.findall(r"^ExecStart=(.+)$", template(wanted).read_text(encoding="utf-8"), re.MULTILINE)
        instance = wanted.split("@")[1].removesuffix(".service")
        found[instance.replace("-", "_")] = line.replace("%i", instance)
    for name in ("prometheus", "alertmanager"):
        found[name] = re.findall(r"^ExecStart=(.+)$", (UNITS / f"{name}.conf").read_text(), re.MULTILINE)[-1]
    return found


def script(made: Installation) -> str:
    """What the document has root type, without what only root of a machine with systemd can do."""
    block = DOCUMENT.split("### Without containers")[1].split("```")[1]
    kept = [line for line in block.strip().splitlines() if not re.match(r"useradd|make|systemctl|install -m", line)]
    text = "\n".join(kept).replace("runuser -u renteseg -- ", "").replace(" -o renteseg -g renteseg", "")
    text = text.replace("user add NAME", "user add jefa").replace("/opt/renteseg", str(ROOT))
    return text.replace("/etc/renteseg", f"{made.folder}/etc").replace("/var/lib/renteseg", f"{made.folder}/state")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Everything that the document says, then every unit."""
    made = Installation(tmp_path_factory.mktemp("installed"))
    done = subprocess.run(
        ["sh", "-e", "-c", script(made)], input="una-clave-larga-1\n", capture_output=True, text=True, check=False,
        env={**os.environ, **made.environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with ExitStack() as stack:
        for name, command in commands().items():
            log = made.folder / f"{name}.log"
            made.processes[name] = stack.enter_context(running(made.here(command), log, made.environment))
        for name in PAGES:
            said = f"{name} works: {(made.folder / name).with_suffix('.log').read_text()[-500:]}"
            wait_for(partial(answers, made.page(name)), 90, said)
        yield made


def test_everything_works_and_the_doctor_finds_nothing(installation: Installation) -> None:
    wait_for(lambda: not installation.doctor(), 120, "the doctor finds nothing")


@contextmanager
def halted(process: Popen[bytes]) -> Iterator[None]:
    """A process that hangs."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


BROKEN = {
    "webhook": "webhook does not answer",
    "alertmanager": "alertmanager does not answer",
    "prometheus": "prometheus does not answer",
    "availability": "availability does not answer",
    "worker": "worker does not answer",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_process_that_hangs_is_said_first(installation: Installation, name: str) -> None:
    with halted(installation.processes[name]):
        found = installation.doctor()

    assert found[0].startswith(BROKEN[name]), found


def test_when_the_sign_of_life_stays_away_the_worker_alone_opens_an_incident(installation: Installation) -> None:
    with halted(installation.processes["prometheus"]), halted(installation.processes["alertmanager"]):
        opened = wait_for(installation.vigilance, 240, "the incident of the missing sign of life is open")
    ended = wait_for(lambda: installation.vigilance(ended=True), 240, "it has ended")

    assert opened == ended
    assert opened[1] == "alta"


def test_a_store_that_is_gone_is_said_with_everything_that_cannot_work(installation: Installation) -> None:
    store = installation.folder / "state" / "incidents.db"
    store.rename(store.with_suffix(".away"))
    try:
        found = installation.doctor()
    finally:
        store.with_suffix(".away").rename(store)

    assert any("there is no incident store" in what for what in found), found
