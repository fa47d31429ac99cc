"""The availability exporter: probes until it is ended, shows what it found, keeps its accounts on disk."""

import asyncio
import contextlib
import os
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path

import structlog
import uvloop
from rich.console import Console
from rich.table import Table

from exporters.availability import state_file
from exporters.availability.board import Board
from exporters.availability.check import FILE, unresolved_hosts, unusable_files
from exporters.availability.pages import availability_app
from exporters.availability.probes import table
from exporters.availability.probes.result import ProbeResult
from exporters.availability.scheduler import watch
from exporters.availability.targets import Targets, read_targets
from exporters.availability.watched import Watched
from groundwork.logs import configure_logs
from groundwork.serving import serve_beside
from groundwork.settings import Settings, read_settings

log = structlog.get_logger()

STATE_FILE = "availability-state.json"
SAVE_EVERY = 10.0
RESOLVER_THREADS = "64"

_saving = threading.Lock()  # the last save may find the one before still writing


def run(settings: Settings | None = None) -> None:
    """Probe and serve until SIGTERM or SIGINT; raises ConfigurationError when the configuration is wrong."""
    configure_logs("availability")
    settings = settings or read_settings()
    targets, path = _targets(settings)
    for problem in unusable_files(targets, path):
        log.error("component cannot be probed yet", problem=str(problem))
    os.environ.setdefault("UV_THREADPOOL_SIZE", RESOLVER_THREADS)  # one name that hangs must not stop the others
    threading.Thread(target=_warn_of_unresolved, args=(targets, path), daemon=True).start()
    uvloop.run(_run(settings, targets))


def probe_once(name: str, settings: Settings | None = None) -> int:
    """Probe one component now and print what was found: 0 it works, 1 it does not, 2 no such component."""
    targets, path = _targets(settings or read_settings())
    component = targets.named(name)
    if component is None:
        known = ", ".join(component.name for component in targets.components)
        Console(stderr=True).print(f"no component {name!r} in {path}; there are: {known}", highlight=False)
        return 2
    result = uvloop.run(table.run(component))
    _print(component, result)
    return 0 if result.success else 1


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def _targets(settings: Settings) -> tuple[Targets, Path]:
    path = settings.config / FILE
    return read_targets(path, {**os.environ, **settings.environment()}), path


async def _run(settings: Settings, targets: Targets) -> None:
    settings.state.mkdir(parents=True, exist_ok=True)
    saved = settings.state / STATE_FILE
    board = Board(targets, state_file.load(saved, wall_clock()), wall_clock())
    loop = asyncio.get_running_loop()
    serve_beside(availability_app(board, targets, loop, wall_clock), settings.host, settings.availability_port)
    work = asyncio.gather(_watch(board), _save_often(board, saved))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await work
    finally:
        _save(board, saved)
        log.info("ended")


async def _watch(board: Board) -> None:
    def record(component: Watched, result: ProbeResult) -> None:
        board.record(component, result, wall_clock())

    await watch(board.components, table.run, record)


async def _save_often(board: Board, saved: Path) -> None:
    """Write the accounts every few seconds, from a thread: a slow disk must not delay a probe's deadline."""
    while True:
        await asyncio.sleep(SAVE_EVERY)
        await asyncio.to_thread(_save, board, saved)


def _save(board: Board, saved: Path) -> None:
    """Write the accounts; a disk that refuses is reported and tried again later, and the probes go on."""
    try:
        with _saving:
            state_file.save(saved, board.accounts(wall_clock()))
    except OSError as error:
        log.error("state cannot be saved", file=str(saved), reason=error.strerror)


def _warn_of_unresolved(targets: Targets, path: Path) -> None:
    for problem in unresolved_hosts(targets, path):
        log.warning("host does not resolve", problem=str(problem))


def _print(component: Watched, result: ProbeResult) -> None:
    """The result as a small table: one line a phase, then the verdict."""
    phases = Table(title=f"{component.name} ({component.kind})", title_justify="left")
    phases.add_column("phase")
    phases.add_column("ms", justify="right")
    for phase, seconds in result.phases.items():
        phases.add_row(phase.value, f"{seconds * 1000:.1f}")
    phases.add_section()
    phases.add_row("total", f"{result.duration * 1000:.1f}")
    console = Console(highlight=False)
    console.print(phases)
    console.print("works" if result.success else f"fails: {result.reason}: {result.detail}", markup=False)
    if result.certificate_expires_at:
        console.print(f"certificate expires at {result.certificate_expires_at:%Y-%m-%d %H:%M:%SZ}")
