"""A store with people, a configuration of its own, and incidents on their road."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine

from groundwork.settings import Settings
from incident_store.advance import Report, advance, register
from incident_store.database import open_store, reading, upgrade
from incident_store.domain.incidents import Kind
from incident_store.domain.lifecycle import EventKind, Role
from incident_store.domain.policies import Responsible, Severity
from incident_store.domain.steps import Actor, Step
from incident_store.outbox import Notice, list_notices
from mailroom.desk import Desk
from mailroom.sending import Sending
from mailroom.writing import write_notices
from tests.builders import ROOT, shipped_policy

ANA, SOFIA = Actor("ana", Role.ANALYST), Actor("sofia", Role.SUPERVISOR)
POLICY = shipped_policy()


@dataclass
class Office:
    """The mailroom of a test: its store, its configuration folder, and short ways to let time pass."""

    engine: Engine
    settings: Settings

    @property
    def desk(self) -> Desk:
        return Desk(self.settings, POLICY)

    def configure(self, **changes: Any) -> None:
        """Change entries of contacts.yml."""
        path = self.settings.config / "contacts.yml"
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name, value in changes.items():
            document[name] = {**document.get(name, {}), **value} if isinstance(value, dict) else value
        path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")

    def write(self, later: timedelta = timedelta()) -> list[Notice]:
        """Write what is due, or will be by then; returns the open notices."""
        write_notices(self.engine, self.desk, now() + later)
        return self.notices()

    def send(self) -> None:
        """Deliver what is due."""
        Sending(self.engine, self.desk).work()

    def notices(self, *, open_only: bool = True) -> list[Notice]:
        """The notices, the newest first."""
        with reading(self.engine).connect() as connection:
            return list_notices(connection, open_only=open_only)

    def notice(self, number: int) -> Notice:
        return next(one for one in self.notices(open_only=False) if one.number == number)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def office(store_url: str, tmp_path: Path) -> Iterator[Office]:
    """A mailroom on an empty store, with the shipped configuration in a folder of its own."""
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    settings = Settings(config=config, state=tmp_path / "state", database_url=store_url)
    upgrade(store_url)
    engine = open_store(store_url)
    office = Office(engine, settings)
    office.configure(smtp={"host": "127.0.0.1", "port": 9, "security": "none"})
    yield office
    engine.dispose()


DIAGNOSIS = {"responsible": "B", "severity": "alta", "cause": "actualización fallida"}


def reported(office: Office, component: str = "portal-web", kind: Kind = Kind.INCIDENT, title: str = "No abre") -> int:
    """An incident registered by hand an hour ago."""
    began = now() - timedelta(hours=1)
    report = Report(kind, component, "consulta", title, Severity.HIGH, Responsible.NOBODY, "telefono", began)
    return register(office.engine, report, ANA, began)


def take(office: Office, number: int, kind: EventKind, actor: Actor = SOFIA, **details: str) -> None:
    """One step, now."""
    advance(office.engine, number, Step(kind, now(), details), actor, now())


def dispatched(office: Office, responsible: str = "B", to: str = "INETUM", component: str = "portal-web") -> int:
    """An incident diagnosed, validated and handed over; returns its number."""
    number = reported(office, component)
    take(office, number, EventKind.ANALYSIS_BEGAN, ANA)
    take(office, number, EventKind.DIAGNOSED, ANA, **{**DIAGNOSIS, "responsible": responsible})
    take(office, number, EventKind.VALIDATED)
    take(office, number, EventKind.DISPATCHED, to=to)
    return number
