"""`renteseg up`: checks everything, then starts everything, or starts nothing and says why."""

import signal
from types import FrameType

import structlog
from rich.console import Console
from rich.table import Table

from chain.ports import PRODUCT, SIMULATED, Listener, taken
from chain.preparing import faults_on, first_login
from chain.programs import program
from chain.rendering import render
from chain.supervision import Supervisor, processes
from groundwork.problems import ConfigurationError, Problem
from groundwork.settings import Settings
from incident_store.database import upgrade

log = structlog.get_logger()


def up(settings: Settings, problems: list[Problem], *, simulator: bool) -> int:
    """Run the chain until it is interrupted; returns the exit code.

    Raises ConfigurationError with `problems` and every taken port before anything starts, ProgramMissing without
    Prometheus or Alertmanager, StoreUnavailable when the store cannot be migrated.
    """
    listeners = (*PRODUCT, *SIMULATED) if simulator else PRODUCT
    program("prometheus"), program("alertmanager")
    if wrong := [*problems, *taken(listeners, settings)]:
        raise ConfigurationError(wrong)
    upgrade(settings.database_url)
    login = first_login(settings)
    render(settings.config, settings.state / "rendered")
    supervisor = Supervisor(settings, list(processes(settings, simulator=simulator)))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        for name in supervisor.await_ready():
            log.error("not ready after a minute, see its lines above", late=name)
        _show(settings, listeners, login[0], str(login[1]))
        if simulator and (faults := faults_on(settings)):
            print(f"faults still on: {', '.join(faults)}; `renteseg simulate clear` ends them", flush=True)
        return supervisor.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        supervisor.stop()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _show(settings: Settings, listeners: tuple[Listener, ...], name: str, file: str) -> None:
    table = Table(title="renteseg-monitor is running", title_justify="left")
    for heading in ("what", "address", "shows"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "shows")
    for listener in listeners:
        table.add_row(listener.name, listener.address(settings), listener.shows)
    screen = Console(stderr=False, highlight=False, soft_wrap=False)
    screen.print(table)
    screen.print(f"first login: {name}, password in {file}", soft_wrap=True)
    screen.print(f"data: {settings.state}. Ctrl-C stops everything.", soft_wrap=True)
