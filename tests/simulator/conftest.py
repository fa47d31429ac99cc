"""A simulated register in a temporary folder, driven round by round at times the test chooses."""

import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from simulator.database import Database
from simulator.exchange import Exchange
from simulator.faults import Fault, FaultBook
from simulator.options import Options
from simulator.vocabulary import FileType, Operator

DAY = date(2026, 10, 5)
MIDNIGHT = datetime(2026, 10, 6, 5, 30, tzinfo=UTC)  # 00:30 in Lima
EARLY = datetime(2026, 10, 6, 8, 0, tzinfo=UTC)  # 03:00 in Lima: before the deadline
MORNING = datetime(2026, 10, 6, 13, 0, tzinfo=UTC)  # 08:00 in Lima: late, not missing
AFTERNOON = datetime(2026, 10, 6, 20, 0, tzinfo=UTC)  # 15:00 in Lima: missing


UNDER_WAY = """
    SELECT 1 FROM carga_archivo WHERE estado IN ('RECIBIDO', 'TARDIO', 'VALIDANDO', 'ENCOLADO', 'PROCESANDO')
"""


@dataclass
class Register:
    """An exchange and the clock that drives it."""

    folder: Path
    now: datetime = EARLY
    options: Options = field(default_factory=lambda: Options(scale=0.01, speed=96))
    url: str = ""

    def __post_init__(self) -> None:
        self.url = self.url or f"sqlite:///{self.folder}/renteseg.db"
        self.start()

    def start(self) -> None:
        """A process begins: nothing is left of the one before but its files."""
        self.database = self.exchange = None  # type: ignore[assignment]
        gc.collect()  # a dead process holds no lock
        self.database = Database(self.url)
        self.faults = FaultBook(self.folder / "faults.json")
        self.exchange = Exchange(self.folder, self.database, self.faults, self.options)

    def rounds(self, count: int = 1, seconds: float = 0.25) -> None:
        for _ in range(count):
            self.exchange.step(self.now)
            self.now += timedelta(seconds=seconds)

    def settle(self) -> None:
        """Rounds until every file has found its end."""
        self.rounds(4)
        for _ in range(200):
            if not self.query(UNDER_WAY):
                return
            self.rounds()
        raise AssertionError("files are still under way")

    def query(self, statement: str) -> list[Any]:
        with self.database.begin() as connection:
            return list(connection.execute(text(statement)))

    def state(self, operator: Operator, file_type: FileType) -> tuple[int, str, str | None]:
        """Number, state and reason of the newest file of a load of the day."""
        rows = self.query(
            "SELECT secuencia, estado, motivo_rechazo FROM carga_archivo"
            f" WHERE operador = '{operator}' AND tipo_archivo = '{file_type}' AND fecha_datos = '{DAY}'"
            " ORDER BY secuencia DESC, id DESC LIMIT 1"
        )
        return tuple(rows[0])  # type: ignore[return-value]

    def deliver(self, operator: Operator, name: str, body: bytes) -> None:
        (self.folder / "inbox" / operator / name).write_bytes(body)

    def fault(self, fault: Fault) -> None:
        self.faults.start(fault, None, self.now)

    def clear(self) -> None:
        self.faults.clear(None, self.now)


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Register:
    """What every `register` is a copy of."""
    place = Register(tmp_path_factory.mktemp("settled"))
    place.settle()
    return place


@pytest.fixture
def register(settled: Register, tmp_path: Path) -> Register:
    """A register whose operators have sent, and whose processor has loaded, the files of the day."""
    shutil.copytree(settled.folder, tmp_path / "simulator")
    return Register(tmp_path / "simulator", settled.now)


@pytest.fixture
def empty_register(tmp_path: Path) -> Register:
    """A register that has not done anything yet."""
    return Register(tmp_path)


@pytest.fixture
def quiet_register(tmp_path: Path) -> Register:
    """A register at half past midnight in real time: no operator sends anything before 02:00."""
    place = Register(tmp_path, MIDNIGHT, Options(scale=0.01, speed=1))
    place.rounds()
    return place


@dataclass
class Running:
    """A simulator as a process of its own."""

    state: Path
    environment: dict[str, str]
    ports: dict[str, int]
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.launch()
        self.wait_for(lambda: self.connects("smtp"))

    def launch(self) -> None:
        program = "from simulator.main import run; run()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", program], env=self.environment, stderr=subprocess.PIPE, text=True
        )

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process
        self.process.send_signal(number)
        _, self.errors = self.process.communicate(timeout=20)
        return self.process.returncode

    def connects(self, port: str) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.ports[port]), timeout=5).close()
        except OSError:
            return False
        return True

    def simulate(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command line, as a user runs it."""
        program = "from simulator.cli import app; app()"
        return subprocess.run(
            [sys.executable, "-c", program, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def fault(self, fault: Fault) -> None:
        self._faults().start(fault, None, datetime.now(UTC))

    def clear(self) -> None:
        self._faults().clear(None, datetime.now(UTC))

    def _faults(self) -> FaultBook:
        return FaultBook(self.state / "simulator" / "faults.json")

    @staticmethod
    def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it has not come about"
            time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def running_in(state: Path) -> Running:
    names = ("plain", "tls", "link", "smtp", "imap", "mail")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RENTESEG_")} | {
        "RENTESEG_STATE": str(state),
        "RENTESEG_SIMULATOR_PORT": str(ports["plain"]),
        "RENTESEG_SIMULATOR_TLS_PORT": str(ports["tls"]),
        "RENTESEG_SIMULATOR_LINK_PORT": str(ports["link"]),
        "RENTESEG_SMTP_PORT": str(ports["smtp"]),
        "RENTESEG_IMAP_PORT": str(ports["imap"]),
        "RENTESEG_MAIL_PORT": str(ports["mail"]),
    }
    return Running(state, environment, ports)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One simulator for all tests that only look at it; each test clears the faults it asks for."""
    simulator = running_in(tmp_path_factory.mktemp("state"))
    simulator.start()
    yield simulator
    simulator.end()


@pytest.fixture
def own_running(tmp_path: Path) -> Iterator[Running]:
    """A simulator, not yet started, that the test may kill."""
    simulator = running_in(tmp_path / "state")
    yield simulator
    if simulator.process and simulator.process.poll() is None:
        simulator.end(signal.SIGKILL)
