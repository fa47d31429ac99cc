"""`renteseg up`: checks everything, then starts everything, or starts nothing and says why."""

import signal
from collections.abc import Callable
from types import FrameType

from rich.console import Console
from rich.table import Table

from chain.checking import check
from chain.lock import locked
from chain.ports import PRODUCT, SIMULATED, Listener, taken
from chain.preparing import faults_on, first_login, prepare
from chain.programs import program
from chain.rendering import render
from chain.supervision import LATEST_SECONDS, Supervisor, processes
from groundwork.problems import Away, ConfigurationError, Refused
from groundwork.settings import Settings
from incident_store.database import upgrade

READY_SECONDS = LATEST_SECONDS + 30
OWN_HOSTS = {"127.0.0.1": "127.0.0.1", "localhost": "localhost", "::1": "::1", "0.0.0.0": "127.0.0.1"}  # noqa: S104
"""Where the simulator's mailbox is found, by the address it listens on: a password in clear stays on this machine."""


class SupervisorEnded(Away):
    """The supervisor was killed, or gave up."""


def up(settings: Settings, *, simulator: bool) -> int:
    """Run the chain until it is interrupted; returns the exit code.

    Raises ConfigurationError with every problem and every taken port before anything starts, Refused for a state
    folder that another chain uses and for processes that do not become ready, ProgramMissing without Prometheus or
    Alertmanager, StoreUnavailable when the store cannot be migrated, SupervisorEnded when it ends unasked.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with locked(settings.state) as lock:
            return _up(settings, lock, simulator=simulator)
    except KeyboardInterrupt:
        return 0


def _up(settings: Settings, lock: int, *, simulator: bool) -> int:
    listeners = (*PRODUCT, *SIMULATED) if simulator else PRODUCT
    if simulator and not settings.imap_host:
        settings = settings.model_copy(update={"imap_host": OWN_HOSTS.get(settings.host, "")})
    program("prometheus"), program("alertmanager")
    prepare(settings, simulator=simulator)
    if wrong := [*check(settings), *taken(listeners, settings)]:
        raise ConfigurationError(wrong)
    upgrade(settings.database_url)
    login = first_login(settings)
    render(settings.config, settings.state / "rendered")
    supervisor = Supervisor(settings, list(processes(settings, simulator=simulator)), lock)

    def show() -> None:
        _show(settings, listeners, login[0], str(login[1]))
        if simulator and (faults := faults_on(settings)):
            print(f"faults still on: {', '.join(faults)}; `renteseg simulate clear` ends them", flush=True)

    run(supervisor, show)
    return 0


def run(supervisor: Supervisor, show: Callable[[], None], patience: float = READY_SECONDS) -> None:
    """Await the processes, `show` that all of them can work, and wait for the end; whatever happens, stop them.

    Raises Refused when one cannot work in time, SupervisorEnded when the supervisor ends before it is told to.
    """
    try:
        late = supervisor.await_ready(patience)
        if late and not supervisor.ended:
            names = ", ".join(late)
            raise Refused(f"not ready after {patience:g} s: {names}; why stands in the lines above. All was stopped")
        if not supervisor.ended:
            show()
        raise SupervisorEnded(f"the supervisor ended with {supervisor.wait()} unasked. All was stopped; start again")
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
