"""The chain's TCP ports: which process listens where, and whether the port is free."""

import errno
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from chain.kernel import has_environment, holder
from groundwork.problems import Problem
from groundwork.settings import Settings


@dataclass(frozen=True)
class Listener:
    """One address of the chain: what listens, the setting that moves it, what a person finds there."""

    name: str
    setting: str
    shows: str
    scheme: str = "http"
    path: str = ""

    def port(self, settings: Settings) -> int:
        """Its port on this machine."""
        port: int = getattr(settings, self.setting)
        return port

    def address(self, settings: Settings) -> str:
        """Its address as a person writes it."""
        return f"{self.scheme}://{settings.host}:{self.port(settings)}{self.path}"


PRODUCT = (
    Listener("console", "console_port", "incidents and their clocks, behind login"),
    Listener("prometheus", "prometheus_port", "metrics, rules, alerts (API; pages under /classic/)"),
    Listener("alertmanager", "alertmanager_port", "routing, silences (API)"),
    Listener("availability", "availability_port", "exporter: probes of the components", path="/metrics"),
    Listener("file-loads", "file_loads_port", "exporter: the daily files", path="/metrics"),
    Listener("incidents", "incidents_port", "exporter: open incidents and deadlines", path="/metrics"),
    Listener("webhook", "webhook_port", "receiver of the alerts", path="/metrics"),
    Listener("worker", "worker_port", "reconciliation with Alertmanager", path="/metrics"),
)
SIMULATED = (
    Listener("simulator", "simulator_port", "simulated portal and API"),
    Listener("simulator (TLS)", "simulator_tls_port", "the same portal over TLS", "https"),
    Listener("simulator (link)", "simulator_link_port", "the simulated link to the provider", "tcp"),
    Listener("mail", "mail_port", "the mails that were received"),
    Listener("mail (SMTP)", "smtp_port", "development mail server; keeps what it receives", "smtp"),
    Listener("mail (IMAP)", "imap_port", "of those, what was sent to RENTESEG's mailbox", "imap"),
)


def taken(listeners: Iterable[Listener], settings: Settings) -> list[Problem]:
    """A problem for every port that cannot be listened on, or is asked for twice, and for a host that is not ours."""
    if reason := _unusable(settings.host, 0):
        what = f"nothing can listen on {settings.host}: {reason}"
        return [Problem(".env", what, "write an address of this machine, such as 127.0.0.1", where="RENTESEG_HOST")]
    problems, seen = [], dict[int, str]()
    for listener in listeners:
        port, variable = listener.port(settings), f"RENTESEG_{listener.setting.upper()}"
        if port in seen:
            what = f"port {port} of {listener.name} is also that of {seen[port]}"
            problems.append(Problem(".env", what, "give them different ports", where=variable))
        elif reason := _unusable(settings.host, port):
            who, remedy = _holder(port, settings)
            what = f"port {port} of {listener.name} is {reason} on {settings.host}{who}"
            problems.append(Problem(".env", what, remedy, where=variable))
        seen[port] = listener.name
    return problems


def _holder(port: int, settings: Settings) -> tuple[str, str]:
    """Who holds the port, as far as it can be known, and what to do about it."""
    process = holder(port)
    if process is None:
        return "", "stop what uses it, or choose another port here"
    if has_environment(process, "RENTESEG_STATE", str(settings.state)):
        return f" by PID {process}, left of an earlier run on {settings.state}", f"end it: kill {process}"
    return f" by PID {process}", "stop it, or choose another port here"


def _unusable(host: str, port: int) -> str | None:
    """Why nothing can listen there, None when something can."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(1)
    except (OSError, UnicodeError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            return "taken"
        return (error.strerror if isinstance(error, OSError) else None) or "it is no host name"
    return None
