"""Logging in by the organisation's identity provider."""

import hmac
import time
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Flask, abort, current_app, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from console.desk import desk
from console.identity_provider import Attempt, IdentityProvider, NotProven, ProviderAway
from console.login import MOST_LOGINS, inside, let_in, limiter, log, refuse
from incident_store.people import find_person

identity_pages = Blueprint("identity", __name__)

ATTEMPT, WANTED = "oidc_attempt", "oidc_next"
PATIENCE_SECONDS = 600
AWAY = "El proveedor de identidad no responde. Vuelva a intentarlo, o ingrese con su contraseña si la tiene."
EXPIRED = "Este ingreso ya no vale: venció, o se empezó en otro navegador. Vuelva a empezar."
UNKNOWN = "Su identidad está comprobada ({}), pero nadie la ha registrado aquí: pídalo a quien administra la consola."
NOT_PROVEN = "El proveedor de identidad no confirmó quién es usted. Vuelva a intentarlo; si se repite, avise."
REFUSED_THERE = "El proveedor de identidad no le dio acceso."


def prepare_identity(app: Flask, provider: IdentityProvider | None, console_url: str) -> None:
    """Offer this provider on the login page; it sends browsers back to the console's own address."""
    app.extensions["identity"], app.extensions["identity-back"] = provider, console_url
    app.jinja_env.globals["identity_provider"] = provider.name if provider else None


@identity_pages.get("/login/identidad")
@limiter.limit(MOST_LOGINS)
def begin() -> Any:
    """Send the browser to the provider."""
    try:
        address, attempt = _provider().begin(_back())
    except ProviderAway as error:
        log.error("identity provider away", reason=str(error))
        return _told(AWAY, 503)
    session[ATTEMPT], session[WANTED] = asdict(attempt), request.args.get("next", "")
    return redirect(address)


@identity_pages.get("/login/identidad/regreso")
@limiter.limit(MOST_LOGINS)
def come_back() -> Any:
    """The provider sends the browser back: with a code, or with an error."""
    provider, remembered = _provider(), session.pop(ATTEMPT, None)
    attempt = Attempt(**remembered) if remembered else None
    state = request.args.get("state", "")
    if attempt is None or not hmac.compare_digest(attempt.state.encode(), state.encode("utf-8", "replace")):
        return _told(EXPIRED, 400)
    if time.time() - attempt.began_at > PATIENCE_SECONDS:
        return _told(EXPIRED, 400)
    if "code" not in request.args:
        log.warning("identity refused", reason=request.args.get("error", "")[:200])
        return _told(REFUSED_THERE, 403)
    try:
        name = provider.name_of(attempt, request.args["code"], _back())
    except ProviderAway as error:
        log.error("identity provider away", reason=str(error))
        return _told(AWAY, 503)
    except NotProven as error:
        log.warning("identity not proven", reason=str(error))
        return _told(NOT_PROVEN, 403)
    return _enter(name)


def _enter(name: str) -> Any:
    known = find_person(desk().engine, name) if name.isprintable() and len(name) <= 64 else None
    if known is None:
        refuse(name[:64], by="oidc")
        return _told(UNKNOWN.format(name[:64]), 403)
    let_in(known, by="oidc")
    return redirect(inside(session.pop(WANTED, "")))


def _provider() -> IdentityProvider:
    provider: IdentityProvider | None = current_app.extensions["identity"]
    return provider or abort(404)


def _back() -> str:
    return str(current_app.extensions["identity-back"]).rstrip("/") + url_for("identity.come_back")


def _told(words: str, status: int) -> Response:
    return Response(render_template("not_let_in.html", words=words), status, content_type="text/html; charset=utf-8")
