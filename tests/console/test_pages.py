"""The first pages: behind login, Spanish, harmless with hostile text."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from console.app import create_app
from groundwork.problems import Refused
from incident_store.database import open_store, upgrade
from incident_store.domain.lifecycle import Role
from incident_store.people import add_person, password_fits
from incident_store.store import record
from tests.builders import PORTAL_DOWN, at, firing, shipped_policy

PASSWORD = "una clave larga"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path}/incidents.db"
    upgrade(url)
    engine = open_store(url)
    add_person(engine, "ana", Role.ANALYST, PASSWORD)
    yield engine
    engine.dispose()


@pytest.fixture
def browser(store: Engine) -> FlaskClient:
    app = create_app(store, shipped_policy(), "a key for this test")
    app.config["WTF_CSRF_ENABLED"] = False
    return app.test_client()


def log_in(browser: FlaskClient, password: str = PASSWORD, target: str = "/login") -> int:
    return browser.post(target, data={"name": "ana", "password": password}).status_code


def test_every_page_asks_for_a_login_and_health_pages_do_not(browser: FlaskClient) -> None:
    for page in ("/", "/incidencias", "/incidencias/1", "/runbooks/RentesegComponentDown"):
        assert "/login" in browser.get(page).headers["Location"]
    assert [browser.get(page).status_code for page in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]


def test_a_wrong_password_is_refused_in_words(browser: FlaskClient) -> None:
    answer = browser.post("/login", data={"name": "ana", "password": "otra"})
    assert answer.status_code == 401
    assert "no son correctos" in answer.text
    assert log_in(browser) == 302


@pytest.mark.parametrize(
    "target", ["//evil.example/", "/%09/evil.example", "/%0a/evil.example", "/%5Cevil.example", "https://evil.example"]
)
def test_after_the_login_only_pages_of_ours_are_returned_to(browser: FlaskClient, target: str) -> None:
    answer = browser.post(f"/login?next={target}", data={"name": "ana", "password": PASSWORD})
    assert answer.headers["Location"] == "/"


def test_after_the_login_the_page_that_was_asked_for_comes(browser: FlaskClient) -> None:
    answer = browser.post("/login?next=/incidencias/7", data={"name": "ana", "password": PASSWORD})
    assert answer.headers["Location"] == "/incidencias/7"


def test_guessing_passwords_is_slowed_down(browser: FlaskClient) -> None:
    answers = [log_in(browser, "una clave errada") for _ in range(12)]
    assert answers == [401] * 10 + [429] * 2


def test_a_form_without_token_is_refused(store: Engine) -> None:
    assert log_in(create_app(store, shipped_policy(), "a key").test_client()) == 400


def test_the_list_says_so_when_it_is_empty_and_shows_incidents_with_their_clocks(
    browser: FlaskClient, store: Engine
) -> None:
    log_in(browser)
    assert "No hay incidencias abiertas" in browser.get("/incidencias").text
    record(store, [firing(0)], [], shipped_policy(), at(1))
    page = browser.get("/incidencias").text
    assert "portal-web" in page
    assert "B proveedor" in page
    assert "Plazos" in browser.get("/incidencias/1").text
    assert browser.get("/incidencias/99").status_code == 404


def test_hostile_labels_are_shown_as_text(browser: FlaskClient, store: Engine) -> None:
    log_in(browser)
    hostile = "<script>alert(1)</script>"
    record(store, [firing(0, {**PORTAL_DOWN, "component": hostile, "service": hostile})], [], shipped_policy(), at(1))
    for page in ("/incidencias", "/incidencias/1"):
        answer = browser.get(page)
        assert hostile not in answer.text
        assert "&lt;script&gt;" in answer.text
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


def test_a_store_that_is_away_has_a_page_that_says_so(browser: FlaskClient, store: Engine) -> None:
    log_in(browser)
    with store.begin() as connection:
        connection.execute(text("ALTER TABLE users RENAME TO gone"))
    answer = browser.get("/incidencias")
    assert answer.status_code == 503
    assert "no responde" in answer.text


def test_people_need_a_free_name_and_a_long_password(store: Engine) -> None:
    with pytest.raises(Refused, match="already"):
        add_person(store, "ana", Role.VIEWER, PASSWORD)
    with pytest.raises(Refused, match="12 characters"):
        add_person(store, "luis", Role.VIEWER, "corta")
    assert password_fits(store, "ana", PASSWORD)
    assert not password_fits(store, "nadie", PASSWORD)
