"""What must exist before anything starts: the state folder, the receiver's secret, the first login."""

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path

from groundwork.settings import Settings
from incident_store.database import open_store
from incident_store.domain.lifecycle import Role
from incident_store.people import add_person, any_person
from simulator.certificates import issue_certificates
from simulator.faults import FaultBook

FIRST_NAME = "admin"


def prepare(settings: Settings, *, simulator: bool) -> None:
    """Make what is missing under the state folder; what is there stays."""
    settings.state.mkdir(parents=True, exist_ok=True)
    if settings.webhook_token_file is not None and not settings.webhook_token_file.exists():
        write_secret(settings.webhook_token_file, secrets.token_hex(32))
    if simulator:
        issue_certificates(settings.state / "simulator" / "tls", datetime.now(UTC))


def faults_on(settings: Settings) -> list[str]:
    """The simulator's faults that are on, left from an earlier run."""
    book = FaultBook(settings.state / "simulator" / "faults.json")
    return [fault.value for fault in sorted(book.active(datetime.now(UTC)))]


def first_login(settings: Settings) -> tuple[str, Path]:
    """The first person's name and the file that holds the password; both are made if the store knows nobody."""
    file = settings.state / "secrets" / "first-login"
    engine = open_store(settings.database_url)
    if not any_person(engine):
        password = secrets.token_urlsafe(12)
        write_secret(file, password)
        add_person(engine, FIRST_NAME, Role.ADMIN, password)
    engine.dispose()
    return FIRST_NAME, file


def write_secret(path: Path, secret: str) -> None:
    """Write a secret that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secret + "\n")
