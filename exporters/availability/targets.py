"""`config/targets.yml`: the components that are watched, and what is expected of each.

A new kind of probe has its model in its own file under `probes/`, a line in `probes/table.py` and its name here.
"""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator

from exporters.availability.crosschecks import cross_problems, entries_of
from exporters.availability.probes.api import ApiComponent
from exporters.availability.probes.dns import DnsComponent
from exporters.availability.probes.http import HttpComponent
from exporters.availability.probes.icmp import IcmpComponent
from exporters.availability.probes.imap import ImapComponent
from exporters.availability.probes.sftp import SftpComponent
from exporters.availability.probes.smtp import SmtpComponent
from exporters.availability.probes.sql import SqlComponent
from exporters.availability.probes.tcp import TcpComponent
from exporters.availability.probes.tls import TlsComponent
from exporters.availability.watched import Confirmation, Watched
from groundwork.configuration import Document, Strict, read_document, validated
from groundwork.durations import Seconds
from groundwork.problems import ConfigurationError
from groundwork.services import Combination, Quorum

Component = Annotated[
    HttpComponent
    | ApiComponent
    | TcpComponent
    | TlsComponent
    | DnsComponent
    | SqlComponent
    | SftpComponent
    | SmtpComponent
    | ImapComponent
    | IcmpComponent,
    Field(discriminator="kind"),
]


COMPONENT: TypeAdapter[Watched] = TypeAdapter(Component)


class Defaults(Strict):
    """Times, in seconds, and confirmation of the components that name none."""

    interval: Seconds = 10.0
    timeout: Seconds = 4.0
    confirm: Confirmation = Confirmation()


class Limits(Strict):
    """How many probes may be under way at the same time: of all components, and of those on one host.

    What is not given is as much as keeps pace when none of them answers.
    """

    at_once: Annotated[int, Field(ge=1, le=20000)] | None = None
    per_host: Annotated[int, Field(ge=1, le=20000)] | None = None


def _pattern(value: str) -> str:
    relative = Path(value).relative_to(Path(value).anchor)
    if relative == Path():
        raise ValueError("names no file: write a pattern such as found/*.json")
    try:
        next(Path(os.devnull).glob(str(relative)), None)
    except ValueError as error:
        raise ValueError(f"is not a pattern of files: {error}") from None
    return value


Pattern = Annotated[str, AfterValidator(_pattern)]


class FollowedFiles(Strict):
    """Files that other programs write and that are followed; `files` are patterns relative to the configuration.

    Each file is a list, in YAML or JSON. An entry with `targets` (Prometheus's file_sd) makes one component of
    `component` for each target, with `{target}` replaced in its values; the entry's `labels` replace its keys of the
    same name. An entry with `kind` is a whole component.
    """

    files: tuple[Pattern, ...]
    component: dict[str, object] = Field(default_factory=dict)


class Targets(Strict):
    """The whole file; every component has its interval, timeout and confirmation filled in from the defaults."""

    defaults: Defaults = Defaults()
    limits: Limits = Limits()
    follow: tuple[FollowedFiles, ...] = ()
    components: tuple[Component, ...] = ()
    services: dict[str, Combination] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fill_in(self) -> Self:
        if not self.components and not self.follow:
            raise ValueError("watches nothing: list components, or files to follow")
        return self.model_copy(update={"components": tuple(self.filled(component) for component in self.components)})

    @model_validator(mode="after")
    def _combinable(self) -> Self:
        """Services that are named have components, and a quorum can be reached; followed files may add to both."""
        for service, combination in () if self.follow else self.services.items():
            components = sum(component.service == service for component in self.components)
            if not components:
                raise ValueError(f"services names {service!r}, which no component belongs to")
            if isinstance(combination, Quorum) and combination.quorum > components:
                raise ValueError(f"services: {service!r} needs {combination.quorum} of its {components} components")
        return self

    def filled(self, component: Watched) -> Watched:
        """The component with the defaults in the places it left empty."""
        times = {
            "interval": component.interval or self.defaults.interval,
            "timeout": component.timeout or self.defaults.timeout,
            "confirm": component.confirm or self.defaults.confirm,
        }
        return component.model_copy(update=times)

    def with_found(self, found: tuple[Watched, ...]) -> Self:
        """These targets and the components found in followed files."""
        return self.model_copy(update={"components": (*self.components, *map(self.filled, found))})

    def named(self, name: str) -> Watched | None:
        """The component of that name."""
        return next((component for component in self.components if component.name == name), None)


def read_targets(path: Path, environment: Mapping[str, str] = os.environ) -> Targets:
    """The file as Targets, without what it follows; raises ConfigurationError with every problem at once."""
    return targets_of(read_document(path, environment))


def targets_of(document: Document) -> Targets:
    """The document as Targets; raises ConfigurationError with every problem at once."""
    problems = cross_problems(document)
    try:
        targets = validated(document, Targets)
    except ConfigurationError as error:
        raise ConfigurationError([*error.problems, *problems]) from error
    if problems:
        raise ConfigurationError(problems)
    return targets


def sound_components(document: Document) -> tuple[Watched, ...]:
    """The components that are right by themselves, also where others of the document are not."""
    found = []
    for _, entry in entries_of(document.values):
        with contextlib.suppress(ValidationError):
            found.append(COMPONENT.validate_python(entry))
    return tuple(found)
