"""What was typed is kept: over a session that ended, and over a store that is away."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from flask import Response, current_app, make_response, render_template, request
from flask_login import current_user

from console.login_form import LoginForm
from console.words_of_fields import label

INSIDE = re.compile(r"/(?:[A-Za-z0-9._~-][A-Za-z0-9._~/-]*)?(?:\?[A-Za-z0-9._~/=&%+-]*)?")
"""An address of ours, which no browser can read as somebody else's."""

PREFIX = "kept."
TARGET = "kept_target"
OURS = frozenset({"csrf_token", TARGET})
PASSWORDS = "password"
"""How the names of fields begin whose contents no page shows."""


def typed() -> list[tuple[str, str]]:
    """What the request's form holds, in order, for a page to carry along.

    Nothing of a form that another site sent: it would be its words in this person's mouth. No password either: it is
    typed again.
    """
    return [pair for pair in _pairs() if _from_here()]


def _pairs() -> Iterator[tuple[str, str]]:
    for name, values in request.form.lists():
        if name.rsplit("-", 1)[-1] not in OURS and not name.startswith(PASSWORDS):
            yield from ((name, value) for value in values)


def _from_here() -> bool:
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


def ask_for_login() -> Response:
    """The login page, with what was typed behind it."""
    page = render_template(
        "login.html", form=LoginForm(formdata=None), kept=typed(), target=request.full_path.rstrip("?")
    )
    return make_response(page, 401)


def carried() -> list[tuple[str, str]]:
    """What an earlier form held and the login page carries along."""
    return [(name.removeprefix(PREFIX), value) for name, value in typed() if name.startswith(PREFIX)]


def resume() -> str | None:
    """After a login: the form that was interrupted, to be looked at and sent; None when there was none."""
    target = request.form.get(TARGET, "")
    kept = carried()
    if not kept or not INSIDE.fullmatch(target):
        return None
    return show_typed(target, kept)


def show_typed(target: str, kept: list[tuple[str, str]]) -> str:
    """The page that shows what was typed, ready to be sent again by the person who reads it."""
    shown = [(name, label(name), value) for name, value in kept]
    return render_template("resume.html", target=target, shown=shown)


def forged() -> Response:
    """Instead of a form whose token is not of this session: what was typed, to be looked at and sent again."""
    if request.endpoint == "login.login":
        return make_response(render_template("login.html", **_login_again()), 400)
    if not current_user.is_authenticated:
        return ask_for_login()
    return make_response(show_typed(request.full_path.rstrip("?"), typed()), 400)


def _login_again() -> dict[str, object]:
    form = LoginForm()
    form.name.errors = ["La página estuvo abierta demasiado tiempo: escriba otra vez su contraseña e ingrese."]
    return {"form": form, "kept": carried(), "target": request.form.get(TARGET)}


def away() -> str:
    """The page for a store that is away. It asks nobody who is logged in, for that would ask the store."""
    kept = typed() if request.method == "POST" and request.endpoint != "login.login" else []
    page = current_app.jinja_env.get_template("away.html")
    return page.render(kept=kept, target=request.full_path.rstrip("?"), posted=request.method == "POST")
