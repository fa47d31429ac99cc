"""Every page in a real browser: hostile text does nothing, axe-core finds nothing serious, a store that is away comes
back, and the incident's file prints whole."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pypdfium2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine, text
from werkzeug.serving import make_server

from alertmanager_webhook.quarantine import replay
from console.app import create_app
from console.configuration_loaded import LoadedConfiguration
from groundwork.settings import Settings
from incident_store.advance import advance
from incident_store.database import open_store, upgrade
from incident_store.domain.intervals import Interval
from incident_store.domain.lifecycle import EventKind, Role
from incident_store.domain.maintenance import Plan
from incident_store.domain.steps import Actor, Step
from incident_store.maintenance import add_window
from incident_store.outbox import Recipient, notices_of_incident
from incident_store.outbox_work import Draft, keep_draft
from incident_store.people import add_person
from incident_store.quarantine import Rejected, quarantine
from incident_store.tokens import add_token
from reports.office import Office
from tests.builders import ROOT, shipped_policy
from tests.console.chromium import PASSWORD, SCREEN, at_work
from tests.console.test_incident_pages import HOSTILE, alert
from tests.console.test_other_pages import WATCHED, letter
from tests.processes import free_ports

WORK = (
    *("/operatividad", "/cargas", "/incidencias", "/incidencias?ver=todas&texto=script", "/incidencias/nueva"),
    *(f"/incidencias/{number}" for number in range(1, 1 + len(HOSTILE))),
    *("/bandeja", "/bandeja/1", "/bandeja/2", "/bandeja/3", "/mantenimientos", "/mantenimientos/1"),
    *("/mantenimientos/nuevo", "/avisos/1", "/reportes", "/reportes/2026-10?version=borrador"),
)
ADMINISTRATION = (
    *("/administracion/personas", "/administracion/persona?name=ana", "/administracion/claves", "/cuenta"),
    *("/administracion/configuracion", "/administracion/cuarentena", "/administracion/cuarentena/1"),
    *("/administracion/auditoria", "/administracion/accesos", "/no-existe"),
)
NAMES = {"ana": Role.ANALYST, "sofia": Role.SUPERVISOR, "raul": Role.ADMIN}
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A store in which everything that comes from outside is hostile."""
    url = f"sqlite:///{tmp_path_factory.mktemp('store')}/incidents.db"
    upgrade(url)
    engine, now = open_store(url), datetime.now(UTC)
    for name, role in NAMES.items():
        add_person(engine, name, role, PASSWORD)
    add_person(engine, "<script>alert(1)</script>", Role.VIEWER, None)
    ana = Actor("ana", Role.ANALYST)
    for words in HOSTILE.values():
        number = alert(engine, words[:400], 30, service=words[:200])
        advance(engine, number, Step(EventKind.NOTED, now, {"text": words[:9000]}), ana, now)
        letter(engine, subject=words[:300], text=words, sender_name=words[:100])
    with engine.begin() as connection:
        for words in HOSTILE.values():
            quarantine(connection, Rejected("bad-alert", words, words.encode()), now)
        span = Interval(now + timedelta(hours=1), now + timedelta(hours=2))
        add_window(connection, Plan(("api-imei",), "", span, HOSTILE["script"] + HOSTILE["long"][:900], ""), ana, now)
    dispatch(engine, now)
    add_token(engine, "raul", '"><img src=x onerror=alert(1)>', 30, now)
    yield engine
    engine.dispose()


def dispatch(engine: Engine, now: datetime) -> None:
    """Take the first incident to its ticket, whose draft is hostile too."""
    ana, sofia = Actor("ana", Role.ANALYST), Actor("sofia", Role.SUPERVISOR)
    words = {"responsible": "B", "severity": "alta", "cause": HOSTILE["attribute"] + HOSTILE["direction"]}
    advance(engine, 1, Step(EventKind.ANALYSIS_BEGAN, now, {}), ana, now)
    advance(engine, 1, Step(EventKind.DIAGNOSED, now, words), ana, now)
    advance(engine, 1, Step(EventKind.VALIDATED, now, {}), sofia, now)
    advance(engine, 1, Step(EventKind.DISPATCHED, now, {"to": HOSTILE["script"]}), sofia, now)
    with engine.begin() as connection:
        (notice,) = notices_of_incident(connection, 1)
        to = Recipient("mesa@inetum.example", HOSTILE["script"], "INETUM")
        draft = Draft(HOSTILE["entity"], HOSTILE["long"] + HOSTILE["script"], [to])
        keep_draft(connection, notice, draft, "<a@b>", now, approved=False)


@pytest.fixture(scope="module")
def address(store: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    nowhere = f"http://127.0.0.1:{free_ports(1)[0]}"
    url = store.url.render_as_string()
    settings = Settings(state=tmp_path_factory.mktemp("state"), database_url=url, prometheus_url=nowhere)
    app = create_app(
        store,
        shipped_policy(),
        "a key",
        watched=lambda: WATCHED,
        loads=lambda: ["BITEL"],
        prometheus_url=nowhere,
        reports=Office(settings),
        replay=replay,
        configuration=LoadedConfiguration(ROOT / "config"),
    )
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def opened(page: Page, path: str) -> None:
    """The page with all its parts unfolded."""
    page.goto(path)
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")


def test_hostile_text_is_shown_and_does_nothing(browser: Browser, address: str) -> None:
    trouble: list[str] = []
    for name, paths in (("sofia", WORK), ("raul", ADMINISTRATION)):
        page = at_work(browser, address, name)
        page.on("dialog", lambda dialog: (trouble.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda one: trouble.append(one.text) if "Content Security" in one.text else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on(
            "request", lambda asked: None if asked.url.startswith((address, "data:")) else trouble.append(asked.url)
        )
        for path in paths:
            opened(page, path)
            if page.locator("script:not([src]), img, [onmouseover], [onerror], a[href^='javascript:']").count():
                trouble.append(f"{path}: something of it became code")
            if page.evaluate("document.documentElement.scrollWidth") > SCREEN["width"]:
                trouble.append(f"{path} scrolls sideways")
    assert trouble == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_serious_violation_whatever_it_shows(browser: Browser, address: str, scheme: str) -> None:
    found: list[str] = []
    page = at_work(browser, address, "raul", color_scheme=scheme)
    for path in ADMINISTRATION:
        opened(page, path)
        found += violations(page, path)
    page.goto("/administracion/personas")
    page.get_by_role("button", name="Agregar").click()
    expect(page.get_by_text("Elija un rol.")).to_be_visible()
    found += violations(page, "a form with what is wrong")
    analyst = at_work(browser, address, "ana", color_scheme=scheme)
    analyst.goto("/administracion/personas")
    found += violations(analyst, "not allowed")
    supervisor = at_work(browser, address, "sofia", color_scheme=scheme)
    for path in WORK:
        opened(supervisor, path)
        found += violations(supervisor, path)
    stranger = browser.new_context(base_url=address, color_scheme=scheme).new_page()
    stranger.goto("/login")
    found += violations(stranger, "login")
    assert found == []


def violations(page: Page, where: str) -> list[str]:
    answer = Axe().run(page, options={"resultTypes": ["violations"]}).response
    return [
        f"{where}: {one['id']} {[node['html'][:160] for node in one['nodes']][:3]}"
        for one in answer["violations"]
        if one["impact"] in SERIOUS
    ]


@contextmanager
def away(store: Engine) -> Iterator[None]:
    """Meanwhile nobody can be found in the store."""
    with store.begin() as connection:
        connection.execute(text("ALTER TABLE users RENAME TO gone"))
    try:
        yield
    finally:
        with store.begin() as connection:
            connection.execute(text("ALTER TABLE gone RENAME TO users"))


def test_a_page_says_that_the_store_is_away_and_recovers_by_itself(
    browser: Browser, address: str, store: Engine
) -> None:
    reader, writer = at_work(browser, address, "ana"), at_work(browser, address, "ana")
    writer.goto("/incidencias/nueva")
    writer.get_by_label("Qué ocurre").fill("No se debe perder")
    writer.get_by_label("Componente o empresa").fill("BITEL")
    with away(store):
        reader.goto("/incidencias")
        writer.get_by_role("button", name="Registrar").click()
        for page in (reader, writer):
            expect(page.locator("h1")).to_have_text("La base de incidencias no responde")
            assert violations(page, "away") == []
    expect(reader.locator("h1")).to_have_text("Incidencias")
    writer.get_by_role("button", name="Volver a intentarlo").click()
    expect(writer.get_by_role("status").first).to_contain_text("Registrada con el número")


def test_the_file_of_an_incident_prints_whole_and_without_what_only_a_screen_can_do(
    browser: Browser, address: str
) -> None:
    page = at_work(browser, address, "sofia", color_scheme="dark")
    page.goto("/incidencias/1")
    page.evaluate("window.print = () => {}")
    page.get_by_role("button", name="Imprimir").click()
    document = pypdfium2.PdfDocument(page.pdf(format="A4"))
    told = "".join(sheet.get_textpage().get_text_bounded() for sheet in document)
    for words in ("Plazos", "Historial", "Diagnóstico", "Tiempo por responsable", "<script>alert(1)</script>"):
        assert words in told
    for words in ("Qué puede hacer ahora", "Salir", "Operatividad", "Imprimir"):
        assert words not in told


def test_people_and_audits_are_worked_by_keyboard_alone(browser: Browser, address: str) -> None:
    page = at_work(browser, address, "raul")
    for key in ("g", "a"):
        page.keyboard.press(key)
    page.wait_for_url("**/administracion/personas")
    page.locator("h1").click()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/administracion/persona?name=**")
    page.goto("/administracion/auditoria")
    page.get_by_role("button", name="Verificar ahora").press("Enter")
    expect(page.get_by_text("Todas las cadenas están completas")).to_be_visible()
