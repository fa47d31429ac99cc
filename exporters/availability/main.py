"""The availability exporter: probes until it is ended, shows what it found, keeps its accounts on disk."""

import asyncio
import contextlib
import ctypes
import gc
import os
import resource
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import structlog
import uvloop
from rich.console import Console
from rich.table import Table

from exporters.availability import state_file
from exporters.availability.account import verdict
from exporters.availability.board import Board
from exporters.availability.check import unresolved_hosts
from exporters.availability.giving_way import giving_way
from exporters.availability.pages import availability_app
from exporters.availability.places import Places
from exporters.availability.probes import table
from exporters.availability.probes.result import ProbeResult
from exporters.availability.reloading import FILE, Reloader
from exporters.availability.scheduler import Scheduler
from exporters.availability.targets import Targets
from exporters.availability.watched import Watched
from groundwork.logs import configure_logs
from groundwork.problems import Problem
from groundwork.serving import serve_beside
from groundwork.settings import Settings, read_settings

log = structlog.get_logger()

STATE_FILE = "availability-state.json"
SAVE_EVERY = 10.0
RESOLVER_THREADS = "64"
M_ARENA_MAX = -8
SWITCH_INTERVAL = 0.001
"""Seconds after which the interpreter interrupts a thread that writes a scrape for the one that probes."""

_saving = threading.Lock()  # the last save may find the one before still writing


def run(settings: Settings | None = None) -> None:
    """Probe and serve until SIGTERM or SIGINT; raises ConfigurationError when the configuration is wrong."""
    configure_logs("availability")
    settings = settings or read_settings()
    reloader = Reloader(settings, {**os.environ, **settings.environment()})
    reading = reloader.read()
    reading.tell()
    os.environ.setdefault("UV_THREADPOOL_SIZE", RESOLVER_THREADS)  # names that hang must not stop the others
    sys.setswitchinterval(SWITCH_INTERVAL)
    _share_memory()
    _allow_many_connections()
    threading.Thread(target=_warn_of_unresolved, args=(reading.targets, reloader.places), daemon=True).start()
    settings.state.mkdir(parents=True, exist_ok=True)
    with state_file.held(settings.state / STATE_FILE):
        uvloop.run(_run(settings, reloader, reading.targets, well=not reading.left_out))


def _share_memory() -> None:
    """Let threads that only run in turn take memory from one place: glibc keeps what each of them once needed."""
    with contextlib.suppress(AttributeError, OSError):  # another C library has no such setting, and no such habit
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def _allow_many_connections() -> None:
    """As many open files as the system lets this process have: the usual 1,024 are fewer than probes may need."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # a system that does not keep to what it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def probe_once(name: str, settings: Settings | None = None) -> int:
    """Probe one component now and print what was found: 0 it works, 1 it does not, 2 no such component."""
    settings = settings or read_settings()
    targets = Reloader(settings, {**os.environ, **settings.environment()}).read().targets
    component = targets.named(name)
    if component is None:
        known = ", ".join(component.name for component in targets.components)
        path = settings.config / FILE
        Console(stderr=True).print(f"no component {name!r} in {path}; there are: {known}", highlight=False)
        return 2
    result = uvloop.run(table.run(component, told=True))
    _print(component, result)
    return 0 if result.success else 1


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


async def _run(settings: Settings, reloader: Reloader, targets: Targets, *, well: bool) -> None:
    saved = settings.state / STATE_FILE
    board = Board(targets, state_file.load(saved, wall_clock()), wall_clock())
    board.reloaded(well, wall_clock())

    def record(component: Watched, result: ProbeResult, blind: bool) -> None:
        board.record(component, result, wall_clock(), blind=blind)

    scheduler = Scheduler(table.run, record, board.sight, board.pace)
    loop = asyncio.get_running_loop()

    async def reload() -> list[Problem]:
        return await reloader.reload(board, scheduler, wall_clock)

    app = availability_app(board, reload, loop, wall_clock)
    serve_beside(app, settings.host, settings.availability_port, web_config=settings.web_config)
    scheduler.watch(targets.components, targets.limits)
    gc.freeze()  # what was loaded stays: looking through it again and again would only hold up probes
    work = asyncio.gather(scheduler.run(), _save_often(board, saved), reloader.follow(board, scheduler, wall_clock))
    reloads: set[asyncio.Task[list[Problem]]] = set()

    def reload_soon() -> None:
        task = loop.create_task(reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload_soon)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, work.cancel)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await work
    finally:
        _save(board, saved)
        log.info("ended")


async def _save_often(board: Board, saved: Path) -> None:
    """Write the accounts every few seconds, from a thread: a slow disk must not delay a probe's deadline."""
    while True:
        await asyncio.sleep(SAVE_EVERY)
        await asyncio.to_thread(_save, board, saved)


def _save(board: Board, saved: Path) -> None:
    """Write the accounts; a disk that refuses is reported and tried again later, and the probes go on."""
    try:
        with _saving:
            state_file.save(saved, giving_way(board.accounts(wall_clock())))
    except OSError as error:
        log.error("state cannot be saved", file=str(saved), reason=error.strerror)


def _warn_of_unresolved(targets: Targets, places: Places) -> None:
    for problem in unresolved_hosts(targets.components, places):
        log.warning("host does not resolve", problem=str(problem))


def _print(component: Watched, result: ProbeResult) -> None:
    """The account as far as the verdict, with the phases as a small table."""
    phases = Table(title=f"{component.name} ({component.kind})", title_justify="left")
    phases.add_column("phase")
    phases.add_column("ms", justify="right")
    for phase, seconds in result.phases.items():
        phases.add_row(phase.value, f"{seconds * 1000:.1f}")
    phases.add_section()
    phases.add_row("total", f"{result.duration * 1000:.1f}")
    console = Console(highlight=False, soft_wrap=True)
    for seconds, words in result.account[:-1]:
        console.print(f"{seconds * 1000:8.1f} ms  {words}", markup=False)
    console.print(phases)
    console.print(verdict(result), markup=False)
    if result.certificate_expires_at:
        console.print(f"certificate expires at {result.certificate_expires_at:%Y-%m-%d %H:%M:%SZ}")
