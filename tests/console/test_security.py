"""What a browser, a forger or a thief may not do with the console."""

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, select

from console import login
from console.app import create_app
from incident_store.models import UserRow
from tests.builders import ROOT, shipped_policy
from tests.console.browser import Browser, token
from tests.console.conftest import PASSWORD

FREE = {"/login", "/login/continuar", "/healthz", "/readyz", "/metrics", "/api/v1/openapi.json"}
FREE |= {"/login/identidad", "/login/identidad/regreso"}
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)


def routes(console: Flask, method: str) -> Iterator[str]:
    """The addresses of the console, with something in the place of what they name."""
    for rule in console.url_map.iter_rules():
        if (
            method in (rule.methods or set())
            and rule.endpoint != "static"
            and not rule.endpoint.startswith("bootstrap")
        ):
            yield re.sub(r"<(?:(\w+)(?:\([^)]*\))?:)?\w+>", lambda found: "1" if found[1] == "int" else "x", rule.rule)


def test_passwords_are_kept_as_argon2id(peopled: Engine) -> None:
    with peopled.connect() as connection:
        kept = set(connection.execute(select(UserRow.password_hash)).scalars())
    assert all(one.startswith("$argon2id$v=19$") for one in kept)


def test_every_page_needs_a_login_and_every_answer_of_the_api_a_person(console: Flask) -> None:
    client = console.test_client()
    for address in set(routes(console, "GET")) - FREE:
        answer = client.get(address)
        if address.startswith("/api/"):
            assert answer.status_code == 401, address
        else:
            assert answer.status_code == 302, address
            assert "/login" in answer.headers["Location"], address


def test_every_form_needs_the_token_of_its_session(console: Flask) -> None:
    supervisor = Browser(console, "sofia")
    addresses = [one for one in routes(console, "POST") if not one.startswith("/api/")]
    assert len(addresses) > 10
    for address in addresses:
        assert supervisor.client.post(address, data={"name": "x"}).status_code == 400, address
        assert supervisor.client.post(address, data={"csrf_token": "forged"}).status_code == 400, address


def test_a_session_that_writes_by_the_api_needs_the_token_too(console: Flask) -> None:
    supervisor = Browser(console, "sofia")
    for address in [one for one in routes(console, "POST") if one.startswith("/api/")]:
        answer = supervisor.client.post(address, json={})
        assert (answer.status_code, answer.json["type"]) == (403, "urn:renteseg:problem:forged"), address


@pytest.mark.parametrize("name", ["vera", "raul"])
def test_who_may_not_record_is_refused_by_page_and_by_api_alike(
    console: Flask, api: Callable[[str], Any], name: str
) -> None:
    fields = {"kind": "incidencia", "title": "x", "component": "x", "channel": "correo"}
    words = {**fields, "severity": "baja", "responsible": "nobody"}
    assert Browser(console, name).send("/cuenta", "/incidencias/nueva", **words).status_code == 403
    assert api(name).post("/incidents", fields).status_code == 403


def test_no_page_has_inline_code_or_style(browsing: Callable[[str], Any], console: Flask) -> None:
    texts = {path: path.read_text() for path in (ROOT / "console" / "templates").rglob("*.html")}
    assert {str(path): INLINE.findall(text) for path, text in texts.items() if INLINE.search(text)} == {}
    for address in set(routes(console, "GET")) - FREE:
        answer = browsing("raul").get(address)
        if answer.content_type.startswith("text/html"):
            assert not INLINE.search(answer.text), address


def test_the_policy_lets_a_page_load_from_here_alone(console: Flask) -> None:
    policy = console.test_client().get("/login").headers["Content-Security-Policy"]
    said = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert said.pop("default-src") == said.pop("frame-ancestors") == said.pop("base-uri") == "'none'"
    assert said.pop("img-src") == "'self' data:"
    assert said == dict.fromkeys(("style-src", "script-src", "font-src", "form-action", "connect-src"), "'self'")


def cookie_of(app: Flask, address: str) -> str:
    client = app.test_client()
    fields = {"name": "ana", "password": PASSWORD}
    fields["csrf_token"] = token(client.get("/login", base_url=address).text)
    headers = {"Referer": f"{address}/login"}
    return client.post("/login", data=fields, base_url=address, headers=headers).headers["Set-Cookie"]


def test_over_https_the_cookie_is_for_https_and_this_host_alone(peopled: Engine) -> None:
    address = "https://consola.example"
    app = create_app(peopled, shipped_policy(), "k", console_url=address)
    cookie = cookie_of(app, address)
    assert cookie.startswith("__Host-renteseg=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "max-age" in app.test_client().get("/login").headers["Strict-Transport-Security"]


def test_on_loopback_the_cookie_is_out_of_reach_of_scripts(peopled: Engine) -> None:
    cookie = cookie_of(create_app(peopled, shipped_policy(), "k"), "http://localhost")
    assert {"HttpOnly", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}
    assert "Secure" not in cookie


def test_a_session_ends_after_a_working_day_however_busy_it_is(console: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    ana, began = Browser(console, "ana"), time.time()
    for hours in range(8):
        monkeypatch.setattr(login.time, "time", lambda hours=hours: began + 3600 * hours)
        assert ana.get("/cuenta").status_code == 200
    monkeypatch.setattr(login.time, "time", lambda: began + timedelta(hours=8, seconds=5).total_seconds())
    assert "/login" in ana.get("/cuenta").headers["Location"]


def test_a_session_of_another_key_opens_nothing(peopled: Engine, console: Flask) -> None:
    stolen = Browser(create_app(peopled, shipped_policy(), "another key"), "sofia")
    cookie = stolen.client.get_cookie("renteseg")
    assert cookie is not None
    client = console.test_client()
    client.set_cookie("renteseg", cookie.value)
    assert client.get("/incidencias").status_code == 302


def test_behind_a_proxy_of_ours_each_person_has_their_own_limit(peopled: Engine) -> None:
    app = create_app(peopled, shipped_policy(), "k", proxies=1)
    app.config["WTF_CSRF_ENABLED"] = False

    def guess(address: str) -> int:
        fields = {"name": "ana", "password": "una clave errada"}
        return app.test_client().post("/login", data=fields, headers={"X-Forwarded-For": address}).status_code

    assert [guess("10.0.0.1") for _ in range(11)][-1] == 429
    assert guess("10.0.0.2") == 401
    assert guess("10.9.9.9, 10.0.0.1") == 429  # what the person's own side claims is not believed


def test_no_password_is_carried_along_or_shown(console: Flask) -> None:
    fields = {"name": "luis", "password": "secreta y larga", "password_again": "secreta y larga"}
    client = console.test_client()
    fields["csrf_token"] = token(client.get("/login").text)
    page = client.post("/administracion/personas", data=fields)
    assert page.status_code == 401
    assert "luis" in page.text
    assert "secreta" not in page.text
