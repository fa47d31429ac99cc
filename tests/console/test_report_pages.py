"""Reportes: the months, a draft that is reckoned beside the answers, the signature, and the files as signed."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import Engine

from console.app import create_app
from console.pages.reports import REFUSALS
from incident_store.database import open_store
from incident_store.domain.months import parse_month
from incident_store.signing_refusals import Unsigned
from reports.commands import compute
from reports.office import Office
from reports.rendering.pdf import page_of
from tests.builders import shipped_policy
from tests.console.browser import Browser
from tests.processes import wait_for
from tests.reports.conftest import October, october, october_prometheus

__all__ = ["october", "october_prometheus"]
MONTH = "/reportes/2026-10"
DRAFT = f"{MONTH}?version=borrador"


@pytest.fixture
def store(october: October) -> Iterator[Engine]:
    engine = open_store(october.settings.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def console(october: October, store: Engine) -> Flask:
    return create_app(store, shipped_policy(), "a key", reports=Office(october.settings))


def reckoned(person: Browser) -> str:
    """The page of the draft, once it is ready."""
    assert "Calculando el mes" in person.get(DRAFT).text
    return wait_for(lambda: text if "Veredicto" in (text := person.get(DRAFT).text) else "", 60, "the draft is ready")


def mark_of(page: str) -> str:
    return page.split('name="mark"')[1].split('value="')[1].split('"', maxsplit=1)[0]


def test_a_month_is_read_signed_corrected_and_handed_out_as_it_was_signed(console: Flask, october: October) -> None:
    ana, sofia = Browser(console, "ana"), Browser(console, "sofia")
    page = reckoned(ana)
    assert "Octubre de 2026" in page
    assert "Firmar el mes" not in page
    for verdict in page_of(compute(october.settings, parse_month("2026-10"), datetime.now(UTC), str), None)["verdicts"]:
        assert all(words in page for name, words in verdict.items() if name != "kind"), verdict
    assert ana.get(f"{MONTH}/borrador.pdf").data.startswith(b"%PDF")
    seen = {"mark": mark_of(sofia.get(DRAFT).text)}
    assert ana.send(MONTH, f"{MONTH}/firma", **seen).status_code == 403
    stale = sofia.send(MONTH, f"{MONTH}/firma", mark="0" * 64)
    assert (stale.status_code, REFUSALS[Unsigned.OVERTAKEN] in stale.text) == (409, True)
    assert sofia.send(MONTH, f"{MONTH}/firma", **seen).status_code == 303

    assert "firmado, versión 1" in ana.get("/reportes").text
    assert "por sofia" in ana.get(MONTH).text
    files = {form: ana.get(f"{MONTH}/v1.{form}") for form in ("pdf", "xlsx", "json")}
    assert files["json"].json["signature"]["signed_by"] == "sofia"
    assert files["xlsx"].headers["Content-Disposition"] == "attachment; filename=disponibilidad-2026-10-v1.xlsx"
    assert files["pdf"].data == ana.get(f"{MONTH}/v1.pdf").data

    again = reckoned(sofia)
    assert "sale idéntico" in again
    seen = {"mark": mark_of(again)}
    for reason, words in (("", Unsigned.NO_REASON), ("error", Unsigned.UNCHANGED)):
        again = sofia.send(DRAFT, f"{MONTH}/firma", reason=reason, **seen)
        assert (again.status_code, REFUSALS[words] in again.text) == (422, True)
    assert ana.send(MONTH, f"{MONTH}/envio").status_code == 403
    assert sofia.send(MONTH, f"{MONTH}/envio", note="Para la sesión").headers["Location"].startswith("/avisos/")


def test_a_month_that_is_not_there_is_not_found(console: Flask) -> None:
    ana = Browser(console, "ana")
    for path in (
        "2999-01",
        "2026-13",
        "ayer",
        "2026-10/v9.pdf",
        "2026-10/v1.exe",
        "2026-10/vx.pdf",
        "2026-10?version=7",
    ):
        assert ana.get(f"/reportes/{path}").status_code == 404, path


def test_a_console_that_was_given_no_reports_has_no_such_page(store: Engine) -> None:
    assert Browser(create_app(store, shipped_policy(), "a key"), "ana").get("/reportes").status_code == 404


def test_every_refusal_of_a_signature_has_words() -> None:
    assert set(REFUSALS) == set(Unsigned)
