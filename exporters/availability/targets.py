"""`config/targets.yml`: the components that are watched, and what is expected of each.

A new kind of probe adds its model here and its name to `Component`.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

import httpx
from pydantic import AfterValidator, Field, field_validator, model_validator
from sqlalchemy import make_url

from exporters.availability.crosschecks import cross_problems
from exporters.read_only import database_url
from groundwork.configuration import Strict, read
from groundwork.durations import Seconds
from groundwork.problems import ConfigurationError

NAME = re.compile(r"[a-z0-9-]+")
HOST = re.compile(r"[A-Za-z0-9_.-]+")
ADDRESS = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\[\]:/@\s]+)):(?P<port>\d{1,5})")


Listed = TypeVar("Listed", bound=tuple[object, ...])


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError("is not a name: use a to z, 0 to 9 and '-'")
    return value


def _host(value: str) -> str:
    if not HOST.fullmatch(value):
        raise ValueError("is not a host name")
    return value


def _web_address(value: str) -> str:
    try:
        url = httpx.URL(value)
    except httpx.InvalidURL as error:
        raise ValueError(f"is not a URL: {error}") from None
    if url.scheme not in ("http", "https"):
        raise ValueError(f"scheme {url.scheme!r} is not supported: use http:// or https://")
    if not url.host:
        raise ValueError("names no host")
    if url.userinfo:
        raise ValueError("carries a user or password, which would be shown: take it out")
    if url.port == 0:
        raise ValueError("port 0 cannot be connected to")
    return value


def split_address(value: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[address]:port`; raises ValueError for anything else."""
    match = ADDRESS.fullmatch(value)
    if not match or not 1 <= int(match["port"]) <= 65535:
        raise ValueError("is not an address such as db.example:5432 or [::1]:5432")
    return match["six"] or match["host"], int(match["port"])


def _address(value: str) -> str:
    split_address(value)
    return value


def _not_empty(values: Listed) -> Listed:
    if not values:
        raise ValueError("is an empty list")
    return values


Name = Annotated[str, AfterValidator(_name)]
Status = Annotated[int, Field(ge=100, le=599)]
Owner = Literal["operator", "provider", "oti"]


class Defaults(Strict):
    """Interval and timeout of the components that name none, in seconds."""

    interval: Seconds = 10.0
    timeout: Seconds = 4.0


class Watched(Strict):
    """What every component says, whatever its kind. Times are in seconds; 0 stands for the file's default."""

    name: Name
    service: Name
    owner: Owner
    link: Name | None = None
    interval: Seconds = 0.0
    timeout: Seconds = 0.0
    slow_after: Seconds | None = None


class HttpExpectation(Strict):
    """The answer that counts as success; the body is looked at up to the limit in `probes/http.py`."""

    status: Annotated[tuple[Status, ...], AfterValidator(_not_empty)] = (200,)
    body_contains: str | None = None
    body_regex: str | None = None

    @field_validator("body_regex")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"is not a regular expression: {error}") from None
        return value


class HttpComponent(Watched):
    """A page or API; `ca_file` and `server_name` concern https."""

    kind: Literal["http"]
    url: Annotated[str, AfterValidator(_web_address)]
    ca_file: Path | None = None
    server_name: Annotated[str, AfterValidator(_host)] | None = None
    expect: HttpExpectation = HttpExpectation()

    @property
    def endpoint(self) -> tuple[str, int]:
        """Host and port that are connected to."""
        url = httpx.URL(self.url)
        return url.host, url.port or {"http": 80, "https": 443}[url.scheme]


class TcpComponent(Watched):
    """A port that must accept connections."""

    kind: Literal["tcp"]
    address: Annotated[str, AfterValidator(_address)]

    @property
    def endpoint(self) -> tuple[str, int]:
        """Host and port that are connected to."""
        return split_address(self.address)


class SqlExpectation(Strict):
    """`value` is compared with the first column of the first row, as text."""

    value: str | None = None


class SqlComponent(Watched):
    """A database that must answer a query, in a read-only transaction."""

    kind: Literal["sql"]
    url: Annotated[str, AfterValidator(database_url)]
    query: Annotated[str, Field(min_length=1)] = "SELECT 1"
    expect: SqlExpectation = SqlExpectation()

    @property
    def endpoint(self) -> tuple[str, int] | None:
        """Host and port that are connected to; None for a file."""
        url = make_url(self.url)
        return (url.host, url.port or 5432) if url.host else None


Component = Annotated[HttpComponent | TcpComponent | SqlComponent, Field(discriminator="kind")]


class Targets(Strict):
    """The whole file; every component has its interval and timeout filled in from the defaults."""

    defaults: Defaults = Defaults()
    components: Annotated[tuple[Component, ...], AfterValidator(_not_empty)]

    @model_validator(mode="after")
    def _fill_in(self) -> Self:
        return self.model_copy(update={"components": tuple(self._filled(component) for component in self.components)})

    def _filled(self, component: Component) -> Component:
        times = {
            "interval": component.interval or self.defaults.interval,
            "timeout": component.timeout or self.defaults.timeout,
        }
        return component.model_copy(update=times)

    def named(self, name: str) -> Component | None:
        """The component of that name."""
        return next((component for component in self.components if component.name == name), None)


def read_targets(path: Path, environment: Mapping[str, str] = os.environ) -> Targets:
    """The file as Targets; raises ConfigurationError with every problem of the file at once."""
    problems = cross_problems(path, environment)
    try:
        targets = read(path, Targets, environment)
    except ConfigurationError as error:
        raise ConfigurationError([*error.problems, *problems]) from error
    if problems:
        raise ConfigurationError(problems)
    return targets
