"""The chain's TCP ports: which process listens where, and whether the port is free."""

import errno
import socket
from collections.abc import Iterable
from dataclasses import dataclass

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
)
SIMULATED = (
    Listener("simulator", "simulator_port", "simulated portal and API"),
    Listener("simulator (TLS)", "simulator_tls_port", "the same portal over TLS", "https"),
    Listener("simulator (link)", "simulator_link_port", "the simulated link to the provider", "tcp"),
    Listener("mail", "mail_port", "the mails that were received"),
    Listener("mail (SMTP)", "smtp_port", "development mail server; keeps what it receives", "smtp"),
)


def taken(listeners: Iterable[Listener], settings: Settings) -> list[Problem]:
    """A problem for every port that is used by something else, or asked for twice."""
    problems, seen = [], dict[int, str]()
    for listener in listeners:
        port, variable = listener.port(settings), f"RENTESEG_{listener.setting.upper()}"
        if port in seen:
            what = f"port {port} of {listener.name} is also that of {seen[port]}"
            problems.append(Problem(".env", what, "give them different ports", where=variable))
        elif not _free(settings.host, port):
            what = f"port {port} of {listener.name} is taken on {settings.host}"
            problems.append(Problem(".env", what, "stop what uses it, or choose another port here", where=variable))
        seen[port] = listener.name
    return problems


def _free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True
