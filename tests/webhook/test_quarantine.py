"""`renteseg quarantine`: listed, shown, replayed or dismissed."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from incident_store.database import reading
from incident_store.quarantine import Rejected
from incident_store.queries import count_quarantined, list_incidents
from incident_store.store import record
from tests.builders import alert, alert_body, at, shipped_policy
from tests.processes import run_renteseg

POLICY = shipped_policy()
NOT_YET_UNDERSTOOD = Rejected("bad-alert", "status: sleeping", json.dumps(alert(0)).encode())
"""What an older version did not understand and this one does."""
NONSENSE = Rejected("not-json", "the body is not JSON \x1b[31m", b"\x00<html>[bold]")


def keep(store: Engine, *entries: Rejected) -> None:
    record(store, [], entries, POLICY, at(1))


def waiting(store: Engine) -> int:
    with reading(store).connect() as connection:
        return count_quarantined(connection)


def quarantine(store_url: str, tmp_path: Path, *words: str, code: int = 0) -> str:
    done = run_renteseg(
        "quarantine", *words, environment={"RENTESEG_DATABASE_URL": store_url, "RENTESEG_STATE": str(tmp_path)}
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def listed(store_url: str, tmp_path: Path) -> list[dict[str, Any]]:
    value: list[dict[str, Any]] = json.loads(quarantine(store_url, tmp_path, "list", "--json"))
    return value


def test_what_waits_is_listed_and_shown_without_steering_the_terminal(
    store: Engine, store_url: str, tmp_path: Path
) -> None:
    assert "vacía" in quarantine(store_url, tmp_path, "list")
    keep(store, NONSENSE, NONSENSE)
    (entry,) = listed(store_url, tmp_path)
    assert (entry["entry"], entry["reason"], entry["times"]) == (1, "not-json", 2)
    shown = quarantine(store_url, tmp_path, "list") + quarantine(store_url, tmp_path, "show", "1")
    assert "<html>[bold]" in shown
    assert "\x1b" not in shown
    assert "\x00" not in shown
    assert json.loads(quarantine(store_url, tmp_path, "show", "1", "--json"))["body"] == "\x00<html>[bold]"


def test_an_entry_that_is_understood_now_is_replayed_and_waits_no_more(
    store: Engine, store_url: str, tmp_path: Path
) -> None:
    whole = Rejected("not-a-delivery", "no list of alerts", alert_body(alert(0)))
    keep(store, NOT_YET_UNDERSTOOD, whole)
    answer = json.loads(quarantine(store_url, tmp_path, "replay", "1", "--json"))
    assert (answer["accepted"], answer["incidents"]) == (1, [1])
    assert "1 ya conocidas" in quarantine(store_url, tmp_path, "replay", "2")
    assert waiting(store) == 0
    with reading(store).connect() as connection:
        assert [one.component for one in list_incidents(connection)] == ["portal-web"]


def test_an_entry_that_is_still_not_understood_is_refused_and_waits_on(
    store: Engine, store_url: str, tmp_path: Path
) -> None:
    keep(store, NONSENSE)
    assert "still not understood" in quarantine(store_url, tmp_path, "replay", "1", code=1)
    assert waiting(store) == 1
    assert "there is no quarantine entry 7" in quarantine(store_url, tmp_path, "dismiss", "7", code=1)


def test_what_was_dismissed_stays_so_when_it_comes_again_and_what_was_replayed_does_not(
    store: Engine, store_url: str, tmp_path: Path
) -> None:
    keep(store, NONSENSE, NOT_YET_UNDERSTOOD)
    quarantine(store_url, tmp_path, "dismiss", "1")
    quarantine(store_url, tmp_path, "replay", "2")
    assert waiting(store) == 0
    keep(store, NONSENSE, NOT_YET_UNDERSTOOD)
    assert [entry["entry"] for entry in listed(store_url, tmp_path)] == [2]
