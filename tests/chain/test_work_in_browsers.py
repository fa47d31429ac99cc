"""PM06.01 walked by two people in two browsers: from a real alert of the running chain to the matrix.

After the walks, as its name sorts, on what the fault of the portal left behind.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.chain.conftest import Chain, Walk
from tests.console.chromium import PASSWORD, at_work
from tests.processes import run_renteseg, wait_for

pytestmark = pytest.mark.chain

PEOPLE = {"ana": "analyst", "sofia": "supervisor"}
MAILED_SECONDS = 90


@dataclass
class Desk:
    """One person's browser, open at an incident."""

    page: Page
    number: int

    def open(self) -> None:
        self.page.goto(f"/incidencias/{self.number}")

    def action(self, words: str) -> Locator:
        return self.page.locator("details.action", has=self.page.locator("summary", has_text=re.compile(f"^{words}$")))

    def acts(self, words: str, choices: tuple[str, ...] = (), **fields: str) -> None:
        """Open the incident, an action of it, fill its fields in by name, and send it."""
        self.open()
        action = self.action(words)
        action.locator("summary").click()
        for choice in choices:
            action.get_by_label(choice).check()
        for name, value in fields.items():
            action.locator(f"[name$='-{name}']").fill(value)
        action.get_by_role("button").click()
        expect(self.page.get_by_role("status").first).to_contain_text("Registrado")

    def attaches(self, file: Path, purpose: str) -> None:
        self.page.set_input_files("#upload-file", file)
        self.page.select_option("#upload-purpose", purpose)
        self.page.get_by_role("button", name="Adjuntar").click()
        expect(self.page.locator("main")).to_contain_text(f"Adjuntado: {file.name}")

    def sends(self, kind: str) -> None:
        """Read the notice of this kind, once it is written, and let it go."""
        self.open()
        self.page.get_by_role("link", name=kind).click()
        address = self.page.url
        approve = self.action("Aprobar y enviar")
        wait_for(lambda: self.page.goto(address) and approve.count(), MAILED_SECONDS, f"{kind} is written")
        approve.locator("summary").click()
        approve.get_by_role("button").click()
        expect(self.page.get_by_role("status").first).to_contain_text("aprobar y enviar")


def test_two_people_walk_the_ten_activities_in_their_browsers(
    walks: Mapping[str, Walk], browser: Browser, tmp_path: Path
) -> None:
    walk_the_activities(walks["sqlite"].chain, browser, tmp_path)


def walk_the_activities(chain: Chain, browser: Browser, folder: Path) -> None:
    for name, role in PEOPLE.items():
        run_renteseg("user", "add", name, "--role", role, environment=chain.environment, given=f"{PASSWORD}\n")
    chain.renteseg(
        "simulate", "write", "No podemos consultar un IMEI en el portal.", "--subject", "Portal sin respuesta"
    )
    (incident,) = chain.incidents("portal-web")
    number = incident["incident"]
    ana, sofia = (Desk(at_work(browser, chain.url("console", ""), name), number) for name in PEOPLE)

    # 1. Verify the components: the board names the incident; the mailbox has a report of it, which joins it.
    ana.page.goto("/operatividad")
    expect(ana.page.get_by_role("row", name="portal-web")).to_contain_text(f"incidencia {number}")
    subject = ana.page.get_by_role("row", name="Portal sin respuesta")
    wait_for(lambda: ana.page.goto("/bandeja") and subject.count(), 60, "the mail is in the Bandeja")
    subject.get_by_role("link").first.click()
    ana.page.get_by_label("Parte de una incidencia existente").check()
    ana.page.get_by_label("Incidencia N°").fill(str(number))
    ana.page.get_by_role("button", name="Decidir").click()
    expect(ana.page.locator("h1")).to_contain_text("portal-web")

    # 2. Validate reception and processing: the day's files, what was rejected and why.
    ana.page.goto("/cargas")
    expect(ana.page.get_by_role("row", name="rechazado CLARO ROBOS").first).to_contain_text("F04 cierre o conteo")

    # 3. An incident or a question? An incident: its analysis begins. A question by telephone is a record of its own.
    ana.acts("Iniciar el análisis")
    ana.page.goto("/incidencias/nueva")
    ana.page.get_by_label("Consulta: pregunta técnica").check()
    ana.page.get_by_label("Qué ocurre").fill("¿Qué formato tienen las BAJAS?")
    ana.page.get_by_label("Componente o empresa").fill("BITEL")
    ana.page.get_by_role("button", name="Registrar").click()
    expect(ana.page.locator("h1")).to_contain_text("Consulta")

    # 4. Analyse and diagnose: evidence, a log, whose fault and why. Ana is not offered what a supervisor does.
    ana.open()
    expect(ana.page.locator("[aria-labelledby=h-evidence]")).to_contain_text("30 minutos")
    (folder / "portal.log").write_text("07:14:02 503 sin conexiones\n")
    ana.attaches(folder / "portal.log", "log")
    ana.acts("Proponer diagnóstico", ("B proveedor", "Alta"), cause="La actualización agotó las conexiones.")
    expect(ana.action("Validar el diagnóstico")).to_have_count(0)

    # 5. Validate the diagnosis. 6. Dispatch: the ticket is read, approved, and leaves by mail.
    sofia.acts("Validar el diagnóstico")
    sofia.acts("Derivar", to="INETUM")
    sofia.sends("Ticket al proveedor")
    wait_for(lambda: any("portal-web" in mail for mail in chain.mails()), MAILED_SECONDS, "the ticket has left")

    # 7. Supervise the resolution: the answer stops one clock, a justified wait pauses the other.
    sofia.acts("Registrar respuesta del responsable", text="INETUM revierte la actualización")
    sofia.acts("Poner en espera", reason="Ventana acordada con el operador")
    expect(sofia.page.locator("[aria-labelledby=h-clocks]")).to_contain_text("en pausa")
    sofia.acts("Terminar la espera")

    # 8. Validate the restoration with tests; the provider's report is asked for and arrives.
    ana.acts("Confirmar el restablecimiento", tests="Tres consultas de IMEI correctas")
    ana.acts(r"Pedir el informe técnico \(RCA\)")
    (folder / "rca.txt").write_text("Causa raíz: la actualización 7.2 agotó las conexiones.\n")
    ana.attaches(folder / "rca.txt", "rca")

    # 9. Close, say whether the unavailability was confirmed, and tell those concerned.
    sofia.acts("Cerrar", ("Sí: los pendientes reciben un plazo de regularización",))
    sofia.sends("Aviso de restablecimiento a los interesados")
    sofia.acts("Registrar la comunicación", text="Por correo, a todos los operadores")

    # 10. Record and consolidate: the row is in the month's figures, and the chain of events holds.
    sofia.acts("Consolidar en la matriz")
    expect(sofia.page.locator("h1 + .badge")).to_have_text("Consolidada")
    sofia.page.goto("/reportes")
    sofia.page.get_by_role("row", name="en curso, provisional").get_by_role("link").click()
    sofia.page.wait_for_selector("text=Veredicto por servicio", timeout=90_000)
    expect(sofia.page.locator("main")).to_contain_text("Consolidada")
    chain.renteseg("audit", "verify")
