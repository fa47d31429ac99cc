"""The accounts on disk, so that their counters survive a restart; the time in between stays unknown (semantics 26).

The file is replaced whole and atomically. One that cannot be understood is set aside, never overwritten.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import structlog
from pydantic import AwareDatetime, Field, ValidationError

from exporters.availability.accounting import Account, State
from groundwork.configuration import Strict
from groundwork.problems import Away

log = structlog.get_logger()

FORMAT = "renteseg-availability-state/1"
OLDEST = datetime(2000, 1, 1, tzinfo=UTC)
CLOCK_DIFFERENCE = timedelta(minutes=5)
"""How far the clock may have been set back since the file was written."""
Span = Annotated[float, Field(ge=0, le=1e11)]


class StoredAccount(Strict):
    """One component's account as written: times in ISO 8601, spans in seconds."""

    state: State
    since: AwareDatetime
    until: AwareDatetime
    seconds: dict[State, Span] = Field(min_length=len(State))


class StoredState(Strict):
    """The whole file."""

    format: str = Field(pattern=f"^{FORMAT}$")
    components: dict[str, StoredAccount]


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Nobody else writes the file meanwhile; raises Away while another process holds it. Its end lets go of it."""
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            remedy = "end it, or give this one a folder of its own with RENTESEG_STATE"
            raise Away(f"another availability exporter keeps its accounts in {path}: {remedy}") from error
        yield


def load(path: Path, now: datetime) -> dict[str, Account]:
    """The accounts by component; none when there is no file yet, or when it had to be set aside."""
    try:
        stored = StoredState.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValidationError as error:
        _set_aside(path, now, error.errors()[0]["msg"])
        return {}
    except OSError as error:
        _set_aside(path, now, error.strerror or str(error))
        return {}
    impossible = [name for name, account in stored.components.items() if not _possible(account, now)]
    if impossible:
        _set_aside(path, now, f"{impossible[0]} has times that cannot be")
        return {}
    return {name: _account(account) for name, account in stored.components.items()}


def _possible(stored: StoredAccount, now: datetime) -> bool:
    """Whether an account could have been written by now: it began after 2000, in order, and holds no more than that."""
    in_order = OLDEST <= stored.since <= stored.until <= now + CLOCK_DIFFERENCE
    return in_order and sum(stored.seconds.values()) <= (now + CLOCK_DIFFERENCE - OLDEST).total_seconds()


def save(path: Path, accounts: Iterable[tuple[str, Account]]) -> None:
    """Replace the file by these accounts; raises OSError and leaves the old file when that fails."""
    temporary = path.with_name(f"{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(f'{{"format": "{FORMAT}", "components": {{')
        between = "\n"
        for name, account in accounts:
            file.write(f"{between}{json.dumps(name)}: {_stored(account)}")
            between = ",\n"
        file.write("\n}}\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync_folder(path.parent)


def _account(stored: StoredAccount) -> Account:
    """The account as saved; nothing vouches for the time since."""
    spans = {state: timedelta(seconds=stored.seconds[state]) for state in State}
    return Account(stored.state, stored.since, stored.until, stored.until, spans)


def _stored(account: Account) -> str:
    """The account as JSON, as StoredAccount reads it."""
    seconds = ", ".join(f'"{state}": {span.total_seconds()!r}' for state, span in account.spans.items())
    since, until = account.since.isoformat(), account.until.isoformat()
    return f'{{"state": "{account.state}", "since": "{since}", "until": "{until}", "seconds": {{{seconds}}}}}'


def _set_aside(path: Path, now: datetime, what: str) -> None:
    aside = path.with_name(f"{path.name}.corrupt-{now:%Y%m%dT%H%M%S%f}Z")
    path.rename(aside)
    log.error("state file cannot be understood: set aside, counters begin anew", kept_as=str(aside), reason=what)


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
