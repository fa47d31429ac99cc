"""The mailroom's part of the worker: texts, delivery, the mailbox."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from groundwork.jobs import Job
from groundwork.settings import Settings
from incident_store.domain.policies import SlaPolicy
from mailroom.desk import Desk
from mailroom.mailbox import Mailbox
from mailroom.sending import Sending
from mailroom.writing import write_notices

OFTEN = timedelta(seconds=2)
AGAIN = timedelta(seconds=5)
"""How soon a mailbox that was away is tried again; while it is there, the job listens."""


def jobs(settings: Settings, engine: Engine, policy: SlaPolicy) -> list[Job]:
    """What the mailroom does again and again; raises ConfigurationError when `contacts.yml` is unusable."""
    desk = Desk(settings, policy)
    return [
        Job("notices-written", OFTEN, lambda: write_notices(engine, desk, datetime.now(UTC))),
        Job("notices-sent", OFTEN, Sending(engine, desk).work),
        Job("mailbox", AGAIN, Mailbox(engine, desk).work),
    ]
