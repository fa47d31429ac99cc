"""`make screenshots`: the pictures of the manual, taken in a real browser while two people walk an incident.

The day is made up and always the same but for its date: a portal that fell, a file in the queue, mails that came.
"""

import base64
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask
from playwright.sync_api import Page
from sqlalchemy import Engine
from werkzeug.serving import make_server

from alertmanager_webhook.quarantine import replay
from console.app import create_app
from console.configuration_loaded import LoadedConfiguration
from exporters.availability.followed import described_components
from exporters.file_loads.day_page import add_day_page
from exporters.file_loads.main import LoadLogSource
from groundwork.settings import Settings
from incident_store.database import open_store, upgrade
from incident_store.domain.intervals import Interval
from incident_store.domain.lifecycle import Role
from incident_store.domain.maintenance import Plan
from incident_store.domain.steps import Actor
from incident_store.maintenance import add_window
from incident_store.people import add_person
from incident_store.sealing import seal_growth
from reports.commands import so_far
from reports.office import Office
from tests.builders import ROOT, shipped_policy
from tests.console.chromium import PASSWORD, at_work, chromium
from tests.console.test_in_browsers import act
from tests.console.test_incident_pages import alert
from tests.console.test_other_pages import letter
from tests.exporters.file_loads.load_logs import configuration, create_log, log_file
from tests.prometheus_server import line, prometheus

IMAGES = ROOT / "docs" / "images"
QUALITY = 62
NAMES = {"ana.quispe": Role.ANALYST, "sofia.rojas": Role.SUPERVISOR, "raul.admin": Role.ADMIN}
DOWN_SINCE = timedelta(minutes=42)
LIMA_BEHIND = timedelta(hours=5)


class Camera:
    """Takes pictures of a page, or of its upper part, as small WebP files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, page: Page, name: str, height: int = 768) -> None:
        """The page from its top, so many pixels high."""
        page.set_viewport_size({"width": 1366, "height": height})
        page.wait_for_load_state("networkidle")
        session = page.context.new_cdp_session(page)
        taken = session.send("Page.captureScreenshot", {"format": "webp", "quality": QUALITY})
        (self._folder / f"{name}.webp").write_bytes(base64.b64decode(taken["data"]))
        page.set_viewport_size({"width": 1366, "height": 768})


def main() -> None:
    """Take them all anew."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, console(Path(folder)) as (address, store), chromium() as browser:
        camera = Camera(IMAGES)
        ana, sofia, raul = (at_work(browser, address, name, color_scheme="light") for name in NAMES)
        verify(camera, ana)
        number = alert(store, "portal-web", 42, service="consulta")
        decide(camera, ana)
        diagnose(camera, ana, number)
        dispatch(camera, sofia, number)
        restore(camera, ana, number)
        close(camera, sofia, number)
        seal_growth(store, datetime.now(UTC))
        administer(camera, sofia, raul)
        dark = at_work(browser, address, "ana.quispe", color_scheme="dark")
        dark.goto("/operatividad")
        camera.take(dark, "operatividad-oscuro", 560)
    total = sum(path.stat().st_size for path in IMAGES.glob("*.webp"))
    print(f"{len(list(IMAGES.glob('*.webp')))} pictures, {total / 1000:.0f} kB", file=sys.stderr)


def verify(camera: Camera, ana: Page) -> None:
    """Activities 1 and 2: what works, and which files came."""
    ana.goto("/operatividad")
    ana.locator("td", has_text="%").first.wait_for(timeout=90_000)
    camera.take(ana, "operatividad", 640)
    ana.keyboard.press("?")
    camera.take(ana, "atajos")
    ana.keyboard.press("Escape")
    ana.goto("/cargas")
    camera.take(ana, "cargas", 900)


def decide(camera: Camera, ana: Page) -> None:
    """Activity 3: a mail, and the queue."""
    ana.goto("/bandeja")
    camera.take(ana, "bandeja", 420)
    ana.goto("/bandeja/1")
    camera.take(ana, "correo", 900)
    ana.goto("/incidencias")
    camera.take(ana, "incidencias", 460)
    ana.goto("/incidencias/nueva")
    camera.take(ana, "registro", 640)


def diagnose(camera: Camera, ana: Page, number: int) -> None:
    """Activity 4: the diagnosis."""
    ana.goto(f"/incidencias/{number}")
    act(ana, "Iniciar el análisis")
    ana.locator("details.action", has_text="Proponer diagnóstico").locator("summary").click()
    cause = "El servidor de aplicaciones del portal responde 503 desde la actualización de las 06:40."
    ana.locator("[name='diagnosed-cause']").fill(cause)
    camera.take(ana, "diagnostico", 900)
    ana.goto(f"/incidencias/{number}")
    act(ana, "Proponer diagnóstico", responsible="B proveedor", severity="Alta", cause=cause)


def dispatch(camera: Camera, sofia: Page, number: int) -> None:
    """Activities 5 to 7: validated, handed over, followed."""
    sofia.goto(f"/incidencias/{number}")
    sofia.locator("details.action", has_text="Validar el diagnóstico").locator("summary").click()
    camera.take(sofia, "validacion", 820)
    sofia.goto(f"/incidencias/{number}")
    act(sofia, "Validar el diagnóstico")
    sofia.locator("details.action", has_text="Derivar").locator("summary").click()
    camera.take(sofia, "derivacion", 820)
    sofia.goto(f"/incidencias/{number}")
    act(sofia, "Derivar", to="INETUM")
    act(sofia, "Registrar respuesta del responsable", text="INETUM revierte la actualización")
    act(sofia, "Poner en espera", reason="Ventana acordada con el proveedor para revertir la actualización")
    camera.take(sofia, "plazos", 640)
    act(sofia, "Terminar la espera")


def restore(camera: Camera, ana: Page, number: int) -> None:
    """Activity 8: the confirmation tests."""
    ana.goto(f"/incidencias/{number}")
    ana.locator("details.action", has_text="Confirmar el restablecimiento").locator("summary").click()
    ana.locator("[name='restored-tests']").fill("Tres consultas de IMEI correctas; reenvío de CLARO/ROBOS procesado.")
    camera.take(ana, "restablecimiento", 820)
    ana.locator("[name='restored-reason']").fill("La alerta tarda en terminar.")
    ana.locator("details.action[open] button").click()


def close(camera: Camera, sofia: Page, number: int) -> None:
    """Activities 9 and 10: closed, announced, consolidated."""
    sofia.goto(f"/incidencias/{number}")
    sofia.locator("details.action", has_text="Cerrar").first.locator("summary").click()
    camera.take(sofia, "cierre", 820)
    sofia.locator("[name='closed-reason']").fill("La alerta tarda en terminar.")
    sofia.get_by_label("Sí: los pendientes reciben un plazo").check()
    sofia.locator("details.action[open] button").click()
    sofia.goto("/incidencias?ver=por-consolidar")
    camera.take(sofia, "por-consolidar", 360)
    sofia.goto(f"/incidencias/{number}")
    act(sofia, "Consolidar en la matriz")
    sofia.evaluate("document.querySelectorAll('details[data-print]').forEach((part) => { part.open = true; })")
    sofia.emulate_media(media="print")
    camera.take(sofia, "expediente-impreso", 1100)
    sofia.emulate_media(media="screen")
    sofia.goto("/reportes")
    camera.take(sofia, "reportes", 420)


def administer(camera: Camera, sofia: Page, raul: Page) -> None:
    """What surrounds the process."""
    sofia.goto("/mantenimientos")
    camera.take(sofia, "mantenimientos", 420)
    sofia.goto("/administracion/configuracion")
    camera.take(sofia, "configuracion", 760)
    sofia.goto("/administracion/auditoria")
    sofia.get_by_role("button", name="Verificar ahora").click()
    sofia.get_by_text("Todas las cadenas están completas").wait_for()
    camera.take(sofia, "auditoria", 420)
    raul.goto("/administracion/persona?name=ana.quispe")
    camera.take(raul, "persona", 640)


@contextmanager
def console(folder: Path) -> Iterator[tuple[str, Engine]]:
    """The console with a day behind it; its address and its store."""
    now = datetime.now(UTC)
    url = f"sqlite:///{folder}/incidents.db"
    upgrade(url)
    store = open_store(url)
    fill(store, now)
    components = described_components(ROOT / "config")
    with prometheus(folder / "prometheus", samples([one["name"] for one in components], now)) as metrics:
        settings = Settings(state=folder, config=ROOT / "config", database_url=url, prometheus_url=metrics)
        app = create_app(
            store,
            shipped_policy(),
            "a key",
            watched=lambda: components,
            prometheus_url=metrics,
            file_loads_url=_served(loads(folder, now)),
            read_report=lambda until: so_far(settings, until).model_dump(),
            reports=Office(settings),
            replay=replay,
            configuration=LoadedConfiguration(ROOT / "config"),
        )
        yield _served(app), store
    store.dispose()


def fill(store: Engine, now: datetime) -> None:
    """People, earlier incidents, mails and a window."""
    for name, role in NAMES.items():
        add_person(store, name, role, PASSWORD)
    alert(store, "CLARO/ROBOS", 95, service="cargas", severity="warning", owner="operator")
    alert(store, "enlace-bitel", 12, service="enlaces", severity="warning", owner="oti")
    letter(store)
    question = {"kind": "consulta", "component": "BITEL"}
    text = "Buenos días: ¿se acepta el archivo de BAJAS con la hora en UTC?"
    letter(store, subject="Consulta sobre el formato de BAJAS", text=text, party="BITEL", proposal=question)
    span = Interval(now + timedelta(hours=20), now + timedelta(hours=22))
    with store.begin() as connection:
        plan = Plan(("portal-web", "api-imei"), "", span, "Parche del sistema operativo del portal", "")
        add_window(connection, plan, Actor("ana.quispe", Role.ANALYST), now)


def samples(names: list[str], now: datetime) -> Iterator[str]:
    """A day by minute: one component is down now, one was, one was not seen for an hour."""
    minute = now.replace(second=0, microsecond=0)
    moments = [*(minute - timedelta(minutes=back) for back in range(1440, 0, -1)), now]
    for place, name in enumerate(names):
        for at in moments:
            ago = now - at
            up = not (place == 0 and ago < DOWN_SINCE) and not (place == 2 and 300 < ago.total_seconds() / 60 < 330)
            if not (place == 3 and 600 < ago.total_seconds() / 60 < 660):
                yield line(("renteseg_component_up", {"component": name}), int(up), at)
    for place, name in enumerate(names):
        since = DOWN_SINCE if place == 0 else timedelta(hours=5 * (place + 1))
        named = {"component": name}
        yield line(("renteseg_component_state_since_timestamp_seconds", named), (now - since).timestamp(), now)
    for place, name in enumerate(names):
        yield line(("renteseg_probe_last_duration_seconds", {"component": name}), 0.04 + 0.013 * place, now)
    for back in (9, 5, 0):
        labels = {"component": names[0], "reason": "status"}
        yield line(("renteseg_probe_failures_total", labels), 60 - back, now - timedelta(minutes=back))


def loads(folder: Path, now: datetime) -> Flask:
    """The page of the file-load exporter over yesterday's files."""
    log = f"sqlite:///{folder}/load_log.db"
    create_log(log)
    day = (now - LIMA_BEHIND).date()
    came = datetime(day.year, day.month, day.day, 10, 12, tzinfo=UTC)
    for place, (operator, kind) in enumerate(
        (operator, kind) for operator in ("CLARO", "MOVISTAR", "ENTEL", "BITEL") for kind in ("ALTAS", "BAJAS", "ROBOS")
    ):
        received = (came + timedelta(minutes=3 * place)).isoformat()
        told = {"day": (day - timedelta(days=1)).isoformat(), "received_at": received, "updated_at": received}
        if (operator, kind) == ("CLARO", "ROBOS"):
            log_file(log, operator, kind, "RECHAZADO", reason="F05", **told)
        elif (operator, kind) == ("BITEL", "ALTAS"):
            log_file(log, operator, kind, "ENCOLADO", queued_at=received, **told)
        elif (operator, kind) == ("ENTEL", "BAJAS"):
            rows = (2140, 2131, 9)
            log_file(log, operator, kind, "PROCESADO_CON_OBSERVACIONES", rows=rows, errors={"R02": 6, "R05": 3}, **told)
        else:
            rows = (1800 + 37 * place, 1800 + 37 * place, 0)
            log_file(log, operator, kind, "PROCESADO", processed_at=received, rows=rows, **told)
    app = Flask("file-loads")
    add_day_page(app, LoadLogSource(configuration(log), folder).day)
    return app


def _served(app: Flask) -> str:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


if __name__ == "__main__":
    main()
