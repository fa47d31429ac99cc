"""A sender that is killed at random moments: every notice arrives, doubled only where its answer could not be noted."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from incident_store.domain.notices import NoticeKind, NoticeState
from incident_store.mail_models import NoticeRow
from incident_store.outbox import post
from tests.mailroom.conftest import Office, now
from tests.mailroom.post_office import post_office
from tests.processes import ROOT

NOTICES, KILLS = 2000, 12

SENDER = """
import sys
from groundwork.settings import read_settings
from incident_store.database import open_store
from incident_store.policy_file import read_policy
from mailroom.desk import Desk
from mailroom.sending import Sending
settings = read_settings()
engine = open_store(settings.database_url)
sending = Sending(engine, Desk(settings, read_policy(settings.config)))
print("working", flush=True)
sending.work()
"""


def count(office: Office, *states: NoticeState) -> int:
    with office.engine.connect() as connection:
        in_state = NoticeRow.state.in_([state.value for state in states])
        return connection.execute(select(func.count()).select_from(NoticeRow).where(in_state)).scalar_one()


def start(office: Office) -> "subprocess.Popen[bytes]":
    settings = office.settings
    environment = {
        "RENTESEG_DATABASE_URL": settings.database_url,
        "RENTESEG_CONFIG": str(settings.config),
        "RENTESEG_STATE": str(settings.state),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", SENDER], cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def give_leases_back(office: Office) -> None:
    """Let the time pass that a dead sender's leases last."""
    with office.engine.begin() as connection:
        held = NoticeRow.state == NoticeState.SENDING.value
        connection.execute(update(NoticeRow).where(held).values(due_at=now()))


@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_every_notice_of_a_sender_that_is_killed_arrives_and_few_arrive_twice(office: Office, tmp_path: Path) -> None:
    with office.engine.begin() as connection:
        for number in range(NOTICES):
            post(connection, NoticeKind.MONTHLY_REPORT, "sofia", now(), key=f"m{number}")
    while any(one.state is NoticeState.DUE for one in office.write()):
        pass
    chance = random.Random(2026)
    with post_office() as server:
        office.configure(smtp={"port": server.port, "per_minute": 1_000_000})
        for _kill in range(KILLS):
            process = start(office)
            time.sleep(chance.uniform(0.05, 1.5))
            process.send_signal(signal.SIGKILL)
            process.wait()
            give_leases_back(office)
        while count(office, NoticeState.APPROVED, NoticeState.SENDING):
            give_leases_back(office)
            office.send()

    received = Counter(letter.mail["X-RENTESEG-Notice"] for letter in server.letters)
    twice = sum(times - 1 for times in received.values())
    ids = {letter.mail["X-RENTESEG-Notice"]: letter.mail["Message-ID"] for letter in server.letters}
    print(json.dumps({"notices": NOTICES, "kills": KILLS, "received twice": twice}))
    assert count(office, NoticeState.SENT) == len(received) == NOTICES
    assert twice <= KILLS * 4  # one for each connection that was between the server's 250 and our commit
    assert all(letter.mail["Message-ID"] == ids[letter.mail["X-RENTESEG-Notice"]] for letter in server.letters)
