"""What the worker does for the store, again and again."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from groundwork.jobs import Job
from groundwork.settings import Settings
from incident_store.answers import forget_answers
from incident_store.domain.policies import SlaPolicy
from incident_store.regularising import Regulariser, ask_owed
from incident_store.sealing import seal_growth

SEALED_EVERY = timedelta(minutes=1)
REGULARISED_EVERY = timedelta(minutes=1)
FORGOTTEN_EVERY = timedelta(hours=1)


def jobs(settings: Settings, engine: Engine, policy: SlaPolicy) -> list[Job]:
    """The jobs of this package."""
    regulariser = Regulariser(engine, policy, lambda outage: ask_owed(settings.file_loads_url, outage))
    return [
        Job("seal", SEALED_EVERY, lambda: seal_growth(engine, datetime.now(UTC))),
        Job("regularisations", REGULARISED_EVERY, regulariser.work),
        Job("answers", FORGOTTEN_EVERY, lambda: forget_answers(engine, datetime.now(UTC))),
    ]
