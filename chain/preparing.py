"""What must exist before anything starts: the state folder, the receiver's secret, the first login."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

from groundwork.problems import Refused
from groundwork.secret_files import write_secret
from groundwork.settings import Settings
from incident_store.database import use_store
from incident_store.domain.lifecycle import Role
from incident_store.people import add_person, any_person
from simulator.certificates import issue_certificates
from simulator.faults import FaultBook

FIRST_NAME = "admin"


def prepare(settings: Settings, *, simulator: bool) -> None:
    """Make what is missing under the state folder; what is there stays. Raises Refused where it cannot be made."""
    try:
        settings.state.mkdir(parents=True, exist_ok=True)
        if settings.webhook_token_file is not None and not settings.webhook_token_file.exists():
            write_secret(settings.webhook_token_file, secrets.token_hex(32))
        if simulator:
            issue_certificates(settings.state / "simulator" / "tls", datetime.now(UTC))
    except OSError as error:
        where = error.filename or settings.state
        remedy = "check RENTESEG_STATE and RENTESEG_WEBHOOK_TOKEN_FILE, and the permissions there"
        raise Refused(f"{where} cannot be made: {error.strerror}; {remedy}") from error


def faults_on(settings: Settings) -> list[str]:
    """The simulator's faults that are on, left from an earlier run."""
    book = FaultBook(settings.state / "simulator" / "faults.json")
    return [fault.value for fault in sorted(book.active(datetime.now(UTC)))]


def first_login(settings: Settings) -> tuple[str, Path]:
    """The first person's name and the file that holds the password; both are made if the store knows nobody."""
    file = settings.state / "secrets" / "first-login"
    with use_store(settings.database_url) as engine:
        if not any_person(engine):
            password = secrets.token_urlsafe(12)
            write_secret(file, password)
            add_person(engine, FIRST_NAME, Role.ADMIN, password)
    return FIRST_NAME, file
