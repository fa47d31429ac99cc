"""The loads that an outage left unprocessed, as the log tells them (semantics 33)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from exporters.file_loads.main import LoadLogSource
from exporters.file_loads.owed import Outage, OwedLoad
from exporters.file_loads.owed_page import add_owed_page
from tests.exporters.file_loads.load_logs import configuration, execute, log_file

DEADLINE = datetime(2026, 10, 6, 11, tzinfo=UTC)
"""06:00 in Lima on the sixth, for the data day of the fifth."""
HOUR = timedelta(hours=1)
OUTAGE = Outage(DEADLINE - HOUR, DEADLINE + HOUR)
BEFORE, WITHIN, AFTER = "2026-10-06T09:00:00+00:00", "2026-10-06T10:30:00+00:00", "2026-10-06T13:00:00+00:00"
LATER = Outage(DEADLINE + HOUR, DEADLINE + 2 * HOUR)
"""No deadline falls within it."""


def owed(url: str, state: Path, outage: Outage = OUTAGE) -> dict[tuple[str, str], OwedLoad]:
    found = LoadLogSource(configuration(url), state).owed(outage)
    return {(load.operator, load.file_type): load for load in found if load.owed}


def test_every_load_whose_deadline_fell_within_and_that_nobody_sent_is_owed(url: str, tmp_path: Path) -> None:
    found = owed(url, tmp_path)
    assert len(found) == 20
    assert {load.data_day.isoformat() for load in found.values()} == {"2026-10-05"}
    assert {load.deadline_at for load in found.values()} == {DEADLINE}
    assert owed(url, tmp_path, LATER) == {}


def test_a_load_processed_by_the_outage_s_end_is_not_owed(url: str, tmp_path: Path) -> None:
    log_file(url, "CLARO", "ROBOS", "PROCESADO", received_at=BEFORE, processed_at=BEFORE)
    log_file(url, "CLARO", "ALTAS", "PROCESADO_CON_OBSERVACIONES", received_at=WITHIN, processed_at=WITHIN)
    assert not {("CLARO", "ROBOS"), ("CLARO", "ALTAS")} & owed(url, tmp_path).keys()


def test_a_load_that_the_outage_touched_and_that_is_not_owed_says_so(url: str, tmp_path: Path) -> None:
    log_file(url, "CLARO", "ROBOS", "PROCESADO", received_at=BEFORE, processed_at=BEFORE)
    (load,) = [one for one in LoadLogSource(configuration(url), tmp_path).owed(OUTAGE) if not one.owed]
    assert (load.operator, load.processed_at) == ("CLARO", datetime(2026, 10, 6, 9, tzinfo=UTC))


def test_a_load_processed_after_the_outage_was_owed_and_says_since_when_it_is_not(url: str, tmp_path: Path) -> None:
    log_file(url, "CLARO", "ROBOS", "PROCESADO", received_at=WITHIN, processed_at=AFTER)
    log_file(url, "CLARO", "ALTAS", "REGULARIZADO", received_at=AFTER, processed_at=AFTER)
    log_file(url, "CLARO", "BAJAS", "ENCOLADO", received_at=WITHIN)
    found = owed(url, tmp_path)
    regular = [found["CLARO", one].processed_at for one in ("ROBOS", "ALTAS", "BAJAS")]
    assert regular == [datetime(2026, 10, 6, 13, tzinfo=UTC)] * 2 + [None]


def test_a_file_that_waited_when_the_outage_ended_is_owed_whatever_its_deadline(url: str, tmp_path: Path) -> None:
    log_file(url, "ENTEL", "BAJAS", "ENCOLADO", received_at=BEFORE)
    log_file(url, "ENTEL", "ROBOS", "PROCESANDO", day="2026-10-02", received_at=BEFORE)
    log_file(url, "ENTEL", "ALTAS", "PROCESADO", received_at=BEFORE, processed_at=WITHIN)
    log_file(url, "BITEL", "ALTAS", "ENCOLADO", received_at="2026-10-06T14:00:00+00:00")
    assert owed(url, tmp_path, LATER).keys() == {("ENTEL", "BAJAS"), ("ENTEL", "ROBOS")}


def test_a_rejected_file_is_owed_until_the_next_one_is_processed(url: str, tmp_path: Path) -> None:
    log_file(url, "BITEL", "ROBOS", "RECHAZADO", received_at=WITHIN, processed_at=WITHIN, reason="F05")
    assert owed(url, tmp_path)["BITEL", "ROBOS"].processed_at is None
    log_file(url, "BITEL", "ROBOS", "PROCESADO", sequence=2, received_at=AFTER, processed_at=AFTER)
    assert owed(url, tmp_path)["BITEL", "ROBOS"].processed_at == datetime(2026, 10, 6, 13, tzinfo=UTC)


def test_a_file_rejected_before_the_outage_is_nothing_that_the_outage_held_up(url: str, tmp_path: Path) -> None:
    log_file(url, "BITEL", "ROBOS", "RECHAZADO", received_at=BEFORE, processed_at=BEFORE, reason="F05")
    assert owed(url, tmp_path, LATER) == {}


def test_an_older_file_processed_before_does_not_regularise_the_one_that_waited(url: str, tmp_path: Path) -> None:
    log_file(url, "CLARO", "ROBOS", "PROCESADO", received_at=BEFORE, processed_at=BEFORE)
    log_file(url, "CLARO", "ROBOS", "ENCOLADO", sequence=2, received_at=WITHIN)
    assert owed(url, tmp_path)["CLARO", "ROBOS"].processed_at is None


@pytest.fixture
def page(url: str, tmp_path: Path) -> Any:
    app = Flask("page")
    add_owed_page(app, LoadLogSource(configuration(url), tmp_path).owed)
    return app.test_client()


def test_the_page_answers_the_loads_with_their_times(page: Any, url: str) -> None:
    log_file(url, "CLARO", "ROBOS", "PROCESADO", received_at=WITHIN, processed_at=AFTER)
    answer = page.get("/owed", query_string={"from": OUTAGE.start.isoformat(), "to": OUTAGE.end.isoformat()})
    assert answer.status_code == 200
    assert {
        "operator": "CLARO",
        "file_type": "ROBOS",
        "data_day": "2026-10-05",
        "deadline_at": "2026-10-06T11:00:00+00:00",
        "state": "processed",
        "processed_at": "2026-10-06T13:00:00+00:00",
        "owed": True,
    } in answer.json["loads"]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("", ""),
        ("ayer", "hoy"),
        ("2026-10-06T10:00:00", "2026-10-06T11:00:00"),
        ("2026-10-06T11:00:00Z", "2026-10-06T11:00:00Z"),
        ("2026-01-01T00:00:00Z", "2026-10-06T11:00:00Z"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T10:00:00+14:00"),
    ],
)
def test_a_question_without_an_outage_is_400(page: Any, start: str, end: str) -> None:
    assert page.get("/owed", query_string={"from": start, "to": end}).status_code == 400


def test_a_log_that_cannot_be_read_is_503(page: Any, url: str) -> None:
    execute(url, "ALTER TABLE carga_archivo RENAME TO otra")
    answer = page.get("/owed", query_string={"from": OUTAGE.start.isoformat(), "to": OUTAGE.end.isoformat()})
    assert answer.status_code == 503
