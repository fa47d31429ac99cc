"""What the worker does for the store, again and again."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from groundwork.jobs import Job
from incident_store.sealing import seal_growth

SEALED_EVERY = timedelta(minutes=1)


def jobs(engine: Engine) -> list[Job]:
    """The jobs of this package."""
    return [Job("seal", SEALED_EVERY, lambda: seal_growth(engine, datetime.now(UTC)))]
