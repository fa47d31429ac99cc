"""Components for tests, with short timeouts."""

from pathlib import Path
from typing import Any

from exporters.availability.probes.http import HttpComponent
from exporters.availability.probes.sql import SqlComponent
from exporters.availability.probes.tcp import TcpComponent
from exporters.availability.targets import Targets
from exporters.availability.watched import Watched

COMMON: dict[str, Any] = {"name": "portal", "service": "consulta", "owner": "provider"}
SHORT = "400ms"


def web(url: str, timeout: str = SHORT, **more: Any) -> HttpComponent:
    return HttpComponent.model_validate(
        {**COMMON, "kind": "http", "url": url, "timeout": timeout, "interval": "10s", **more}
    )


def port(address: str, timeout: str = SHORT, **more: Any) -> TcpComponent:
    return TcpComponent.model_validate(
        {**COMMON, "kind": "tcp", "address": address, "timeout": timeout, "interval": "10s", **more}
    )


def database(url: str, timeout: str = SHORT, **more: Any) -> SqlComponent:
    return SqlComponent.model_validate(
        {**COMMON, "kind": "sql", "url": url, "timeout": timeout, "interval": "10s", **more}
    )


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def made(kind: str, timeout: str = SHORT, **more: Any) -> Watched:
    """A component of any kind, with whatever its kind needs."""
    targets = Targets.model_validate({"components": [{**COMMON, "kind": kind, "timeout": timeout, **more}]})
    return targets.components[0]
