"""What every component of `targets.yml` says, whatever its kind, and the fields that several kinds share."""

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

import httpx
import yaml
from pydantic import AfterValidator, BaseModel, Field, model_validator

from groundwork.configuration import PASSWORD, Strict
from groundwork.durations import Seconds

NAME = re.compile(r"[a-z0-9-]+")
HOST = re.compile(r"[A-Za-z0-9_.-]+")
ADDRESS = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\[\]:/@\s]+)):(?P<port>\d{1,5})")
PORTS = {"http": 80, "https": 443}

Listed = TypeVar("Listed", bound=tuple[object, ...])


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError("is not a name: use a to z, 0 to 9 and '-'")
    return value


def _host(value: str) -> str:
    if not HOST.fullmatch(value):
        raise ValueError("is not a host name")
    return value


def web_address(value: str) -> str:
    """The URL as given; raises ValueError when it cannot be asked over HTTP or would show a password."""
    try:
        url = httpx.URL(value)
    except httpx.InvalidURL as error:
        raise ValueError(f"is not a URL: {error}") from None
    if url.scheme not in PORTS:
        raise ValueError(f"scheme {url.scheme!r} is not supported: use http:// or https://")
    if not url.host:
        raise ValueError("names no host")
    if url.userinfo:
        raise ValueError("carries a user or password, which would be shown: take it out")
    if url.port == 0:
        raise ValueError("port 0 cannot be connected to")
    return value


@functools.lru_cache(maxsize=65536)
def web_endpoint(value: str) -> tuple[str, int]:
    """Host and port that a URL names; read once, for it is probed again and again."""
    url = httpx.URL(value)
    return url.host, url.port or PORTS[url.scheme]


@functools.lru_cache(maxsize=65536)
def split_address(value: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[address]:port`; raises ValueError for anything else."""
    match = ADDRESS.fullmatch(value)
    if not match or not 1 <= int(match["port"]) <= 65535:
        raise ValueError("is not an address such as db.example:5432 or [::1]:5432")
    return match["six"] or match["host"], int(match["port"])


def _address(value: str) -> str:
    split_address(value)
    return value


def not_empty(values: Listed) -> Listed:
    """The values; raises ValueError when there are none."""
    if not values:
        raise ValueError("is an empty list")
    return values


Name = Annotated[str, AfterValidator(_name)]
HostName = Annotated[str, AfterValidator(_host)]
Address = Annotated[str, AfterValidator(_address)]
WebAddress = Annotated[str, AfterValidator(web_address)]
Owner = Literal["operator", "provider", "oti"]


class Confirmation(Strict):
    """The state changes when `probes` of the last `of` results say so. More than half, so that only one state can."""

    probes: Annotated[int, Field(ge=1, le=20)] = 1
    of: Annotated[int, Field(ge=1, le=20)] = 1

    @model_validator(mode="after")
    def _decides(self) -> Self:
        if not self.of / 2 < self.probes <= self.of:
            raise ValueError(f"{self.probes} of {self.of} cannot decide: use more than half, and no more than all")
        return self


class Watched(Strict):
    """What every component says, whatever its kind. Times are in seconds; 0 stands for the file's default.

    `canary` is one whose failure together with everything else means that the monitor is blind (semantics 22);
    `local` is one that is reached without the network, and so says nothing of what the monitor sees.
    """

    kind: str
    name: Name
    service: Name
    owner: Owner
    link: Name | None = None
    interval: Seconds = 0.0
    timeout: Seconds = 0.0
    slow_after: Seconds | None = None
    canary: bool = False
    local: bool = False
    confirm: Confirmation | None = None

    @property
    def endpoint(self) -> tuple[str, int] | None:
        """Host and port that are connected to; None for what is no network address."""
        return None

    @property
    def host(self) -> str:
        """What the limit of probes at once by host counts by."""
        return self.endpoint[0] if self.endpoint else f"component {self.name}"

    def shown(self) -> str:
        """The entry for people, as YAML without what stands at its default; secrets are files and stay there."""
        values = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return PASSWORD.sub(r"\1***@", yaml.safe_dump(values, sort_keys=False, allow_unicode=True))

    def files(self) -> Iterator[tuple[str, Path]]:
        """The files the entry names, with the key of each; they are read when it is probed."""
        return _files(self, "")


class Secured(Watched):
    """TLS: whom to trust (`ca_file`, default: the system), the name expected, and our own certificate, all PEM."""

    ca_file: Path | None = None
    server_name: HostName | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @model_validator(mode="after")
    def _has_a_certificate_for_its_key(self) -> Self:
        if self.key_file and not self.cert_file:
            raise ValueError("names a key_file without a cert_file")
        return self


class Addressed(Secured):
    """A peer named as `host:port`."""

    address: Address

    @property
    def endpoint(self) -> tuple[str, int]:
        """Host and port that are connected to."""
        return split_address(self.address)


class Login(Strict):
    """A user whose password stands in a file."""

    user: Annotated[str, Field(min_length=1)]
    password_file: Path


def _files(entry: BaseModel, prefix: str) -> Iterator[tuple[str, Path]]:
    for key in type(entry).model_fields:
        yield from _files_of(getattr(entry, key), f"{prefix}{key}")


def _files_of(value: object, where: str) -> Iterator[tuple[str, Path]]:
    if isinstance(value, Path):
        yield where, value
    elif isinstance(value, BaseModel):
        yield from _files(value, f"{where}.")
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _files_of(entry, f"{where}.{key}")
    elif isinstance(value, tuple):
        for index, entry in enumerate(value):
            yield from _files_of(entry, f"{where}.{index}")
