"""Drafts from the facts: complete, in Lima's time, with their reasons and defaults said, and nobody's data in clear."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from groundwork.problems import Refused
from incident_store.advance import advance
from incident_store.announcements import Announcement
from incident_store.database import open_store, upgrade
from incident_store.domain.attribution import Condition
from incident_store.domain.episodes import EndedBy, Episode
from incident_store.domain.incidents import MONITORING, Event
from incident_store.domain.lifecycle import EventKind, Role
from incident_store.domain.policies import Responsible
from incident_store.domain.steps import Actor, Step
from incident_store.drafts import DRAFTS, Case, DraftKind
from incident_store.people import add_person
from incident_store.queries import IncidentRecord
from incident_store.snapshots import ComponentSeen, Failure, Lack, Missing, Rule, RuleValue, Snapshot, StateStretch
from incident_store.store import record
from incident_store.words import ANSWERS
from tests.builders import PORTAL_DOWN, at, firing, shipped_policy
from tests.processes import run_renteseg

POLICY = shipped_policy()
IMEI, LINE, DNI = "001010100000014", "987654321", "45678912"


def event(kind: EventKind, minute: float, author: str = "ana", **details: str) -> Event:
    return Event(kind, at(minute), at(minute), author, details)


def snapshot() -> Snapshot:
    seen = ComponentSeen(component="enlace", service="enlaces", owner="oti", link="enlace", state=Condition.DOWN)
    value = RuleValue(labels={"component": "portal-web"}, value=0)
    return Snapshot(
        incident=7,
        component="portal-web",
        moment=at(0),
        taken_at=at(1),
        states=(StateStretch(start=at(-5), end=at(0), state="down"),),
        failures=(Failure(reason="timeout_connect", times=30),),
        around=(seen,),
        loads=(),
        rules=(Rule(name="Cae", group="g", expression="up == 0", for_seconds=20, values=(value,)),),
        missing=(Missing(part="latency", why=Lack.NO_SAMPLES),),
    )


OPENING = (
    event(EventKind.FAULT_BEGAN, -1, MONITORING),
    event(EventKind.DETECTED, 0, MONITORING),
    event(EventKind.RECORDED, 0, MONITORING),
    event(EventKind.SEVERITY_SET, 0, MONITORING, severity="alta"),
    event(EventKind.SUSPECTED, 1, MONITORING, responsible="C", link_down="enlace", snapshot="0" * 64),
)
RESTORED = (
    event(EventKind.ANALYSIS_BEGAN, 2),
    event(EventKind.DIAGNOSED, 3, responsible="B", severity="alta", cause=f"disco lleno; lo avisó el {LINE}"),
    event(EventKind.VALIDATED, 4, "sofia", responsible="B", severity="alta"),
    event(EventKind.DISPATCHED, 5, "sofia", to="INETUM"),
    event(EventKind.NOTED, 6, text=f"prueba con IMEI {IMEI}\nde DNI {DNI}"),
    event(EventKind.RESTORED, 60, tests="consulta correcta"),
)


def case(*more: Event, title: str = "portal-web no responde") -> Case:
    record_ = IncidentRecord(7, "portal-web", "consulta", "incidencia", title, (*OPENING, *more))
    episode = Episode(
        "f1", at(0), at(55), EndedBy.RESOLVED, PORTAL_DOWN, {"summary": f"portal-web no responde a {IMEI}"}
    )
    return Case(record_, [episode], [snapshot()])


def drafted(kind: DraftKind, of: Case, minute: float = 100) -> Announcement:
    return DRAFTS[kind](of, POLICY, at(minute))


def test_the_preliminary_report_says_what_activity_4_asks_for() -> None:
    text = drafted(DraftKind.PRELIMINARY, case(*RESTORED)).text
    for line in (
        "INFORME PRELIMINAR DE INCIDENCIA N° 7",
        "Componente: portal-web",
        "Inicio de la falla: 05/10/2026 11:59:00",
        "Detección: 05/10/2026 12:00:00",
        "Duración: 1 h 01 min 00 s",
        "- RentesegComponentDown: de 05/10/2026 12:00:00 a 05/10/2026 12:55:00.",
        "- Caído de 05/10/2026 11:55:00 a 05/10/2026 12:00:00",
        "- Motivos de falla en los 30 minutos previos: no aceptó la conexión a tiempo (timeout_connect): 30",
        "- Caído en ese minuto: enlace",
        "- Archivos sin procesar en ese minuto: ninguno",
        "- Regla Cae: up == 0; valor: 0",
        "- No se pudo obtener los tiempos de respuesta: Prometheus no tiene muestras de ese momento",
        "5. RESPONSABLE VALIDADO: B proveedor",
        "- El enlace enlace no respondía en ese minuto.",
        "- Diagnóstico de ana: B proveedor. disco lleno",
        "05/10/2026 13:00:00, ana: consulta correcta",
    ):
        assert line in text, text
    assert "7. PROPUESTA DE RESPUESTA\nEl servicio quedó restablecido el 05/10/2026 13:00:00. Falta" in text
    assert "Esos estados se miran cada 15 s: un cambio pudo ocurrir hasta 15 s antes" in text


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ([event(EventKind.CLOSED, 70, "sofia")], "La atención está cerrada: no queda"),
        ([event(EventKind.CLOSED, 70), event(EventKind.CONSOLIDATED, 80)], "La atención está cerrada y consolidada"),
    ],
)
def test_a_report_of_a_closed_incident_proposes_no_answer_as_if_it_were_open(ending: list[Event], said: str) -> None:
    text = drafted(DraftKind.PRELIMINARY, case(*RESTORED, *ending)).text
    assert said in text
    assert ANSWERS[Responsible.PROVIDER] not in text
    assert "(continúa)" not in text
    reopened = event(EventKind.REOPENED, 75, MONITORING)
    if len(ending) == 1:
        again = drafted(DraftKind.PRELIMINARY, case(*RESTORED, *ending, reopened)).text
        assert ANSWERS[Responsible.PROVIDER] in again
        assert "(continúa)" in again


def test_what_was_discarded_or_asked_and_closed_does_not_go_on() -> None:
    discarded = drafted(DraftKind.PRELIMINARY, case(event(EventKind.DISCARDED, 20, "sofia", reason="prueba"))).text
    assert "Duración: ninguna, el registro fue descartado" in discarded
    assert "El registro fue descartado: no queda respuesta por proponer." in discarded
    events = (*OPENING[1:], *RESTORED[:3], event(EventKind.CLOSED, 50, "sofia"))
    asked = replace(case(), record=IncidentRecord(7, "portal-web", "", "consulta", "¿Formato?", events), snapshots=[])
    assert "Duración: 50 min 00 s" in drafted(DraftKind.PRELIMINARY, asked).text


def test_an_incident_just_opened_has_a_report_too_and_proposes_by_suspicion() -> None:
    text = drafted(DraftKind.PRELIMINARY, case(), minute=10).text
    assert "5. RESPONSABLE SOSPECHADO: C OTI" in text
    assert "(continúa)" in text
    assert ANSWERS[Responsible.OTI] in text
    assert "Ninguna registrada: complete lo revisado" in text


def test_a_consulta_has_a_report_too_and_lasts_from_its_arrival() -> None:
    asked = replace(
        case(), record=IncidentRecord(7, "portal-web", "", "consulta", "¿Formato?", OPENING[1:]), snapshots=[]
    )
    assert "Duración hasta ahora: 1 h 40 min 00 s" in drafted(DraftKind.PRELIMINARY, asked).text


def test_a_target_that_no_contract_gives_is_called_a_default() -> None:
    text = drafted(DraftKind.PRELIMINARY, case(*RESTORED)).text
    clocks = re.findall(r"- (Respuesta|Solución|Informe técnico).*", text)
    assert len(clocks) == 3
    assert text.count("valor por defecto, no contractual") == 3


def test_the_request_of_the_rca_says_what_until_when_and_what_it_must_contain() -> None:
    draft = drafted(DraftKind.RCA_REQUEST, case(*RESTORED))
    assert draft.subject == "RENTESEG: solicitud de informe técnico (RCA), incidencia N° 7"
    for line in (
        "Señores INETUM:",
        "Restablecimiento confirmado: 05/10/2026 13:00:00",
        "Duración: 1 h 01 min 00 s",
        "Plazo de entrega: 13/10/2026 13:00:00 (valor por defecto, no contractual)",
        "2. Causa raíz",
    ):
        assert line in draft.text, draft.text


def test_before_the_restoration_the_deadline_is_said_as_a_span() -> None:
    text = drafted(DraftKind.RCA_REQUEST, case(*RESTORED[:-1])).text
    assert "Plazo de entrega: 45 h 00 min 00 s del calendario acordado, desde el restablecimiento" in text
    assert "(valor por defecto, no contractual)" in text


def test_an_rca_is_asked_of_the_provider_alone() -> None:
    with pytest.raises(Refused, match="incident 7 is held against C: an RCA is asked of the provider"):
        drafted(DraftKind.RCA_REQUEST, case())


@pytest.mark.parametrize("kind", DraftKind)
def test_no_personal_data_leaves_in_a_draft(kind: DraftKind) -> None:
    draft = drafted(kind, case(*RESTORED, title=f"equipo {IMEI} de {LINE}"))
    for number in (IMEI, LINE, DNI):
        assert number not in draft.text + draft.subject
    assert "[dato oculto …14]" in draft.text


@pytest.mark.parametrize("kind", DraftKind)
def test_hostile_text_stays_text_on_its_line(kind: DraftKind) -> None:
    hostile = "x\r\nBcc: todos@example\x1b[2J {{ 7 * 7 }} {% for %} <script>"
    given = case(*RESTORED)
    given = replace(given, record=replace(given.record, title=hostile, component=hostile, service=hostile))
    draft = drafted(kind, given)
    assert not re.search(r"^Bcc:", draft.text, re.MULTILINE)
    assert "\x1b" not in draft.text
    assert "{{ 7 * 7 }}" in draft.text
    assert "\n" not in draft.subject


def test_the_same_case_at_the_same_time_gives_the_same_text() -> None:
    assert drafted(DraftKind.PRELIMINARY, case()) == drafted(DraftKind.PRELIMINARY, case())


def test_the_command_line_drafts_both(store_url: str, tmp_path: Path) -> None:
    upgrade(store_url)
    engine = open_store(store_url)
    record(engine, [firing(0)], [], POLICY, at(1))
    add_person(engine, "ana", Role.ANALYST, "correct horse battery")
    advance(engine, 1, Step(EventKind.NOTED, at(2), {"text": f"IMEI {IMEI}"}), Actor("ana", Role.ANALYST), at(3))
    engine.dispose()
    environment = {"RENTESEG_STATE": str(tmp_path), "RENTESEG_DATABASE_URL": store_url}
    done = run_renteseg("incident", "draft", "1", "preliminary", environment=environment)
    assert (done.returncode, IMEI in done.stdout) == (0, False), done.stderr
    assert "INFORME PRELIMINAR" in done.stdout
    asked = run_renteseg("incident", "draft", "1", "rca-request", "--json", environment=environment)
    assert '"subject"' in asked.stdout, asked.stderr
    for wrong in (("1", "poem"), ("9", "preliminary")):
        done = run_renteseg("incident", "draft", *wrong, environment=environment)
        assert (done.returncode, len(done.stderr.strip().split("\n"))) == (1, 1)
