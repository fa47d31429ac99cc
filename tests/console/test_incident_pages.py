"""Incidencias: the queue, one incident, and its forms, as analyst, supervisor and viewer use them."""

import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flask import Flask
from sqlalchemy import Engine, text

from incident_store.database import reading
from incident_store.domain.episodes import Notification
from incident_store.domain.lifecycle import EventKind, State
from incident_store.outbox import notices_of_incident
from incident_store.queries import find_incident
from incident_store.store import record
from tests.builders import PORTAL_DOWN, shipped_policy
from tests.console.browser import Browser, token

People = Callable[[str], Browser]
DIAGNOSIS = {"responsible": "B", "severity": "alta", "cause": "actualización fallida"}
SEEN = "6"
"""Events of an alert's incident when it is new."""
OTHER = {**DIAGNOSIS, "responsible": "C"}


def alert(engine: Engine, component: str = "portal-web", minutes: int = 5, **labels: str) -> int:
    began = datetime.now(UTC) - timedelta(minutes=minutes)
    named = {**PORTAL_DOWN, "component": component, **labels}
    notification = Notification(component[:20], began, None, named, {"summary": f"{component} no responde"})
    return record(engine, [notification], [], shipped_policy(), datetime.now(UTC)).incidents[0]


def kinds(engine: Engine, number: int) -> list[EventKind]:
    with reading(engine).connect() as connection:
        found = find_incident(connection, number)
    assert found is not None
    return [event.kind for event in found[0].events]


def state(engine: Engine, number: int) -> State:
    with reading(engine).connect() as connection:
        found = find_incident(connection, number)
    assert found is not None
    return found[0].incident.state


def offered(page: str) -> set[str]:
    return set(re.findall(r"/pasos/(\w+)", page))


def test_what_burns_first_is_on_top(browsing: People, peopled: Engine) -> None:
    alert(peopled, "calm", 10, severity="info")
    alert(peopled, "overdue-low", 60 * 24 * 9, severity="info")
    alert(peopled, "soon", 25)
    alert(peopled, "overdue-high", 300)
    page = browsing("ana").get("/incidencias").text
    places = [page.index(f"<bdi>{name}</bdi>") for name in ("overdue-high", "overdue-low", "soon", "calm")]
    assert places == sorted(places)


def test_filters_live_in_the_address_and_what_means_nothing_is_named(browsing: People, peopled: Engine) -> None:
    alert(peopled, "portal-web")
    alert(peopled, "api-imei", severity="warning", owner="oti")
    ana = browsing("ana")
    for query, found in {
        "criticidad=alta": "portal-web",
        "responsable=C": "api-imei",
        "texto=IMEI": "api-imei",
    }.items():
        page = ana.get(f"/incidencias?{query}").text
        assert [name for name in ("portal-web", "api-imei") if f"<bdi>{name}</bdi>" in page] == [found]
    assert "Ninguna incidencia coincide" in ana.get("/incidencias?texto=%25").text
    assert "estado=nada" in ana.get("/incidencias?estado=nada").text
    assert ana.get("/incidencias?ver=todas&antes=99999999999999999999&texto=%00").status_code == 200


def test_only_the_steps_that_the_role_may_take_now_are_offered(browsing: People, peopled: Engine) -> None:
    number = alert(peopled)
    pages = {name: browsing(name).get(f"/incidencias/{number}").text for name in ("ana", "sofia", "vera")}
    assert offered(pages["ana"]) == {"analysis_began", "correction_proposed", "noted", "exclusion_proposed"}
    assert offered(pages["sofia"]) == offered(pages["ana"]) | {"discarded"}
    assert offered(pages["vera"]) == set()
    assert "analistas y supervisores actúan" in pages["vera"]


def test_a_forbidden_step_is_refused_by_its_address_too(browsing: People, peopled: Engine) -> None:
    number = alert(peopled)
    seen = str(len(kinds(peopled, number)))
    assert browsing("vera").step(number, "noted", text="hola", seen=seen).status_code == 403
    assert browsing("ana").step(number, "discarded", reason="no era").status_code == 403
    assert browsing("ana").step(number, "detected").status_code == 404
    assert browsing("sofia").step(number, "closed", unavailability="none").status_code == 409
    assert EventKind.NOTED not in kinds(peopled, number)
    assert state(peopled, number) is State.DETECTED


def test_two_people_walk_an_incident_over_the_pages_and_each_step_says_what_it_sends(
    browsing: People, peopled: Engine
) -> None:
    number, ana, sofia = alert(peopled), browsing("ana"), browsing("sofia")
    assert ana.step(number, "analysis_began").status_code == 303
    assert ana.step(number, "diagnosed", **DIAGNOSIS).status_code == 303
    assert sofia.step(number, "validated").status_code == 303
    assert "Prepara un correo: ticket al proveedor" in sofia.get(f"/incidencias/{number}").text
    assert sofia.step(number, "dispatched", to="INETUM").status_code == 303
    assert "Se prepara: ticket al proveedor" in sofia.get(f"/incidencias/{number}").text
    assert ana.step(number, "responsible_answered", text="atendiendo").status_code == 303
    assert "una alerta" in ana.get(f"/incidencias/{number}").text
    early = ana.step(number, "restored", tests="consulta correcta")
    assert (early.status_code, "Las alertas dicen otra cosa" in early.text) == (409, True)
    why = "la alerta tarda en terminar"
    assert ana.step(number, "restored", tests="consulta correcta", reason=why).status_code == 303
    assert ana.step(number, "rca_asked").status_code == 303
    assert sofia.step(number, "closed", unavailability="confirmed").status_code == 409
    assert sofia.step(number, "closed", unavailability="confirmed", reason=why).status_code == 303
    assert sofia.step(number, "consolidated").status_code == 303
    assert state(peopled, number) is State.CONSOLIDATED
    with reading(peopled).connect() as connection:
        notices = [notice.kind.value for notice in notices_of_incident(connection, number)]
    assert notices == ["provider_ticket", "rca_request", "restoration"]


def test_four_eyes_are_seen_before_they_refuse(browsing: People, peopled: Engine) -> None:
    number, sofia = alert(peopled), browsing("sofia")
    sofia.step(number, "analysis_began")
    sofia.step(number, "diagnosed", **OTHER)
    page = sofia.get(f"/incidencias/{number}").text
    assert "otra persona debe validarlo" in page
    assert "otra persona debe validarlo" not in browsing("saul").get(f"/incidencias/{number}").text
    answer = sofia.step(number, "validated")
    assert (answer.status_code, "cuatro ojos" in answer.text) == (409, True)
    assert browsing("saul").step(number, "validated").status_code == 303


def test_what_is_missing_is_said_beside_its_field_and_what_was_typed_is_kept(browsing: People, peopled: Engine) -> None:
    number, ana = alert(peopled), browsing("ana")
    ana.step(number, "analysis_began")
    answer = ana.step(number, "diagnosed", responsible="C", severity="baja", cause="  ")
    assert answer.status_code == 422
    assert "Complete este campo." in answer.text
    assert re.search(r'<input checked[^>]*value="C"', answer.text)
    late = ana.step(number, "restored", tests="todo bien: 3 consultas", at="2026-01-01T10:00")
    assert late.status_code == 422
    assert "No puede ser anterior a: Detección" in late.text
    assert "todo bien: 3 consultas" in late.text
    assert "No es una fecha" in ana.step(number, "restored", tests="x", at="ayer").text
    assert "entre 2000 y 2099" in ana.step(number, "restored", tests="x", at="9999-12-31T23:59").text
    assert "caracteres de control" in ana.step(number, "noted", text="a\0b").text
    assert "Como máximo" in ana.step(number, "noted", text="x" * 10_001).text


def test_a_stale_form_is_refused_with_the_difference_and_keeps_what_was_typed(
    browsing: People, peopled: Engine
) -> None:
    number, ana, sofia = alert(peopled), browsing("ana"), browsing("sofia")
    seen = str(len(kinds(peopled, number)))
    sofia.step(number, "noted", text="ya hablé con el proveedor")
    answer = ana.step(number, "noted", text="llamo al proveedor", seen=seen)
    assert answer.status_code == 409
    assert "cambió mientras usted escribía" in answer.text
    assert "ya hablé con el proveedor" in answer.text
    assert ">\r\nllamo al proveedor</textarea>" in answer.text
    assert kinds(peopled, number).count(EventKind.NOTED) == 1
    assert f'name="seen" value="{int(seen) + 1}"' in answer.text


def test_a_stale_step_that_is_no_longer_possible_shows_what_was_typed(browsing: People, peopled: Engine) -> None:
    number, saul, sofia = alert(peopled), browsing("saul"), browsing("sofia")
    seen = str(len(kinds(peopled, number)))
    sofia.step(number, "analysis_began")
    sofia.step(number, "discarded", reason="prueba programada")
    answer = saul.step(number, "discarded", reason="era un simulacro", seen=seen)
    assert answer.status_code == 409
    assert "prueba programada" in answer.text
    assert "era un simulacro" in answer.text


def test_a_session_that_ends_in_the_middle_of_a_form_loses_nothing_typed(browsing: People, peopled: Engine) -> None:
    number, ana = alert(peopled), browsing("ana")
    page = ana.get(f"/incidencias/{number}").text
    ana.client.delete_cookie("renteseg")
    words = 'lo que vi "entre comillas" <b>y más</b>\nsegunda línea'
    fields = {"csrf_token": token(page), "seen": SEEN, "noted-text": words}
    login = ana.client.post(f"/incidencias/{number}/pasos/noted", data=fields)
    assert login.status_code == 401
    assert "lo que escribió se conserva" in login.text
    kept = {"kept.noted-text": words, "kept.seen": SEEN, "kept_target": f"/incidencias/{number}/pasos/noted"}
    for name in kept:
        assert f'name="{name}"' in login.text
    wrong = ana.client.post("/login", data={"name": "ana", "password": "x", "csrf_token": token(login.text), **kept})
    assert (wrong.status_code, "segunda línea" in wrong.text) == (401, True)
    resumed = ana.log_in(**kept)
    assert "Continúe donde estaba" in resumed.text
    assert "segunda línea</textarea>" in resumed.text
    assert EventKind.NOTED not in kinds(peopled, number)
    done = ana.client.post(kept["kept_target"], data={**fields, "csrf_token": token(resumed.text)})
    assert done.status_code == 303
    assert EventKind.NOTED in kinds(peopled, number)


def test_the_words_of_another_site_are_not_carried_over_a_login(browsing: People, peopled: Engine) -> None:
    number, ana = alert(peopled), browsing("ana")
    ana.client.delete_cookie("renteseg")
    address = f"/incidencias/{number}/pasos/noted"
    answer = ana.client.post(address, data={"noted-text": "ajeno"}, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 401
    assert "ajeno" not in answer.text


def test_a_form_with_the_token_of_another_session_is_shown_again_and_not_recorded(
    browsing: People, peopled: Engine
) -> None:
    number, ana = alert(peopled), browsing("ana")
    answer = ana.client.post(f"/incidencias/{number}/pasos/noted", data={"noted-text": "lo escrito", "seen": SEEN})
    assert answer.status_code == 400
    assert "lo escrito</textarea>" in answer.text
    assert EventKind.NOTED not in kinds(peopled, number)


def test_a_store_that_goes_away_keeps_what_was_typed(browsing: People, peopled: Engine) -> None:
    number, ana = alert(peopled), browsing("ana")
    page = ana.get(f"/incidencias/{number}").text
    with peopled.begin() as connection:
        connection.execute(text("ALTER TABLE users RENAME TO gone"))
    fields = {"csrf_token": token(page), "seen": SEEN, "noted-text": "lo escrito"}
    answer = ana.client.post(f"/incidencias/{number}/pasos/noted", data=fields)
    assert answer.status_code == 503
    assert 'value="lo escrito"' in answer.text
    assert 'http-equiv="refresh"' in ana.get("/incidencias").text
    with peopled.begin() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO users"))
    again = ana.client.post(f"/incidencias/{number}/pasos/noted", data={**fields, "csrf_token": token(answer.text)})
    assert again.status_code == 303


def test_a_file_is_attached_and_comes_back_as_it_was_and_a_program_is_refused_beside_its_field(
    browsing: People, peopled: Engine
) -> None:
    number, ana = alert(peopled), browsing("ana")
    page, address = f"/incidencias/{number}", f"/incidencias/{number}/archivos"
    large = b"hora nivel texto\n" * 120_000  # more than a form without files may have
    assert ana.send(page, address, purpose="log", file=(io.BytesIO(large), "sucesos.log")).status_code == 303
    back = ana.get(f"{address}/1")
    assert back.data == large
    assert back.headers["Content-Disposition"] == "attachment; filename=sucesos.log"
    refused = ana.send(page, address, purpose="log", file=(io.BytesIO(b"MZ\x90\0"), "a.exe"))
    assert (refused.status_code, "No se acepta" in refused.text) == (422, True)
    assert "Elija un archivo" in ana.send(page, address, purpose="log").text
    assert ana.get(f"{address}/2").status_code == 404
    assert browsing("vera").get(f"{address}/1").status_code == 200
    viewer = browsing("vera").client.post(address, data={"csrf_token": token(browsing("vera").get(page).text)})
    assert viewer.status_code in {403, 422}


def test_what_is_reported_by_telephone_is_registered_by_hand(browsing: People, peopled: Engine) -> None:
    ana, page = browsing("ana"), "/incidencias/nueva"
    words = {
        "channel": "telefono",
        "severity": "alta",
        "responsible": "B",
        "title": "No abre",
        "component": "portal-web",
    }
    empty = ana.send(page, page, kind="incidencia", **{**words, "title": ""})
    assert (empty.status_code, "Complete este campo." in empty.text) == (422, True)
    future = ana.send(page, page, kind="incidencia", detected_at="2090-01-01T00:00", **words)
    assert (future.status_code, "en el futuro" in future.text) == (422, True)
    first = ana.send(page, page, kind="incidencia", **words)
    assert first.headers["Location"] == "/incidencias/1"
    twice = ana.send(page, page, kind="incidencia", **words)
    assert (twice.status_code, 'href="/incidencias/1"' in twice.text) == (409, True)
    question = ana.send(page, page, kind="consulta", **words)
    assert question.headers["Location"] == "/incidencias/2"
    assert browsing("vera").send(page, page, kind="consulta", **words).status_code == 403


HOSTILE = {
    "script": "<script>alert(1)</script>",
    "attribute": '" onmouseover="alert(1)',
    "direction": "\u202etxt.exe\u2066",
    "long": "w" * 10_240,
    "entity": "&lt;img src=x&gt;",
}


def test_hostile_text_is_harmless_on_every_page(browsing: People, peopled: Engine) -> None:
    ana = browsing("ana")
    for name, words in HOSTILE.items():
        began = datetime.now(UTC)
        labels = {**PORTAL_DOWN, "component": f"{name} {words}"[:400], "service": words[:200]}
        annotations = {"summary": words, "description": words, "dashboard_url": "javascript:alert(1)"}
        number = record(
            peopled, [Notification(name, began, None, labels, annotations)], [], shipped_policy(), datetime.now(UTC)
        ).incidents[0]
        assert ana.step(number, "noted", text=words[:9000]).status_code == 303
        for page in ("/incidencias", f"/incidencias/{number}", f"/incidencias?ver=todas&texto={name}"):
            answer = ana.get(page)
            assert answer.status_code == 200
            assert "<script>alert" not in answer.text
            assert 'onmouseover="alert' not in answer.text
            assert "javascript:" not in answer.text
            assert " style=" not in answer.text
            assert "<style" not in answer.text


def test_no_page_needs_inline_code_and_the_policy_forbids_it(console: Flask, browsing: People, peopled: Engine) -> None:
    number = alert(peopled)
    for page in ("/incidencias", f"/incidencias/{number}", "/incidencias/nueva", "/login"):
        answer = browsing("sofia").get(page)
        assert "'unsafe" not in answer.headers["Content-Security-Policy"]
        assert not re.search(r"<script(?! src=)|\son[a-z]+=|\sstyle=", answer.text)
