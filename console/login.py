"""Who is at the browser: login, session and logout."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from flask import Blueprint, Flask, redirect, render_template, request, session, url_for
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user, logout_user
from flask_wtf import CSRFProtect

from console.desk import desk
from console.kept_forms import INSIDE, TARGET, ask_for_login, carried, resume
from console.login_form import LoginForm
from incident_store import people
from incident_store.access import AccessKind, note_alone

log = structlog.get_logger()

MOST_LOGINS = "10 per minute"
"""From one address; guessing a password of twelve characters is hopeless at this pace."""
SESSION_LASTS = timedelta(hours=8)
"""A working day from the login on, however busy the session is."""
BEGAN = "began_at"

login_pages = Blueprint("login", __name__)
limiter = Limiter(get_remote_address, storage_uri="memory://")
csrf = CSRFProtect()
manager = LoginManager()
manager.login_view = "login.login"
manager.login_message = None


class Person(UserMixin):  # type: ignore[misc]
    """Somebody who has logged in. What the session bears changes with the password, so that a new one ends it."""

    def __init__(self, known: people.Person) -> None:
        self.id = known.name
        self.role = known.role
        self.has_password = known.has_password
        self._stamp = known.stamp

    def get_id(self) -> str:
        """What the session bears."""
        return f"{self._stamp}:{self.id}"


def prepare_login(app: Flask, key: str, *, encrypted: bool) -> None:
    """Sessions signed with `key`, forms with a token against forgery, and the pages to log in and out.

    `encrypted`: people reach the console over HTTPS alone, and so does the session's cookie.
    """
    app.config.update(
        SECRET_KEY=key,
        SESSION_COOKIE_NAME="__Host-renteseg" if encrypted else "renteseg",
        SESSION_COOKIE_SECURE=encrypted,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=SESSION_LASTS,
        WTF_CSRF_TIME_LIMIT=None,  # a page may stay open as long as its session
    )
    csrf.init_app(app)
    limiter.init_app(app)
    manager.init_app(app)
    app.register_blueprint(login_pages)


@manager.unauthorized_handler  # type: ignore[untyped-decorator]
def unauthorized() -> Any:
    """The login page; behind it, what was asked for or typed."""
    if request.method == "POST":
        return ask_for_login()
    return redirect(url_for("login.login", next=request.full_path.rstrip("?")))


@manager.user_loader  # type: ignore[untyped-decorator]
def load(borne: str) -> Person | None:
    """The person of a session; None when the session is too old, and when nobody may log in with what it bears."""
    stamp, _, name = borne.partition(":")
    if time.time() - session.get(BEGAN, 0) > SESSION_LASTS.total_seconds():
        return None
    known = people.find_person(desk().engine, name)
    return Person(known) if known is not None and known.stamp == stamp else None


@login_pages.route("/login", methods=["GET", "POST"])
@limiter.limit(MOST_LOGINS, methods=["POST"])
def login() -> Any:
    """The form, and what becomes of it."""
    form = LoginForm()
    if form.validate_on_submit():
        known = _who(form.name.data, form.password.data)
        if known is not None:
            let_in(known, by="password")
            return resume() or redirect(inside(request.args.get("next")))
        refuse(form.name.data, by="password")
        form.password.errors = ["El usuario o la contraseña no son correctos."]
    status = 200 if request.method == "GET" else 401
    return render_template("login.html", form=form, kept=carried(), target=request.form.get(TARGET)), status


@login_pages.post("/login/continuar")
def go_on() -> Any:
    """After a login in another tab: the form that was interrupted."""
    if not current_user.is_authenticated:
        kept, target = carried(), request.form.get(TARGET)
        return render_template("login.html", form=LoginForm(formdata=None), kept=kept, target=target), 401
    return resume() or redirect(inside(None))


@login_pages.post("/logout")
@login_required  # type: ignore[untyped-decorator]
def logout() -> Any:
    """End the session."""
    note_alone(desk().engine, AccessKind.LOGGED_OUT, current_user.id, datetime.now(UTC), **_from_where())
    logout_user()
    session.clear()
    return redirect(url_for("login.login"))


def let_in(known: people.Person, by: str) -> None:
    """Begin the session of this person, and write it down."""
    note_alone(desk().engine, AccessKind.LOGGED_IN, known.name, datetime.now(UTC), by=by, **_from_where())
    session[BEGAN] = time.time()
    login_user(Person(known))
    log.info("login", person=known.name, by=by)


def renew_session(name: str) -> None:
    """Let the session of this person live on after their password changed."""
    known = people.find_person(desk().engine, name)
    if known is not None:
        login_user(Person(known))


def refuse(name: str, by: str) -> None:
    """Write down that somebody was not let in under this name."""
    name = name if name.isprintable() else repr(name)
    note_alone(desk().engine, AccessKind.LOGIN_REFUSED, name, datetime.now(UTC), by=by, **_from_where())
    log.warning("login refused", person=name, by=by, address=request.remote_addr)


def inside(target: str | None) -> str:
    """The page asked for before the login, if it is one of ours."""
    return target if target and INSIDE.fullmatch(target) else url_for("incidents.home")


def _who(name: str, password: str) -> people.Person | None:
    engine = desk().engine
    if not name.isprintable() or not people.password_fits(engine, name, password):
        return None
    return people.find_person(engine, name)


def _from_where() -> dict[str, str]:
    return {"address": request.remote_addr or ""}
