"""Cargas, Mantenimientos, Bandeja and notices: rights, forms, and what they say when something is away."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import Engine

from console import load_words
from console.app import create_app
from console.moments import LIMA
from exporters.availability.probes.result import Reason
from exporters.file_loads import words
from incident_store.blobs import put_bytes
from incident_store.domain.notices import NoticeState
from incident_store.inbox import Message, MessageState, Nature, find_message, keep_message
from incident_store.outbox import Recipient, find_notice, notices_of_incident
from incident_store.outbox_work import Draft, keep_draft
from incident_store.words import FAILURES
from tests.builders import shipped_policy
from tests.console.browser import Browser
from tests.console.test_api_around import exporter, load_log
from tests.console.test_incident_pages import DIAGNOSIS, HOSTILE, alert
from tests.exporters.file_loads.load_logs import execute, log_file

People = Callable[[str], Browser]
__all__ = ["exporter", "load_log"]
WATCHED = [
    {"name": name, "kind": "http", "service": service, "owner": "provider"}
    for name, service in (("portal-web", "consulta"), ("api-imei", "bloqueo"), ("base-datos", "bloqueo"))
]


@pytest.fixture
def console(peopled: Engine) -> Flask:
    return create_app(peopled, shipped_policy(), "a key for this test", watched=lambda: WATCHED)


def local(hours: float) -> str:
    return (datetime.now(LIMA) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S")


def planned(person: Browser, hours: float = 2, **fields: str) -> int:
    words = {"service": "bloqueo", "reason": "parche", "starts": local(hours), "ends": local(hours + 2), **fields}
    answer = person.send("/mantenimientos/nuevo", "/mantenimientos/nuevo", **words)
    assert answer.status_code == 303, answer.text
    return int(answer.headers["Location"].rsplit("/", 1)[1])


def decide_on(person: Browser, number: int, kind: str, **fields: str) -> int:
    page = f"/mantenimientos/{number}"
    return person.send(page, f"{page}/pasos/{kind}", **fields).status_code


def test_a_window_is_planned_by_one_and_approved_by_another(browsing: People) -> None:
    sofia, saul = browsing("sofia"), browsing("saul")
    number = planned(sofia)
    assert "otra persona, supervisor, lo aprueba" in sofia.get(f"/mantenimientos/{number}").text
    assert decide_on(sofia, number, "approved") == 403
    assert decide_on(browsing("ana"), number, "approved") == 403
    assert decide_on(saul, number, "announced") == 422
    assert decide_on(saul, number, "approved") == 303
    assert "cuenta como mantenimiento" in saul.get(f"/mantenimientos/{number}").text
    assert decide_on(saul, number, "shortened", until=local(9)) == 422
    assert decide_on(saul, number, "shortened", until=local(3)) == 303
    assert decide_on(saul, number, "cancelled") == 422
    assert decide_on(saul, number, "cancelled", reason="se posterga") == 303
    assert "Cancelado" in saul.get("/mantenimientos").text
    assert decide_on(saul, number, "planned") == 404


def test_an_incident_of_an_unknown_component_is_refused_beside_its_field_with_the_names_like_it(
    browsing: People,
) -> None:
    ana, page = browsing("ana"), "/incidencias/nueva"
    words = {"kind": "incidencia", "channel": "telefono", "severity": "alta", "responsible": "B", "title": "No abre"}
    refused = ana.send(page, page, component="portal-wep", **words)
    assert (refused.status_code, "¿Quiso decir portal-web" in refused.text) == (422, True)
    turned = ana.send(page, page, component="portal-web", **{**words, "title": "No \u202eabre"})
    assert (turned.status_code, "caracteres de control o de dirección" in turned.text) == (422, True)
    assert ana.send(page, page, component="portal-web", **words).status_code == 303
    assert 'href="/incidencias/1"' in ana.get("/incidencias?texto=consulta").text


def test_a_plan_that_cannot_be_is_refused_in_words_and_keeps_what_was_typed(browsing: People) -> None:
    ana, page = browsing("ana"), "/mantenimientos/nuevo"
    words = {"service": "bloqueo", "reason": "cambio del balanceador", "starts": local(4), "ends": local(2)}
    backwards = ana.send(page, page, **words)
    assert (backwards.status_code, "terminar después de empezar" in backwards.text) == (422, True)
    assert "cambio del balanceador</textarea>" in backwards.text
    late = ana.send(page, page, **{**words, "starts": local(-1)})
    assert (late.status_code, "por qué se registra" in late.text) == (422, True)
    nothing = ana.send(page, page, **{**words, "service": "", "ends": local(6)})
    assert (nothing.status_code, "Elija componentes" in nothing.text) == (422, True)
    viewer = browsing("vera").send(page, page, **{**words, "ends": local(6)})
    assert viewer.status_code == 403


def test_the_day_of_loads_is_shown_with_its_reasons(peopled: Engine, exporter: str, load_log: str) -> None:
    log_file(load_log, "CLARO", "ROBOS", "RECHAZADO", reason="F05", received_at="2026-10-06T10:00:00+00:00")
    ana = Browser(create_app(peopled, shipped_policy(), "a key", file_loads_url=exporter), "ana")
    page = ana.get("/cargas?dia=2026-10-05").text
    assert "Cargas del 05/10/2026" in page
    assert page.count("<bdi>F05</bdi> suma de verificación") == 2  # in its cell and among what is wrong
    assert "06/10/2026 05:00:00" in page
    assert ana.get("/cargas?dia=ayer").status_code == 422
    assert ana.get("/cargas?dia=9999-12-31").status_code == 422
    execute(load_log, "ALTER TABLE carga_archivo RENAME TO otra")
    away = ana.get("/cargas")
    assert (away.status_code, "el estado del día no se conoce" in away.text) == (503, True)


def test_console_and_exporter_call_things_the_same() -> None:
    assert {state: word for state, (word, _) in load_words.STATES.items()} == dict(words.STATES)
    assert load_words.REASONS == {**words.FILE_REASONS, **words.ROW_REASONS, **words.FINDINGS}
    assert load_words.KINDS == words.KINDS


def drafted(people: People, engine: Engine) -> int:
    """A ticket to the provider that waits for a supervisor."""
    number, ana, sofia = alert(engine), people("ana"), people("sofia")
    ana.step(number, "analysis_began")
    ana.step(number, "diagnosed", **DIAGNOSIS)
    sofia.step(number, "validated")
    sofia.step(number, "dispatched", to="INETUM")
    with engine.begin() as connection:
        (notice,) = notices_of_incident(connection, number)
        to = Recipient("mesa@inetum.example", "Mesa de ayuda", "INETUM")
        draft = Draft("Ticket", "Estimados: el portal no responde.", [to])
        keep_draft(connection, notice, draft, "<a@b>", datetime.now(UTC), approved=False)
    return notice.number


def test_a_draft_is_edited_by_the_analyst_and_sent_by_the_supervisor_who_sees_to_whom(
    browsing: People, peopled: Engine
) -> None:
    number, ana, sofia = drafted(browsing, peopled), browsing("ana"), browsing("sofia")
    page = f"/avisos/{number}"
    assert "mesa@inetum.example" in ana.get(page).text
    stale = {"seen": "1", "subject": "Ticket", "text": "lo que escribí"}
    answer = ana.send(page, f"{page}/edit", **stale)
    assert (answer.status_code, "lo que escribí</textarea>" in answer.text) == (409, True)
    assert ana.send(page, f"{page}/edit", subject="Ticket urgente", text="Sigue caído.").status_code == 303
    assert "Complete este campo" in ana.send(page, f"{page}/edit", subject="", text="x").text
    assert ana.send(page, f"{page}/approve").status_code == 403
    assert browsing("vera").send(page, f"{page}/dismiss", reason="no").status_code == 403
    assert sofia.send(page, f"{page}/dismiss", reason=" ").status_code == 422
    assert sofia.send(page, f"{page}/approve").status_code == 303
    with peopled.connect() as connection:
        notice = find_notice(connection, number)
    assert (notice.state, notice.subject, notice.approved_by) == (NoticeState.APPROVED, "Ticket urgente", "sofia")
    assert ana.get("/avisos/999").status_code == 404


def letter(engine: Engine, **fields: object) -> int:
    """A mail that waits in the Bandeja."""
    now = datetime.now(UTC)
    with engine.begin() as connection:
        blob = put_bytes(connection, b"From: a@claro.example\r\n\r\nhola\r\n", now)
        message = Message(
            identity=str(fields),
            message_id="<1@claro.example>",
            original=blob.sha256,
            size=blob.size,
            received_at=now,
            written_at=now,
            sender_address="noc@claro.example",
            sender_name="NOC Claro",
            party="CLARO",
            party_kind="operator",
            subject="No podemos enviar robos",
            text="El portal no acepta el archivo.",
            thread=(),
            attachments=(),
            remarks=(),
            nature=Nature.REPORT,
            state=MessageState.WAITING,
            incident=None,
            proposal={"kind": "incidencia", "component": "portal-web", "severity": "alta"},
        )
        return keep_message(connection, replace(message, **fields), now)  # type: ignore[arg-type]


def test_a_report_that_came_by_mail_becomes_an_incident_or_part_of_one(browsing: People, peopled: Engine) -> None:
    first, second, ana = letter(peopled), letter(peopled, subject="lo mismo"), browsing("ana")
    page = ana.get(f"/bandeja/{first}").text
    assert 'value="portal-web"' in page
    words = {"verdict": "incidencia", "title": "No aceptan robos", "component": "portal-web", "severity": "alta"}
    empty = ana.send(f"/bandeja/{first}", f"/bandeja/{first}", **{**words, "title": ""})
    assert (empty.status_code, "Complete este campo." in empty.text) == (422, True)
    assert browsing("vera").send(f"/bandeja/{first}", f"/bandeja/{first}", **words).status_code == 403
    assert ana.send(f"/bandeja/{first}", f"/bandeja/{first}", **words).headers["Location"] == "/incidencias/1"
    twice = ana.send(f"/bandeja/{second}", f"/bandeja/{second}", **words)
    assert (twice.status_code, "La incidencia 1 ya se ocupa" in twice.text) == (409, True)
    lost = ana.send(f"/bandeja/{second}", f"/bandeja/{second}", verdict="parte", severity="alta", incident="77")
    assert "No hay incidencia con ese número" in lost.text
    part = ana.send(f"/bandeja/{second}", f"/bandeja/{second}", verdict="parte", severity="alta", incident="1")
    assert part.status_code == 303
    again = ana.send(f"/bandeja/{second}", f"/bandeja/{second}", verdict="nada", severity="alta")
    assert (again.status_code, "Alguien decidió antes" in again.text) == (409, True)
    with peopled.connect() as connection:
        assert find_message(connection, second).incident == 1
    assert ana.get(f"/bandeja/{first}/archivos/0").data.startswith(b"From: a@claro.example")
    assert ana.get(f"/bandeja/{first}/archivos/1").status_code == 404


def test_a_hostile_mail_is_text(browsing: People, peopled: Engine) -> None:
    ana = browsing("ana")
    for name, words_ in HOSTILE.items():
        number = letter(peopled, subject=words_, text=words_, sender_name=words_, identity=name)
        for page in ("/bandeja", f"/bandeja/{number}"):
            answer = ana.get(page)
            assert answer.status_code == 200
            assert "<script>alert" not in answer.text
            assert 'onmouseover="alert' not in answer.text
    assert {reason.value for reason in Reason} == set(FAILURES)
