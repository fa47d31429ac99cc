"""People's steps in the store: one wins, relapses join, the chain tells of every change."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from groundwork.problems import Refused
from incident_store.advance import Overtaken, Report, StepRefused, UnknownComponent, advance, register
from incident_store.database import open_store, reading, upgrade
from incident_store.domain.incidents import Event, Kind
from incident_store.domain.lifecycle import EventKind, Role, State
from incident_store.domain.policies import Responsible, Severity
from incident_store.domain.steps import Actor, Reason, Step
from incident_store.domain.subjects import Subjects
from incident_store.people import add_person
from incident_store.queries import IncidentRecord, list_incidents
from incident_store.store import record
from tests.builders import at, firing, resolved, shipped_policy
from tests.processes import run_renteseg

POLICY = shipped_policy()
ANA, SOFIA = Actor("ana", Role.ANALYST), Actor("sofia", Role.SUPERVISOR)
DIAGNOSIS = {"responsible": "B", "severity": "alta", "cause": "actualización fallida"}
NO_OUTAGE = {"unavailability": "none"}
ROAD = (
    (ANA, EventKind.ANALYSIS_BEGAN, 5, {}),
    (ANA, EventKind.DIAGNOSED, 10, DIAGNOSIS),
    (SOFIA, EventKind.VALIDATED, 12, {}),
    (SOFIA, EventKind.DISPATCHED, 15, {"to": "INETUM"}),
    (ANA, EventKind.RESPONSIBLE_ANSWERED, 20, {}),
    (ANA, EventKind.RESTORED, 60, {"tests": "consulta correcta"}),
)


@pytest.fixture
def store(store_url: str) -> Iterator[Engine]:
    upgrade(store_url)
    engine = open_store(store_url)
    yield engine
    engine.dispose()


def take(store: Engine, *notifications: object, now: float) -> None:
    record(store, notifications, [], POLICY, at(now))  # type: ignore[arg-type]


def walk(store: Engine, number: int, steps: tuple[tuple[Actor, EventKind, float, dict[str, str]], ...]) -> None:
    for actor, kind, minute, details in steps:
        advance(store, number, Step(kind, at(minute), details), actor, at(500))


def incidents(store: Engine, *, open_only: bool = False) -> list[IncidentRecord]:
    with reading(store).connect() as connection:
        return list_incidents(connection, open_only=open_only)


def restored(store: Engine) -> int:
    take(store, firing(0), now=1)
    take(store, resolved(0, 55), now=56)
    (one,) = incidents(store)
    walk(store, one.number, ROAD)
    return one.number


def test_a_restored_incident_is_reopened_by_a_relapse_within_three_hours(store: Engine) -> None:
    number = restored(store)
    take(store, firing(100), now=101)
    (one,) = incidents(store)
    assert (one.number, one.incident.state) == (number, State.REOPENED)
    assert one.incident.times[EventKind.REOPENED] == at(100)


def test_a_later_fault_is_a_new_incident_linked_to_the_one_before(store: Engine) -> None:
    number = restored(store)
    take(store, firing(60 + 181), now=250)
    new, old = incidents(store)
    assert (old.number, old.incident.state) == (number, State.RESTORED)
    recorded = next(event for event in new.events if event.kind is EventKind.RECORDED)
    assert recorded.details == {"previous": str(number)}


def test_an_alert_that_ended_before_the_restoration_belongs_to_it_and_reopens_nothing(store: Engine) -> None:
    number = restored(store)
    take(store, resolved(2, 40, fingerprint="late"), now=300)
    (one,) = incidents(store)
    assert (one.number, one.incident.state) == (number, State.RESTORED)


def test_an_alert_that_still_fires_contradicts_the_restoration(store: Engine) -> None:
    restored(store)
    take(store, firing(2, fingerprint="still"), now=300)
    (one,) = incidents(store)
    assert one.incident.state is State.REOPENED
    assert one.incident.times[EventKind.REOPENED] == at(60)


def test_a_closed_incident_leaves_the_open_list_and_takes_no_more_steps(store: Engine) -> None:
    number = restored(store)
    walk(store, number, ((SOFIA, EventKind.CLOSED, 70, NO_OUTAGE),))
    assert incidents(store, open_only=True) == []
    with pytest.raises(StepRefused) as refusal:
        walk(store, number, ((SOFIA, EventKind.CLOSED, 71, NO_OUTAGE),))
    assert refusal.value.reason is Reason.OUT_OF_ORDER


def test_two_supervisors_closing_at_once_one_wins_and_the_other_is_told_what_changed(store: Engine) -> None:
    number = restored(store)
    (one,) = incidents(store)
    seen = len(one.events)

    def close(actor: Actor) -> Event | Overtaken:
        try:
            return advance(store, number, Step(EventKind.CLOSED, at(70), NO_OUTAGE), actor, at(500), seen)
        except Overtaken as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(close, [SOFIA, Actor("luis", Role.SUPERVISOR)]))
    (won,) = [answer for answer in answers if isinstance(answer, Event)]
    (lost,) = [answer for answer in answers if isinstance(answer, Overtaken)]
    assert [event.author for event in lost.since] == [won.author]
    assert "closed" in str(lost)


def test_while_its_alert_is_active_an_incident_is_restored_only_with_a_reason(store: Engine) -> None:
    take(store, firing(0), now=1)
    (one,) = incidents(store)
    *road, (actor, kind, minute, tests) = ROAD
    walk(store, one.number, tuple(road))
    with pytest.raises(StepRefused, match="RentesegComponentDown") as refusal:
        walk(store, one.number, ((actor, kind, minute, tests),))
    assert refusal.value.reason is Reason.STILL_FIRING
    walk(store, one.number, ((actor, kind, minute, {**tests, "reason": "la alerta tarda en terminar"}),))


def test_a_step_on_an_incident_that_is_not_there_is_refused(store: Engine) -> None:
    with pytest.raises(Refused, match="no incident 7"):
        advance(store, 7, Step(EventKind.NOTED, at(0), {"text": "x"}), ANA, at(1))


def report(kind: Kind = Kind.INCIDENT, minute: float = 0) -> Report:
    return Report(
        kind, "portal-web", "consulta", "No abre", Severity.MEDIUM, Responsible.NOBODY, "telefono", at(minute)
    )


def test_what_is_reported_by_telephone_is_an_incident_that_the_alert_then_joins(store: Engine) -> None:
    number = register(store, report(), ANA, at(1))
    take(store, firing(2), now=3)
    (one,) = incidents(store)
    assert one.number == number
    assert one.incident.severity is Severity.HIGH
    assert one.incident.times[EventKind.DETECTED] == at(0)


def test_a_second_report_of_the_same_component_a_future_time_and_a_viewer_are_refused(store: Engine) -> None:
    register(store, report(), ANA, at(1))
    for wrong, actor in ((report(), ANA), (report(minute=9), ANA), (report(), Actor("eva", Role.VIEWER))):
        with pytest.raises(Refused):
            register(store, wrong, actor, at(1))


WATCHED = Subjects({"portal-web": "consulta", "api-imei": "bloqueo"}, frozenset({"CLARO", "CLARO/ROBOS"}))


@pytest.mark.parametrize(
    ("kind", "component", "given", "service"),
    [
        (Kind.INCIDENT, "portal-web", "", "consulta"),
        (Kind.INCIDENT, "portal-web", "bloqueo", "bloqueo"),
        (Kind.INCIDENT, "CLARO/ROBOS", "", ""),
        (Kind.INCIDENT, "CLARO", "", ""),
        (Kind.QUESTION, "api-imei", "", "bloqueo"),
        (Kind.QUESTION, "formato de las BAJAS", "", ""),
    ],
)
def test_what_is_registered_has_its_components_service_unless_another_is_said(
    store: Engine, kind: Kind, component: str, given: str, service: str
) -> None:
    register(store, replace(report(kind), component=component, service=given), ANA, at(1), WATCHED)
    assert incidents(store)[0].service == service


@pytest.mark.parametrize(
    ("component", "near"), [("Portal-Wev", ("portal-web",)), ("claro/robo", ("CLARO/ROBOS", "CLARO")), ("zzz", ())]
)
def test_an_incident_of_what_nobody_knows_is_refused_with_the_names_that_are_like_it(
    store: Engine, component: str, near: tuple[str, ...]
) -> None:
    with pytest.raises(UnknownComponent) as refused:
        register(store, replace(report(), component=component), ANA, at(1), WATCHED)
    assert (refused.value.reason, refused.value.near) == (Reason.UNKNOWN_COMPONENT, near)
    assert incidents(store) == []


def test_what_alerts_named_before_is_known_though_it_is_not_watched_here(store: Engine) -> None:
    register(store, report(), ANA, at(1))
    advance(store, 1, Step(EventKind.DISCARDED, at(2), {"reason": "prueba"}), SOFIA, at(2))
    assert register(store, report(minute=3), ANA, at(4), Subjects({"api-imei": "bloqueo"})) == 2


def test_a_consulta_about_a_component_stands_in_nobodys_way(store: Engine) -> None:
    number = register(store, report(Kind.QUESTION), ANA, at(1))
    advance(store, number, Step(EventKind.ANALYSIS_BEGAN, at(2), {}), ANA, at(3))
    take(store, firing(2), now=4)
    assert [one.kind for one in incidents(store)] == ["incidencia", "consulta"]


def test_the_same_steps_from_the_command_line(tmp_path: Path) -> None:
    environment = {"RENTESEG_STATE": str(tmp_path)}
    url = f"sqlite:///{tmp_path}/incidents.db"
    upgrade(url)
    engine = open_store(url)
    add_person(engine, "ana", Role.ANALYST, "una clave larga")
    add_person(engine, "sofia", Role.SUPERVISOR, "una clave larga")
    engine.dispose()

    def run(*words: str) -> tuple[int, str]:
        done = run_renteseg(*words, environment=environment)
        return done.returncode, (done.stdout + done.stderr).strip()

    code, words = run("incident", "register", "portal-wev", "No abre", "--by", "ana")
    assert (code, "the likest are portal-web" in words) == (1, True)
    assert run("incident", "register", "portal-web", "No abre", "--by", "ana") == (0, "1")
    assert "consulta" in run("incident", "show", "1")[1]
    assert run("incident", "record", "1", "analysis_began", "--by", "ana")[0] == 0
    assert run("incident", "record", "1", "analysis_began", "--by", "nadie")[0] == 1
    assert run("incident", "record", "1", "baile", "--by", "ana")[0] == 1
    code, words = run("incident", "record", "1", "diagnosed", "--by", "ana", "severity=media")
    assert (code, words) == (1, "diagnosed needs responsible, cause")
    given = ("responsible=B", "severity=media", "cause=actualización")
    assert run("incident", "record", "1", "diagnosed", "--by", "ana", *given)[0] == 0
    assert "supervisor" in run("incident", "record", "1", "validated", "--by", "ana")[1]
    assert run("incident", "record", "1", "validated", "--by", "sofia")[0] == 0
    code, words = run("audit", "verify")
    assert (code, words.split("\n")[0]) == (
        0,
        "8 events of 1 incidents, 0 maintenance windows, 0 files: every chain is whole",
    )
