"""One transaction, begun again by whoever lost a race; no locks are taken by hand."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from groundwork.problems import Refused
from incident_store.database import StoreUnavailable
from incident_store.episode_rows import Conflict

TRIES = 20
LOST_RACES = {"40001", "40P01"}
"""PostgreSQL's serialization failure and deadlock: the same transaction may succeed when tried again."""

STALE_CONNECTIONS = 2
"""So many connections may turn out to be dead, after a restart of PostgreSQL, before the store counts as away. What was
committed without an answer must be recognised by `work` when it comes again."""

CANNOT_HOLD = {"22", "54"}
"""PostgreSQL's classes of errors for values that a column or an index cannot hold."""

Result = TypeVar("Result")


class Unstorable(Refused):
    """The store cannot hold what it was given; trying again changes nothing."""


def in_transaction(engine: Engine, work: Callable[[Connection], Result]) -> Result:
    """What `work` returns, once it is committed.

    Raises Unstorable for a value that the store cannot hold, StoreUnavailable when it could not be committed, and what
    `work` raises, after which nothing is written.
    """
    for attempt in range(TRIES):
        try:
            with engine.begin() as connection:
                return work(connection)
        except (IntegrityError, Conflict):
            _stand_back(attempt)
        except DBAPIError as error:
            code = getattr(error.orig, "pgcode", None) or ""
            if isinstance(error, DataError) or code[:2] in CANNOT_HOLD:
                raise Unstorable(f"the store cannot hold a value of it: {type(error.orig).__name__}") from error
            if code not in LOST_RACES and not (error.connection_invalidated and attempt < STALE_CONNECTIONS):
                raise StoreUnavailable(str(error.orig).strip()) from error
            _stand_back(attempt)
    raise StoreUnavailable(f"other writers were first {TRIES} times")


def _stand_back(attempt: int) -> None:
    """Wait a little, longer each time and never the same, so that those who collided do not do so again."""
    time.sleep(random.uniform(0, 0.005 * (attempt + 1)))  # noqa: S311 - chance, not secrecy
