"""Components for tests, with short timeouts."""

from pathlib import Path
from typing import Any

from exporters.availability.targets import HttpComponent, SqlComponent, TcpComponent

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
