"""What a confirmed outage leaves owed, on SQLite and on PostgreSQL (semantics 33)."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine
from werkzeug.serving import make_server

from exporters.file_loads.main import LoadLogSource
from exporters.file_loads.owed_page import add_owed_page
from groundwork.settings import Settings
from incident_store import regularisation_commands
from incident_store.advance import advance
from incident_store.announcements import regularisation_announcement
from incident_store.audit import verify
from incident_store.database import open_store, reading, upgrade
from incident_store.domain.incidents import Event
from incident_store.domain.intervals import Interval
from incident_store.domain.lifecycle import EventKind, State
from incident_store.domain.regularisations import Load, OwedLoad, Regularisation, Standing, told_regularisations
from incident_store.domain.steps import Step
from incident_store.queries import find_incident
from incident_store.regularisations import of_incident, open_regularisations
from incident_store.regularising import ExporterAway, Regulariser, ask_owed
from tests.builders import ROOT, at
from tests.exporters.file_loads.load_logs import configuration, create_log, execute, log_file
from tests.exporters.test_incidents import shown
from tests.store.test_advance import POLICY, SOFIA, restored

CONFIRMED = {"unavailability": "confirmed"}
DAY = date(2026, 10, 4)
ROBOS, ALTAS = Load("CLARO", "ROBOS", DAY), Load("ENTEL", "ALTAS", DAY)


@pytest.fixture
def store(store_url: str) -> Iterator[Engine]:
    upgrade(store_url)
    engine = open_store(store_url)
    yield engine
    engine.dispose()


def closed(store: Engine, details: dict[str, str] = CONFIRMED) -> int:
    """An incident with an outage from minute 0 to 60, closed at 70."""
    number = restored(store)
    advance(store, number, Step(EventKind.CLOSED, at(70), details), SOFIA, at(500))
    return number


def regulariser(store: Engine, *owed: OwedLoad, now: float = 500) -> Regulariser:
    return Regulariser(store, POLICY, lambda _outage: list(owed), lambda: at(now))


def standing(store: Engine, number: int, now: float = 500) -> dict[Load, Standing]:
    with reading(store).connect() as connection:
        return {one.load: one.standing(at(now)) for one in of_incident(connection, number)}


def told(store: Engine, number: int) -> list[Event]:
    with reading(store).connect() as connection:
        found = find_incident(connection, number)
        assert verify(connection).broken == ()
    assert found is not None
    kinds = {EventKind.REGULARISATION_ANNOUNCED, EventKind.REGULARISED}
    return [event for event in found[0].events if event.kind in kinds]


def test_a_confirmed_outage_opens_what_it_left_owed_and_tells_it_in_the_chain_once(store: Engine) -> None:
    number, asked = closed(store), []

    def ask(outage: Interval) -> list[OwedLoad]:
        asked.append(outage)
        return [OwedLoad(ROBOS, None), OwedLoad(ALTAS, at(65))]

    for _ in range(2):
        Regulariser(store, POLICY, ask, lambda: at(500)).work()
    assert asked[0] == Interval(at(0), at(60))
    assert standing(store, number) == {ROBOS: Standing.OPEN, ALTAS: Standing.DONE}
    announced, done = told(store, number)
    assert announced.details["loads"] == "CLARO ROBOS 2026-10-04, ENTEL ALTAS 2026-10-04"
    assert (done.kind, done.at) == (EventKind.REGULARISED, at(65))
    with reading(store).connect() as connection:
        (owed,) = open_regularisations(connection)
        rows = of_incident(connection, number)
    assert sorted(rows, key=lambda one: one.load) == list(told_regularisations(number, [announced, done]))
    assert owed.due_at == at(70) + timedelta(days=2)


def test_an_incident_closed_without_unavailability_leaves_nothing_owed(store: Engine) -> None:
    number = closed(store, {"unavailability": "none"})
    regulariser(store, OwedLoad(ROBOS, None)).work()
    assert (standing(store, number), told(store, number)) == ({}, [])


def test_each_regularisation_closes_by_itself_when_its_file_is_processed(store: Engine) -> None:
    number = closed(store)
    regulariser(store, OwedLoad(ROBOS, None), OwedLoad(ALTAS, None)).work()
    for _ in range(2):
        regulariser(store, OwedLoad(ROBOS, at(600)), OwedLoad(ALTAS, None), now=700).work()
    assert standing(store, number, 700) == {ROBOS: Standing.DONE, ALTAS: Standing.OPEN}
    done = [event for event in told(store, number) if event.kind is EventKind.REGULARISED]
    assert [(event.at, event.details) for event in done] == [(at(600), {"load": "CLARO ROBOS 2026-10-04"})]


def test_a_log_that_was_put_right_closes_what_its_earlier_word_opened(store: Engine) -> None:
    number = closed(store)
    regulariser(store, OwedLoad(ROBOS, None), OwedLoad(ALTAS, at(30), owed=False)).work()
    assert standing(store, number) == {ROBOS: Standing.OPEN}
    regulariser(store, OwedLoad(ROBOS, at(40), owed=False)).work()
    assert standing(store, number) == {ROBOS: Standing.DONE}


def test_what_is_not_processed_in_time_shows_as_late(store: Engine) -> None:
    number = closed(store)
    regulariser(store, OwedLoad(ROBOS, None)).work()
    assert standing(store, number, 70 + 2 * 24 * 60) == {ROBOS: Standing.OPEN}
    assert standing(store, number, 71 + 2 * 24 * 60) == {ROBOS: Standing.LATE}


def test_two_workers_at_once_open_and_close_each_once(store: Engine) -> None:
    number, together = closed(store), threading.Barrier(2)

    def ask(processed: bool) -> list[OwedLoad]:
        together.wait(20)
        return [OwedLoad(ROBOS, at(600) if processed else None)]

    for processed in (False, True):
        now = 700 if processed else 500
        workers = [
            Regulariser(store, POLICY, lambda _outage, done=processed: ask(done), lambda at_=now: at(at_))
            for _ in range(2)
        ]
        with ThreadPoolExecutor(2) as pool:
            for round_ in [pool.submit(worker.work) for worker in workers]:
                round_.exception()  # a worker that finds nothing left to ask about leaves the barrier to break
        together.reset()
    assert [event.kind for event in told(store, number)] == [
        EventKind.REGULARISATION_ANNOUNCED,
        EventKind.REGULARISED,
    ]


def test_a_second_closing_adds_only_what_was_not_owed_yet(store: Engine) -> None:
    number = closed(store)
    regulariser(store, OwedLoad(ROBOS, None)).work()
    advance(store, number, Step(EventKind.REOPENED, at(80), {"reason": "recaída"}), SOFIA, at(500))
    advance(store, number, Step(EventKind.RESTORED, at(90), {"tests": "bien"}), SOFIA, at(500))
    advance(store, number, Step(EventKind.CLOSED, at(95), CONFIRMED), SOFIA, at(500))
    regulariser(store, OwedLoad(ROBOS, None), OwedLoad(ALTAS, None)).work()
    assert standing(store, number) == {ROBOS: Standing.OPEN, ALTAS: Standing.OPEN}
    assert [event.details["loads"] for event in told(store, number)] == [str(ROBOS), str(ALTAS)]


def test_an_exporter_that_is_away_delays_the_list_and_the_deadline_stays(store: Engine) -> None:
    number = closed(store)

    def away(_outage: Interval) -> list[OwedLoad]:
        raise ExporterAway("no answer")

    with pytest.raises(ExporterAway):
        Regulariser(store, POLICY, away, lambda: at(500)).work()
    assert told(store, number) == []
    regulariser(store, OwedLoad(ROBOS, None), now=2000).work()
    (event,) = told(store, number)
    assert event.details["until"] == (at(70) + timedelta(days=2)).isoformat()


def test_an_incident_keeps_its_state_when_its_loads_are_regularised(store: Engine) -> None:
    number = closed(store)
    advance(store, number, Step(EventKind.CONSOLIDATED, at(75), {}), SOFIA, at(500))
    regulariser(store, OwedLoad(ROBOS, at(300))).work()
    with reading(store).connect() as connection:
        found = find_incident(connection, number)
    assert found is not None
    assert found[0].incident.state is State.CONSOLIDATED


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A load log, and the address of the exporter's page over it."""
    log = f"sqlite:///{tmp_path}/log.db"
    create_log(log)
    app = Flask("exporter")
    add_owed_page(app, LoadLogSource(configuration(log), tmp_path).owed)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield log, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_from_the_load_log_over_the_page_to_the_regularisation_and_its_end(
    store: Engine, exporter: tuple[str, str]
) -> None:
    log, url = exporter
    log_file(log, "CLARO", "ROBOS", "ENCOLADO", day="2026-10-04", received_at=at(-30).isoformat())
    log_file(log, "CLARO", "ALTAS", "PROCESADO", day="2026-10-04", received_at=at(-30).isoformat(),
             processed_at=at(-20).isoformat())  # fmt: skip
    number = closed(store)
    worker = Regulariser(store, POLICY, lambda outage: ask_owed(url, outage), lambda: at(500))
    worker.work()
    assert standing(store, number) == {ROBOS: Standing.OPEN}
    execute(log, "UPDATE carga_archivo SET estado = 'REGULARIZADO', procesado_en = :at", at=at(400).isoformat())
    worker.work()
    assert standing(store, number) == {ROBOS: Standing.DONE}


def test_an_answer_that_is_not_the_exporter_s_is_refused_whole(store: Engine) -> None:
    app = Flask("wrong")

    @app.get("/owed")
    def wrong() -> str:
        return json.dumps({"loads": [{"operator": "CLARO", "file_type": "ROBOS", "data_day": "ayer"}]})

    server = make_server("127.0.0.1", 0, app)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    with pytest.raises(ExporterAway, match="did not say"):
        ask_owed(url, Interval(at(0), at(60)))
    server.shutdown()
    server.server_close()
    with pytest.raises(ExporterAway):
        ask_owed(url, Interval(at(0), at(60)))


def settings_for(store: Engine, tmp_path: Path, url: str) -> Settings:
    database = store.url.render_as_string(hide_password=False)
    return Settings(state=tmp_path, database_url=database, config=ROOT / "config", file_loads_url=url)


def test_before_the_closing_what_would_be_owed_is_proposed_and_afterwards_what_is_owed_is_shown(
    store: Engine, exporter: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, url = exporter
    log_file(log, "CLARO", "ROBOS", "ENCOLADO", day="2026-10-04", received_at=at(-30).isoformat())
    settings, number = settings_for(store, tmp_path, url), restored(store)
    regularisation_commands.incident_command(settings, number, as_json=True)
    proposal = json.loads(capsys.readouterr().out)
    assert (proposal["proposed"], proposal["regularisations"][0]["file_type"]) == (True, "ROBOS")
    regularisation_commands.owed_command(settings, as_json=True)
    assert json.loads(capsys.readouterr().out) == []
    advance(store, number, Step(EventKind.CLOSED, at(70), CONFIRMED), SOFIA, at(500))
    Regulariser(store, POLICY, lambda outage: ask_owed(url, outage), lambda: at(500)).work()
    capsys.readouterr()  # the worker's log
    regularisation_commands.owed_command(settings, as_json=True)
    (owed,) = json.loads(capsys.readouterr().out)
    assert (owed["incident"], owed["operator"], owed["data_day"]) == (number, "CLARO", "2026-10-04")
    for as_json in (True, False):
        regularisation_commands.incident_command(settings, number, as_json=as_json)
    assert "- CLARO: ROBOS del 04/10/2026, hasta 07/10/2026 13:10:00" in capsys.readouterr().out


def test_what_is_owed_is_a_metric_with_its_earliest_deadline_and_zero_once_it_is_processed(
    store: Engine, store_url: str
) -> None:
    assert "renteseg_regularisations_open{" not in shown(store_url, 500)
    closed(store)
    regulariser(store, OwedLoad(ROBOS, None), OwedLoad(ALTAS, at(300))).work()
    page, line = shown(store_url, 500), 'operator="CLARO"'
    due = next(part for part in page.splitlines() if part.startswith("renteseg_regularisation_deadline")).split()[-1]
    assert f'renteseg_regularisations_open{{file_type="ROBOS",{line}}} 1.0' in page
    assert float(due) == (at(70) + timedelta(days=2)).timestamp()
    assert 'renteseg_regularisations_open{file_type="ALTAS",operator="ENTEL"} 0.0' in page
    regulariser(store, OwedLoad(ROBOS, at(600)), now=700).work()
    page = shown(store_url, 700)
    assert f'renteseg_regularisations_open{{file_type="ROBOS",{line}}} 0.0' in page
    assert "renteseg_regularisation_deadline_timestamp_seconds{" not in page


def test_the_announcement_names_each_pending_load_and_that_the_deadline_is_a_default() -> None:
    owed = [Regularisation(7, ROBOS, at(100), None), Regularisation(7, ALTAS, at(100), at(50))]
    draft = regularisation_announcement(7, owed, POLICY, at(0))
    assert "- CLARO: ROBOS del 04/10/2026, hasta 05/10/2026 13:40:00" in draft.text
    assert "ENTEL" not in draft.text
    assert "valor por defecto, no contractual" in draft.text
    assert "Ninguna: todas fueron procesadas." in regularisation_announcement(7, owed[1:], POLICY, at(0)).text
