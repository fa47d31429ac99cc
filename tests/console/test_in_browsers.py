"""The pages in a real browser: two people at work, the keyboard, accessibility in light and dark."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine
from werkzeug.serving import make_server

from console.app import create_app
from incident_store.advance import Report, register
from incident_store.database import open_store, upgrade
from incident_store.domain.incidents import Kind
from incident_store.domain.lifecycle import Role
from incident_store.domain.policies import Responsible, Severity
from incident_store.domain.steps import Actor
from incident_store.people import add_person
from tests.builders import shipped_policy
from tests.console.chromium import PASSWORD, SCREEN, at_work, log_in
from tests.console.test_incident_pages import HOSTILE, alert
from tests.console.test_operation_page import samples
from tests.console.test_other_pages import WATCHED, letter
from tests.prometheus_server import prometheus

PAGES = {
    "operatividad": "/operatividad",
    "cargas": "/cargas",
    "incidencias": "/incidencias",
    "incidencia": "/incidencias/1",
    "registro": "/incidencias/nueva",
    "bandeja": "/bandeja",
    "correo": "/bandeja/1",
    "mantenimientos": "/mantenimientos",
    "planificar": "/mantenimientos/nuevo",
}
LARGEST_FIRST_LOAD = 350_000
"""Bytes."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path_factory.mktemp('store')}/incidents.db"
    upgrade(url)
    engine = open_store(url)
    for name, role in (("ana", Role.ANALYST), ("sofia", Role.SUPERVISOR)):
        add_person(engine, name, role, PASSWORD)
    alert(engine, "portal-web", 45)
    alert(engine, HOSTILE["script"] + HOSTILE["long"], 12)
    report = Report(
        Kind.QUESTION,
        "BITEL",
        "",
        "¿Cómo se reenvía un archivo?",
        Severity.LOW,
        Responsible.OPERATOR,
        "correo",
        datetime.now(UTC) - timedelta(hours=30),
    )
    register(engine, report, Actor("ana", Role.ANALYST), datetime.now(UTC))
    letter(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def address(store: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the console answers, with a Prometheus behind it."""
    with prometheus(tmp_path_factory.mktemp("prometheus"), samples(datetime.now(UTC))) as metrics:
        app: Flask = create_app(store, shipped_policy(), "a key", watched=lambda: WATCHED, prometheus_url=metrics)
        server = make_server("127.0.0.1", 0, app, threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def act(page: Page, words: str, **fields: str) -> None:
    """Open an action of the incident, fill its fields in and send it."""
    action = page.locator("details.action", has=page.locator("summary", has_text=words))
    action.locator("summary").click()
    for label, value in fields.items():
        if value in {"B proveedor", "Alta"}:
            action.get_by_label(value, exact=True).check()
        else:
            action.locator(f"[name$='-{label}']").fill(value)
    action.locator("button").click()


def test_two_people_in_two_browsers_walk_an_incident(browser: Browser, address: str, store: Engine) -> None:
    number = alert(store, "enlace-proveedor", 3)
    ana, sofia = at_work(browser, address, "ana"), at_work(browser, address, "sofia")
    for page in (ana, sofia):
        page.goto(f"/incidencias/{number}")
    act(ana, "Iniciar el análisis")
    act(ana, "Proponer diagnóstico", responsible="B proveedor", severity="Alta", cause="El equipo no responde.")
    act(sofia, "Agregar nota", text="Lo vi en el tablero")  # her page is from before the diagnosis
    expect(sofia.get_by_role("alert")).to_contain_text("cambió mientras usted escribía")
    expect(sofia.locator("[name='noted-text']")).to_have_value("Lo vi en el tablero")
    sofia.locator("details.action[open] button").click()
    act(sofia, "Validar el diagnóstico")
    act(sofia, "Derivar", to="INETUM")
    expect(sofia.get_by_role("status").first).to_contain_text("ticket al proveedor")
    ana.reload()
    act(ana, "Confirmar el restablecimiento", tests="Tres consultas correctas")
    expect(ana.locator("h1 + .badge")).to_have_text("Restablecida")


def test_a_session_that_ended_is_renewed_and_the_form_goes_on(browser: Browser, address: str) -> None:
    page = at_work(browser, address, "ana")
    page.goto("/incidencias/1")
    page.context.clear_cookies()
    act(page, "Agregar nota", text="Lo que no se debe perder")
    log_in(page, "ana")
    expect(page.get_by_label("Texto")).to_have_value("Lo que no se debe perder")
    page.get_by_role("button", name="Registrar").click()
    expect(page.locator(".timeline")).to_contain_text("Lo que no se debe perder")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_violation_nor_code_that_the_policy_stops(
    browser: Browser, address: str, scheme: str, tmp_path: Path
) -> None:
    page = at_work(browser, address, "sofia", color_scheme=scheme)
    stopped: list[str] = []
    page.on("console", lambda one: stopped.append(one.text) if "Content Security" in one.text else None)
    page.on("pageerror", lambda error: stopped.append(str(error)))
    for name, path in PAGES.items():
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        found = Axe().run(page, options={"resultTypes": ["violations"]})
        stopped += [
            f"{name}: {one['id']} {[node['html'][:160] for node in one['nodes']][:3]}"
            for one in found.response["violations"]
            if one["impact"] in {"serious", "critical"}
        ]
        if page.evaluate("document.documentElement.scrollWidth") > SCREEN["width"]:
            stopped.append(f"{name} scrolls sideways")
    assert stopped == []


def test_everything_is_reached_by_keyboard_and_the_shortcuts_are_listed(browser: Browser, address: str) -> None:
    page = at_work(browser, address, "ana")
    page.goto("/operatividad")
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/incidencias")
    page.keyboard.press("/")
    page.keyboard.type("portal")
    page.keyboard.press("Enter")
    page.wait_for_url("**texto=portal**")
    page.locator("h1").click()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/incidencias/1")
    page.keyboard.press("x")
    expect(page.locator("details.action").first).to_have_attribute("open", "")


def test_the_board_renews_itself_in_place(browser: Browser, address: str) -> None:
    page = at_work(browser, address, "ana")
    page.goto("/operatividad")
    with page.expect_response("**/operatividad/vivo") as answer:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as when one comes back to it
    assert answer.value.status == 200
    expect(page.locator("[data-live] svg.strip").first).to_be_visible()


def test_pages_are_read_and_forms_sent_without_scripts(browser: Browser, address: str) -> None:
    page = at_work(browser, address, "ana", java_script_enabled=False)
    page.goto("/incidencias/1")
    expect(page.locator(".timeline li").first).to_be_visible()
    act(page, "Agregar nota", text="sin guiones")
    expect(page.locator(".timeline")).to_contain_text("sin guiones")


def test_the_first_load_is_small_and_stays_on_the_host(browser: Browser, address: str) -> None:
    page = at_work(browser, address, "ana")
    fresh = browser.new_context(
        base_url=address, viewport=SCREEN, storage_state=page.context.storage_state()
    ).new_page()
    sizes: dict[str, int] = {}
    fresh.on("response", lambda answer: sizes.update({answer.url: len(answer.body())}))
    fresh.goto("/incidencias", wait_until="networkidle")
    assert all(url.startswith((address, "data:")) for url in sizes)
    assert sum(sizes.values()) < LARGEST_FIRST_LOAD
