"""Administración: people, tokens, configuration, quarantine and audits, each only for whose duty it is."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine

from alertmanager_webhook.payload import read_delivery
from alertmanager_webhook.quarantine import replay
from console.app import create_app
from console.audit_run import AuditRun
from console.configuration_loaded import LoadedConfiguration
from incident_store.access import newest_access
from incident_store.database import reading
from incident_store.domain.lifecycle import Role
from incident_store.people import LastAdministrator, add_person, disable, find_person, set_role
from incident_store.quarantine import Rejected
from incident_store.store import record
from tests.builders import ROOT, alert, alert_body, at, firing, shipped_policy, tamper
from tests.console.browser import Browser, token
from tests.console.conftest import PASSWORD
from tests.processes import wait_for

NEW = "otra clave larga"
BROKEN = b'{"alerts": [<script>alert(1)</script>]}'


@pytest.fixture
def console(peopled: Engine) -> Flask:
    """The console with all that it is handed when it runs."""
    configuration = LoadedConfiguration(ROOT / "config")
    watched = [{"name": "portal-web", "kind": "http", "service": "consulta", "owner": "provider"}]
    return create_app(
        peopled,
        shipped_policy(),
        "a key for this test",
        watched=lambda: watched,
        replay=replay,
        configuration=configuration,
    )


def accesses(store: Engine, person: str = "") -> list[tuple[str, str, str]]:
    with reading(store).connect() as connection:
        return [(one.kind.value, one.person, one.author) for one in newest_access(connection, person=person)]


def logs_in(console: Flask, name: str, password: str) -> bool:
    client = console.test_client()
    fields = {"name": name, "password": password, "csrf_token": token(client.get("/login").text)}
    return client.post("/login", data=fields).status_code == 302


def test_each_part_is_open_to_whose_duty_it_is_and_to_nobody_else(browsing: Callable[[str], Any]) -> None:
    parts = ("personas", "claves", "configuracion", "cuarentena", "auditoria", "accesos")
    opened = {
        name: [part for part in parts if browsing(name).get(f"/administracion/{part}").status_code == 200]
        for name in ("ana", "vera", "sofia", "raul")
    }
    overseen = ["configuracion", "cuarentena", "auditoria", "accesos"]
    assert opened == {"ana": [], "vera": [], "sofia": overseen, "raul": list(parts)}
    refused = browsing("ana").get("/administracion/personas")
    assert (refused.status_code, "Su rol no puede hacer esto" in refused.text) == (403, True)


def test_a_person_is_added_and_logs_in(console: Flask, browsing: Callable[[str], Any], peopled: Engine) -> None:
    page, raul = "/administracion/personas", browsing("raul")
    wrong = raul.send(page, page, name="<b>luis</b>", role="analyst", password="corta", password_again="otra")
    assert wrong.status_code == 422
    for words in ("Letras, cifras", "12 caracteres o más", "No coincide", 'value="&lt;b&gt;luis&lt;/b&gt;"'):
        assert words in wrong.text
    assert "corta" not in wrong.text
    added = raul.send(page, page, name="luis", role="analyst", password=NEW, password_again=NEW)
    assert added.status_code == 303
    assert raul.send(page, page, name="luis", role="viewer", password=NEW, password_again=NEW).status_code == 409
    assert logs_in(console, "luis", NEW)
    assert ("person_added", "luis", "raul") in accesses(peopled)


def test_a_person_without_a_password_cannot_log_in_with_one(
    console: Flask, browsing: Callable[[str], Any], peopled: Engine
) -> None:
    page = "/administracion/personas"
    assert browsing("raul").send(page, page, name="eva", role="viewer").status_code == 303
    assert find_person(peopled, "eva") is not None
    assert not logs_in(console, "eva", "")
    assert not logs_in(console, "eva", PASSWORD)


def test_disabling_ends_sessions_and_tokens_at_once_and_enabling_lets_in_again(
    console: Flask, browsing: Callable[[str], Any], api: Callable[[str], Any]
) -> None:
    ana, raul, page = browsing("ana"), browsing("raul"), "/administracion/persona?name=ana"
    assert ana.get("/incidencias").status_code == 200
    assert raul.send(page, "/administracion/persona/inhabilitar", name="ana").status_code == 303
    assert "/login" in ana.get("/incidencias").headers["Location"]
    assert api("ana").get("/incidents").status_code == 401
    assert not logs_in(console, "ana", PASSWORD)
    raul.send(page, "/administracion/persona/habilitar", name="ana")
    assert logs_in(console, "ana", PASSWORD)


def test_another_role_holds_from_the_next_page_on(browsing: Callable[[str], Any]) -> None:
    ana, page = browsing("ana"), "/administracion/persona?name=ana"
    assert ana.get("/administracion/auditoria").status_code == 403
    browsing("raul").send(page, "/administracion/persona/rol", name="ana", role="supervisor")
    assert ana.get("/administracion/auditoria").status_code == 200


def test_a_new_password_ends_the_other_sessions(console: Flask, browsing: Callable[[str], Any]) -> None:
    here, elsewhere = browsing("ana"), Browser(console, "ana")
    fields = {"password": NEW, "password_again": NEW}
    wrong = here.send("/cuenta", "/cuenta/clave", password_now="no es", **fields)
    assert (wrong.status_code, "No es su contraseña actual" in wrong.text) == (403, True)
    assert here.send("/cuenta", "/cuenta/clave", password_now=PASSWORD, **fields).status_code == 303
    assert here.get("/cuenta").status_code == 200
    assert "/login" in elsewhere.get("/cuenta").headers["Location"]
    assert logs_in(console, "ana", NEW)


def test_nobody_changes_their_own_role_and_the_last_administrator_stays(
    browsing: Callable[[str], Any], peopled: Engine
) -> None:
    page = "/administracion/persona?name=raul"
    own = browsing("raul").send("/cuenta", "/administracion/persona/inhabilitar", name="raul")
    assert (own.status_code, "otra persona que administre" in own.text) == (403, True)
    assert "otra persona que administre" in browsing("raul").get(page).text
    with pytest.raises(LastAdministrator):
        disable(peopled, "raul", "terminal", at(0))
    with pytest.raises(LastAdministrator):
        set_role(peopled, "raul", Role.VIEWER, "terminal", at(0))
    add_person(peopled, "rita", Role.ADMIN, NEW)
    disable(peopled, "raul", "rita", at(0))
    assert find_person(peopled, "raul") is None


def test_a_token_is_shown_once_works_and_is_revoked(
    console: Flask, browsing: Callable[[str], Any], peopled: Engine
) -> None:
    ana = browsing("ana")
    wrong = ana.send("/cuenta", "/cuenta/claves", name="informe", days="900")
    assert (wrong.status_code, "De 1 a 366 días" in wrong.text, 'value="informe"' in wrong.text) == (422, True, True)
    made = ana.send("/cuenta", "/cuenta/claves", name="informe", days="30")
    text = re.search(r"renteseg_[\w-]{43}", made.text)
    assert text is not None
    assert made.headers["Cache-Control"] == "no-store"
    assert text[0] not in ana.get("/cuenta").text
    asked = {"headers": {"Authorization": f"Bearer {text[0]}"}}
    assert console.test_client().get("/api/v1/incidents", **asked).status_code == 200
    revoked = browsing("raul").send(
        "/administracion/claves", "/administracion/claves/revocar", person="ana", token="informe"
    )
    assert revoked.status_code == 303
    assert console.test_client().get("/api/v1/incidents", **asked).status_code == 401
    assert {("token_added", "ana", "ana"), ("token_revoked", "ana", "raul")} <= set(accesses(peopled))


def test_one_revokes_ones_own_tokens_and_nobody_elses(browsing: Callable[[str], Any], api: Any) -> None:
    vera = browsing("vera")
    assert api("sofia").get("/incidents").status_code == 200
    vera.send("/cuenta", "/cuenta/claves/revocar", person="sofia", token="pruebas")
    assert api("sofia").get("/incidents").status_code == 200
    assert api("vera").get("/incidents").status_code == 401


def test_logins_are_on_record_whether_they_succeed_or_not(
    console: Flask, browsing: Callable[[str], Any], peopled: Engine
) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    logs_in(console, hostile, "una clave cualquiera")
    logs_in(console, "ana\0", "una clave cualquiera")
    ana = browsing("ana")
    ana.send("/cuenta", "/logout")
    kinds = [kind for kind, _, _ in accesses(peopled)]
    assert kinds[:4] == ["logged_out", "logged_in", "login_refused", "login_refused"]
    page = browsing("sofia").get("/administracion/accesos").text
    assert "&lt;img src=x" in page
    assert hostile not in page
    assert "ingreso rechazado" in page
    only = browsing("sofia").get("/administracion/accesos?persona=ana").text
    assert "salió" in only
    assert "&lt;img" not in only


def test_what_waits_in_quarantine_is_looked_at_replayed_and_dismissed(
    browsing: Callable[[str], Any], peopled: Engine
) -> None:
    good = alert_body(alert())
    rejected = [Rejected("not-json", "is not JSON: <b>x</b>", BROKEN), Rejected("not-a-delivery", "too new", good)]
    record(peopled, [], rejected, shipped_policy(), at(0))
    sofia = browsing("sofia")
    listed = sofia.get("/administracion/cuarentena").text
    assert "No es JSON" in listed
    assert "<b>x</b>" not in listed
    shown = sofia.get("/administracion/cuarentena/1").text
    assert "&lt;script&gt;alert(1)" in shown
    refused = sofia.send("/administracion/cuarentena/1", "/administracion/cuarentena/1/reprocesar")
    assert (refused.status_code, "Todavía no se entiende" in refused.text) == (422, True)
    assert read_delivery(good).notifications
    assert sofia.send("/administracion/cuarentena/2", "/administracion/cuarentena/2/reprocesar").status_code == 303
    assert sofia.get("/incidencias/1").status_code == 200
    assert sofia.send("/administracion/cuarentena/1", "/administracion/cuarentena/1/descartar").status_code == 303
    assert "La cuarentena está vacía" in sofia.get("/administracion/cuarentena").text
    assert sofia.get("/administracion/cuarentena/99").status_code == 404
    assert accesses(peopled, "sofia")[:2] == [("dismissed", "sofia", "sofia"), ("replayed", "sofia", "sofia")]


def audited(browser: Browser) -> str:
    assert browser.send("/administracion/auditoria", "/administracion/auditoria").status_code == 303
    page = "/administracion/auditoria/vivo"
    wait_for(lambda: "terminó" in browser.get(page).text, 30, "the audit ends")
    return browser.get(page).text


def test_an_audit_names_the_first_broken_link(browsing: Callable[[str], Any], peopled: Engine) -> None:
    record(peopled, [firing(0)], [], shipped_policy(), at(1))
    sofia = browsing("sofia")
    assert "Desde que este proceso empezó nadie ha verificado" in sofia.get("/administracion/auditoria").text
    assert "Todas las cadenas están completas" in audited(sofia)
    tamper(peopled, "UPDATE events SET author = 'otra persona' WHERE sequence = 2")
    broken = audited(sofia)
    assert "La cadena está rota" in broken
    assert "incidencia 1, hecho 2" in broken
    assert "was changed after it was written" in broken


def test_an_audit_that_takes_too_long_gives_up_and_one_runs_at_a_time(peopled: Engine) -> None:
    record(peopled, [firing(0)], [], shipped_policy(), at(1))
    run = AuditRun(peopled, longest=timedelta())
    with run._busy:
        assert not run.begin("sofia")
    assert run.begin("sofia")
    wait_for(lambda: run.standing.ended_at, 10, "the audit gives up")
    assert "No terminó" in str(run.standing.trouble)
    assert run.standing.found is None


def test_the_configuration_is_shown_as_it_was_loaded_and_what_changed_since(peopled: Engine, tmp_path: Path) -> None:
    for name in ("sla.yml", "targets.yml"):
        (tmp_path / name).write_bytes((ROOT / "config" / name).read_bytes())
    loaded = LoadedConfiguration(tmp_path)
    watched = [{"name": "portal-web", "kind": "http", "service": "consulta", "owner": "provider"}]
    app = create_app(peopled, shipped_policy(), "k", watched=lambda: watched, configuration=loaded)
    sofia = Browser(app, "sofia")
    page = sofia.get("/administracion/configuracion").text
    for words in ("rige hoy", "4 h 00 min", "sin interrupción", "lunes 08:30–17:30", "portal-web", "igual"):
        assert words in page.replace("\u00a0", " ")
    (tmp_path / "sla.yml").write_text("other")
    (tmp_path / "targets.yml").unlink()
    page = sofia.get("/administracion/configuracion").text
    assert "rige al reiniciar" in page
    assert "ya no está" in page
    assert datetime.now(UTC) - loaded.loaded_at < timedelta(minutes=1)
