"""What every page and every answer of the API works on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from flask import Flask, current_app
from sqlalchemy import Engine

from console.configuration_loaded import LoadedConfiguration
from groundwork.problems import ConfigurationError
from incident_store.domain.policies import SlaPolicy
from incident_store.domain.subjects import ANYTHING, Subjects
from incident_store.store import Recorded

log = structlog.get_logger()

Watched = Callable[[], Sequence[Mapping[str, str]]]
"""Gives name, kind, service and owner of every component that is watched; raises ConfigurationError."""

LoadNames = Callable[[], Sequence[str]]
"""Gives what loads are called, as CLARO and CLARO/ROBOS; raises ConfigurationError."""

Replay = Callable[[Engine, int, SlaPolicy, datetime, str], Recorded]
"""Reads a quarantine entry again and records it, by somebody; raises Refused, NotUnderstood."""


@dataclass(frozen=True)
class Desk:
    """The store, the policy in force, what is watched, and where the file-load exporter answers; `largest_file` is the
    number of bytes that an attached file may have, `configuration` the files that were read at the start."""

    engine: Engine
    policy: SlaPolicy
    watched: Watched = tuple
    file_loads_url: str = ""
    largest_file: int = 0
    replay: Replay | None = None
    configuration: LoadedConfiguration | None = None
    loads: LoadNames = tuple

    def subjects(self) -> Subjects:
        """What an incident may be reported of; anything while the configuration cannot be read, lest it be lost."""
        try:
            services = {component["name"]: component["service"] for component in self.watched()}
            return Subjects(services, frozenset(self.loads()))
        except ConfigurationError as error:
            log.warning("components cannot be read, so any is taken", reason=str(error).split("\n", 1)[0])
            return ANYTHING

    def lay(self, app: Flask) -> None:
        """Put it where the views of this application find it."""
        app.extensions["desk"] = self


def desk() -> Desk:
    """The desk of the application that answers this request."""
    found: Desk = current_app.extensions["desk"]
    return found
