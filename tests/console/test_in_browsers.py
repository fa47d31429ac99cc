"""The pages in a real browser: two people at once, sessions that end, the keyboard, no scripts, light and dark."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine
from werkzeug.serving import make_server

from console.app import create_app
from groundwork.settings import Settings
from incident_store.advance import Report, register
from incident_store.database import open_store, upgrade
from incident_store.domain.incidents import Kind
from incident_store.domain.intervals import Interval
from incident_store.domain.lifecycle import Role
from incident_store.domain.maintenance import Plan
from incident_store.domain.notices import NoticeKind
from incident_store.domain.policies import Responsible, Severity
from incident_store.domain.steps import Actor
from incident_store.maintenance import add_window
from incident_store.outbox import Recipient, find_notice, post
from incident_store.outbox_work import Draft, keep_draft
from incident_store.people import add_person
from reports.office import Office
from tests.builders import shipped_policy
from tests.console.chromium import PASSWORD, SCREEN, at_work, log_in
from tests.console.test_incident_pages import HOSTILE, alert
from tests.console.test_operation_page import samples
from tests.console.test_other_pages import WATCHED, letter
from tests.prometheus_server import prometheus

YEAR = datetime.now(UTC).year + 1
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
    "mantenimiento": "/mantenimientos/1",
    "aviso": "/avisos/1",
    "reportes": "/reportes",
    "guía": "/runbooks/RentesegComponentDown",
}
SERIOUS = {"serious", "critical"}
REFUSED_AT_THE_END = {"/incidencias/nueva", "/mantenimientos/nuevo"}
"""Forms that everybody sees; who may not send them is told so."""
LARGEST_FIRST_LOAD = 350_000
"""Bytes."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path_factory.mktemp('store')}/incidents.db"
    upgrade(url)
    engine = open_store(url)
    for name, role in (("ana", Role.ANALYST), ("sofia", Role.SUPERVISOR), ("vera", Role.VIEWER)):
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
    letter(engine, subject="¿Cuándo se regulariza?")
    _plan_and_draft(engine, datetime.now(UTC))
    yield engine
    engine.dispose()


def _plan_and_draft(engine: Engine, now: datetime) -> None:
    """A window that waits for its approval, and a notice that does."""
    span = Interval(now + timedelta(hours=5), now + timedelta(hours=7))
    recipients = [Recipient("comite@osiptel.example", "Comité Técnico", "OSIPTEL")]
    with engine.begin() as connection:
        add_window(connection, Plan(("api-imei",), "", span, "Parche de seguridad"), Actor("ana", Role.ANALYST), now)
        number = post(connection, NoticeKind.MONTHLY_REPORT, "sofia", now, key="informe")
        draft = Draft("Informe mensual", "Señores del comité:\n\nse adjunta.", recipients)
        keep_draft(connection, find_notice(connection, number), draft, "<a@b>", now, approved=False)


@pytest.fixture(scope="module")
def address(store: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the console answers, with a Prometheus behind it."""
    with prometheus(tmp_path_factory.mktemp("prometheus"), samples(datetime.now(UTC))) as metrics:
        url = store.url.render_as_string(hide_password=False)
        settings = Settings(database_url=url, state=tmp_path_factory.mktemp("state"), prometheus_url=metrics)
        app: Flask = create_app(
            store,
            shipped_policy(),
            "a key",
            watched=lambda: WATCHED,
            prometheus_url=metrics,
            reports=Office(settings),
        )
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
    act(ana, "Confirmar el restablecimiento", tests="Tres consultas correctas", reason="La alerta tarda en terminar")
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


def test_a_plan_outlives_its_session_with_all_that_was_chosen(browser: Browser, address: str) -> None:
    page = at_work(browser, address, "ana")
    page.goto("/mantenimientos/nuevo")
    page.select_option("#components", ["portal-web", "base-datos"])
    page.fill("#starts", f"{YEAR}-01-10T22:00:00")
    page.fill("#ends", f"{YEAR}-01-10T23:30:00")
    page.fill("#reason", "Cambio del balanceador,\nen dos pasos")
    page.context.clear_cookies()
    page.get_by_role("button", name="Planificar").click()
    log_in(page, "ana")
    expect(page.get_by_label("Motivo")).to_have_value("Cambio del balanceador,\nen dos pasos")
    page.get_by_role("button", name="Registrar").click()
    expect(page.locator("dl")).to_contain_text("base-datos, portal-web")
    expect(page.locator("dl")).to_contain_text(f"10/01/{YEAR} 22:00:00")


def test_of_two_who_decide_on_a_mail_at_once_the_second_reads_what_the_first_decided(
    browser: Browser, address: str
) -> None:
    ana, sofia = at_work(browser, address, "ana"), at_work(browser, address, "sofia")
    for page in (ana, sofia):
        page.goto("/bandeja/2")
        page.get_by_label("Nada por atender").check()
    for page in (ana, sofia):
        page.get_by_role("button", name="Decidir").click()
    expect(sofia.get_by_role("alert")).to_contain_text("Alguien decidió antes")
    expect(sofia.locator("main")).to_contain_text("ana decidió")


def test_what_a_role_may_not_do_is_refused_by_its_address_too(browser: Browser, address: str) -> None:
    page = at_work(browser, address, "vera")
    for path in PAGES.values():
        page.goto(path)
        expect(page.locator("form[method=post]")).to_have_count(1 if path not in REFUSED_AT_THE_END else 2)
    token = page.locator("[name=csrf_token]").first.input_value()
    other = at_work(browser, address, "sofia")
    other.goto("/incidencias/2")
    seen = other.locator("[name=seen]").first.input_value()
    tried = {
        "/incidencias/2/pasos/analysis_began": {"seen": seen},
        "/incidencias/2/pasos/noted": {"seen": seen, "noted-text": "x"},
        "/incidencias/nueva": {"kind": "incidencia", "title": "x", "component": "x", "channel": "correo",
                               "severity": "alta", "responsible": "nobody"},
        "/bandeja/1": {"verdict": "nada", "severity": "alta"},
        "/avisos/1/approve": {"seen": "2"},
        "/mantenimientos/1/pasos/approved": {},
        "/mantenimientos/1/pasos/cancelled": {"reason": "x"},
        "/reportes/2026-01/firma": {"mark": "x"},
        "/reportes/2026-01/envio": {},
    }  # fmt: skip
    answered = {path: page.request.post(path, form={"csrf_token": token, **form}) for path, form in tried.items()}
    assert {path: answer.status for path, answer in answered.items()} == dict.fromkeys(tried, 403)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_notice_the_reports_and_a_runbook_have_no_serious_violation(
    browser: Browser, address: str, scheme: str
) -> None:
    page = at_work(browser, address, "sofia", color_scheme=scheme)
    wrong: list[str] = []
    page.on("console", lambda one: wrong.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    for path in (PAGES["aviso"], PAGES["reportes"], "/reportes/2026-01", PAGES["guía"]):
        page.goto(path)
        if path == "/reportes/2026-01":
            page.wait_for_selector("text=Veredicto por servicio")  # the page loads itself again
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        wrong += [f"{path}: {one['id']} {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in SERIOUS]
        if page.evaluate("document.documentElement.scrollWidth") > SCREEN["width"]:
            wrong.append(f"{path} scrolls sideways")
    assert wrong == []


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
    for key, address_of in (("c", "cargas"), ("b", "bandeja"), ("r", "reportes"), ("m", "mantenimientos")):
        page.locator("h1").click()
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(f"**/{address_of}")
    page.keyboard.press("n")
    page.wait_for_url("**/mantenimientos/nuevo")


def test_the_board_renews_itself_in_place(browser: Browser, address: str) -> None:
    page = at_work(browser, address, "ana")
    page.goto("/operatividad")
    with page.expect_response("**/operatividad/vivo") as answer:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as when one comes back to it
    assert answer.value.status == 200
    expect(page.locator("[data-live] svg.strip").first).to_be_visible()


def test_pages_are_read_and_forms_sent_without_scripts(browser: Browser, address: str) -> None:
    page = at_work(browser, address, "ana", java_script_enabled=False)
    for path in PAGES.values():
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
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
