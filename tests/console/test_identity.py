"""Logging in by an OpenID Connect provider, against a real one on loopback."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from flask import Flask
from flask.testing import FlaskClient
from jwkest.jwk import SYMKey
from jwkest.jws import JWS
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from console.app import create_app
from console.identity_provider import IdentityProvider, NotProven, ProviderAway
from console.main import identity_provider
from groundwork.problems import Refused
from groundwork.settings import Settings
from incident_store.access import newest_access
from incident_store.database import reading
from incident_store.people import disable
from tests.builders import at, shipped_policy
from tests.console.browser import Browser, token
from tests.console.identity_server import CLIENT, SECRET, IdentityServer, identity_server
from tests.exporters.certificates import NOW, Authority, authority
from tests.processes import free_ports

HOME = "http://consola.example"
BACK = f"{HOME}/login/identidad/regreso"


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The organisation's own authority, which signed the provider's certificate."""
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def identity(trusted: Authority) -> Iterator[IdentityServer]:
    secured = trusted.server(NOW + timedelta(days=1), "localhost")
    with identity_server(free_ports(1)[0], BACK, secured) as running:
        running.trusted = trusted.file
        yield running


def provider(identity: IdentityServer, claim: str = "preferred_username") -> IdentityProvider:
    return IdentityProvider(identity.url, CLIENT, SECRET, claim, "OSIPTEL", identity.trusted)


@pytest.fixture
def console(peopled: Engine, identity: IdentityServer) -> Flask:
    return create_app(peopled, shipped_policy(), "k", console_url=HOME, identity_provider=provider(identity))


def at_provider(address: str) -> httpx.Response:
    """What a browser gets there, which trusts whomever its organisation trusts."""
    return httpx.get(address, verify=False)


def goes_there(client: FlaskClient, **query: str) -> str:
    """The browser is sent to the provider, logs in there, and is sent back: the address that it comes back to."""
    sent = client.get("/login/identidad", query_string=query)
    assert sent.status_code == 302
    return at_provider(sent.headers["Location"]).headers["Location"]


def comes_back(client: FlaskClient, address: str) -> TestResponse:
    parts = urlsplit(address)
    return client.get(f"{parts.path}?{parts.query}")


def enters(client: FlaskClient, **query: str) -> TestResponse:
    return comes_back(client, goes_there(client, **query))


def test_whom_the_provider_knows_and_we_have_registered_enters_in_the_role_we_gave(
    console: Flask, peopled: Engine
) -> None:
    client = console.test_client()
    assert "Ingresar con OSIPTEL" in client.get("/login").text
    entered = enters(client, next="/incidencias?ver=todas")
    assert (entered.status_code, entered.headers["Location"]) == (302, "/incidencias?ver=todas")
    assert "ana" in client.get("/cuenta").text
    assert client.get("/administracion/auditoria").status_code == 403
    with reading(peopled).connect() as connection:
        newest = newest_access(connection)[0]
    assert (newest.kind.value, newest.person, newest.details["by"]) == ("logged_in", "ana", "oidc")


def test_whom_nobody_registered_here_is_told_so_and_it_is_on_record(
    console: Flask, identity: IdentityServer, peopled: Engine
) -> None:
    identity.at_the_browser = {"sub": "u9", "preferred_username": "<b>eva</b>"}
    client = console.test_client()
    refused = enters(client)
    assert refused.status_code == 403
    assert "&lt;b&gt;eva&lt;/b&gt;" in refused.text
    assert client.get("/cuenta").status_code == 302
    with reading(peopled).connect() as connection:
        assert newest_access(connection)[0].kind.value == "login_refused"


def test_a_disabled_person_does_not_enter_by_the_provider_either(console: Flask, peopled: Engine) -> None:
    disable(peopled, "ana", "raul", at(0))
    assert enters(console.test_client()).status_code == 403


def test_an_answer_to_another_browser_or_an_old_one_lets_nobody_in(console: Flask) -> None:
    mine, other = console.test_client(), console.test_client()
    address = goes_there(mine)
    other.get("/login/identidad")
    assert comes_back(other, address).status_code == 400
    assert comes_back(console.test_client(), address).status_code == 400
    assert comes_back(mine, address).status_code == 302
    assert comes_back(mine, address).status_code == 400
    assert other.get("/cuenta").status_code == 302


def test_a_code_that_was_made_up_or_of_another_attempt_proves_nothing(console: Flask) -> None:
    client = console.test_client()
    state = parse_qs(urlsplit(client.get("/login/identidad").headers["Location"]).query)["state"][0]
    assert client.get("/login/identidad/regreso", query_string={"state": state, "code": "x"}).status_code == 403
    stolen = parse_qs(urlsplit(goes_there(console.test_client())).query)["code"][0]
    state = parse_qs(urlsplit(client.get("/login/identidad").headers["Location"]).query)["state"][0]
    assert client.get("/login/identidad/regreso", query_string={"state": state, "code": stolen}).status_code == 403


def test_a_person_whom_the_provider_refuses_is_told_so(console: Flask, identity: IdentityServer) -> None:
    identity.refuses = True
    refused = enters(console.test_client())
    assert (refused.status_code, "no le dio acceso" in refused.text) == (403, True)


def test_a_provider_that_is_away_leaves_the_password(peopled: Engine) -> None:
    nowhere = f"http://127.0.0.1:{free_ports(1)[0]}"
    away = IdentityProvider(nowhere, CLIENT, SECRET, "preferred_username", "OSIPTEL")
    app = create_app(peopled, shipped_policy(), "k", console_url=HOME, identity_provider=away)
    answer = app.test_client().get("/login/identidad")
    assert (answer.status_code, "no responde" in answer.text) == (503, True)
    assert Browser(app, "ana").get("/cuenta").status_code == 200


def test_what_was_typed_before_the_session_ended_waits_for_the_login_in_another_tab(console: Flask) -> None:
    client = console.test_client()
    csrf = token(client.get("/login").text)
    typed = {"csrf_token": csrf, "title": "cae el portal", "component": "portal-web"}
    page = client.post("/incidencias/nueva", data=typed).text
    assert "en otra pestaña" in page
    kept = {"csrf_token": token(page), "kept.title": "cae el portal", "kept_target": "/incidencias/nueva"}
    still_out = client.post("/login/continuar", data=kept)
    assert (still_out.status_code, "cae el portal" in still_out.text) == (401, True)
    enters(client)
    resumed = client.post("/login/continuar", data=kept)
    assert (resumed.status_code, "cae el portal" in resumed.text) == (200, True)


def attempted(identity: IdentityServer, claim: str = "preferred_username") -> str:
    """The name that comes out of a login."""
    ours = provider(identity, claim)
    address, attempt = ours.begin(BACK)
    code = parse_qs(urlsplit(at_provider(address).headers["Location"]).query)["code"][0]
    return ours.name_of(attempt, code, BACK)


def test_the_name_is_the_claim_that_was_chosen_from_the_token_or_asked_for(identity: IdentityServer) -> None:
    assert attempted(identity) == "ana"
    assert attempted(identity, claim="email") == "ana@osiptel.example"
    identity.in_identity_token = {"preferred_username": "sofia"}
    assert attempted(identity) == "sofia"
    with pytest.raises(NotProven, match="RENTESEG_OIDC_CLAIM"):
        attempted(identity, claim="upn")


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"nonce": "another"}, "nonce"),
        ({"aud": ["other"]}, "aud"),
        ({"iss": "http://other.example"}, "iss"),
        ({"exp": 1_000_000}, "expired"),
    ],
)
def test_an_identity_token_for_another_time_place_or_login_proves_nothing(
    identity: IdentityServer, claims: dict[str, Any], why: str
) -> None:
    signed = identity.provider._create_signed_id_token
    identity.provider._create_signed_id_token = lambda *given, **named: _changed(
        identity, signed(*given, **named), claims
    )
    with pytest.raises(NotProven, match=why):
        attempted(identity)


def _changed(identity: IdentityServer, signed: str, claims: dict[str, Any]) -> str:
    told = {**JWS().verify_compact(signed, keys=[identity.provider.signing_key]), **claims}
    return str(JWS(told, alg="RS256").sign_compact(keys=[identity.provider.signing_key]))


@pytest.mark.parametrize("algorithm", ["HS256", "none"])
def test_a_token_that_anybody_could_have_signed_proves_nothing(identity: IdentityServer, algorithm: str) -> None:
    signed, key = identity.provider._create_signed_id_token, identity.provider.signing_key

    def forged(*given: Any, **named: Any) -> str:
        told = JWS().verify_compact(signed(*given, **named), keys=[key])
        keys = [SYMKey(key=SECRET, alg="HS256")] if algorithm == "HS256" else []
        return str(JWS(told, alg=algorithm).sign_compact(keys=keys))

    identity.provider._create_signed_id_token = forged
    with pytest.raises(NotProven):
        attempted(identity)


def test_a_provider_that_changed_its_keys_is_believed_from_the_next_login_on(identity: IdentityServer) -> None:
    ours = provider(identity)

    def attempt() -> str:
        address, begun = ours.begin(BACK)
        code = parse_qs(urlsplit(at_provider(address).headers["Location"]).query)["code"][0]
        return ours.name_of(begun, code, BACK)

    assert attempt() == "ana"
    identity.provider.signing_key = identity.new_key("2")
    with pytest.raises(NotProven):
        attempt()
    assert attempt() == "ana"


def test_an_issuer_that_is_somebody_else_or_whom_nobody_we_trust_signed_is_not_believed(
    identity: IdentityServer,
) -> None:
    identity.provider.configuration_information["issuer"] = "https://other.example"
    with pytest.raises(ProviderAway, match="does not describe itself"):
        provider(identity).begin(BACK)
    with pytest.raises(ProviderAway, match="CERTIFICATE_VERIFY_FAILED"):
        IdentityProvider(identity.url, CLIENT, SECRET, "email", "x").begin(BACK)


def test_settings_that_are_not_whole_are_refused_in_one_line(tmp_path: Any) -> None:
    settings = Settings(oidc_issuer="https://id.example", oidc_client="consola")
    with pytest.raises(Refused, match="RENTESEG_OIDC_SECRET_FILE"):
        identity_provider(settings)
    with pytest.raises(Refused, match="cannot be read"):
        identity_provider(settings.model_copy(update={"oidc_secret_file": tmp_path / "none"}))
    (tmp_path / "secret").write_text("x\n")
    assert identity_provider(settings.model_copy(update={"oidc_secret_file": tmp_path / "secret"})) is not None
    assert identity_provider(Settings()) is None
