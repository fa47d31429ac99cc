"""Who is asking: a personal token, or a browser session that proves its writes are its own."""

from datetime import datetime

import structlog
from flask import request
from flask_login import current_user
from flask_wtf.csrf import validate_csrf
from wtforms import ValidationError

from console.api.problems import Problem, Trouble
from console.desk import desk
from incident_store.domain.steps import Actor
from incident_store.tokens import person_of_token

log = structlog.get_logger()

READING = frozenset({"GET", "HEAD"})
CSRF_HEADER = "X-CSRFToken"


def who_asks(now: datetime) -> Actor:
    """The person behind the request; raises Problem when nobody is known, or a session's write may be forged."""
    if "Authorization" in request.headers:
        return _by_token(now)
    if not current_user.is_authenticated:
        raise _unknown("send Authorization: Bearer with a personal token, which `renteseg token add` makes")
    if request.method not in READING:
        _demand_csrf_token()
    return Actor(current_user.id, current_user.role)


def _by_token(now: datetime) -> Actor:
    scheme, _, text = request.headers["Authorization"].partition(" ")
    actor = person_of_token(desk().engine, text.strip(), now) if scheme.lower() == "bearer" else None
    if actor is None:
        log.warning("token refused", address=request.remote_addr)
        raise _unknown("the token is unknown, expired or revoked; `renteseg token list` shows which are valid")
    return actor


def _demand_csrf_token() -> None:
    try:
        validate_csrf(request.headers.get(CSRF_HEADER))
    except ValidationError as error:
        raise Problem(Trouble.FORGED, f"send {CSRF_HEADER} with the token of the page's form: {error}") from error


def _unknown(detail: str) -> Problem:
    return Problem(Trouble.UNAUTHENTICATED, detail, headers={"WWW-Authenticate": 'Bearer realm="renteseg"'})
