"""Who is at the browser: login, session and logout."""

from datetime import timedelta
from typing import Any

import structlog
from flask import Blueprint, Flask, redirect, render_template, request, url_for
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, UserMixin, login_required, login_user, logout_user
from flask_wtf import CSRFProtect

from console.desk import desk
from console.kept_forms import INSIDE, TARGET, ask_for_login, carried, resume
from console.login_form import LoginForm
from incident_store.domain.lifecycle import Role
from incident_store.people import password_fits, role_of

log = structlog.get_logger()

MOST_LOGINS = "10 per minute"
"""From one address; guessing a password of twelve characters is hopeless at this pace."""

login_pages = Blueprint("login", __name__)
limiter = Limiter(get_remote_address, storage_uri="memory://")
csrf = CSRFProtect()
manager = LoginManager()
manager.login_view = "login.login"
manager.login_message = None


class Person(UserMixin):  # type: ignore[misc]
    """Somebody who has logged in."""

    def __init__(self, name: str, role: Role) -> None:
        self.id = name
        self.role = role


def prepare_login(app: Flask, key: str) -> None:
    """Sessions signed with `key`, forms with a token against forgery, and the pages to log in and out."""
    app.config.update(
        SECRET_KEY=key,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=8),
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
def load(name: str) -> Person | None:
    """The person of a session, None when nobody has this name any more."""
    role = role_of(desk().engine, name)
    return None if role is None else Person(name, role)


@login_pages.route("/login", methods=["GET", "POST"])
@limiter.limit(MOST_LOGINS, methods=["POST"])
def login() -> Any:
    """The form, and what becomes of it."""
    form = LoginForm()
    if form.validate_on_submit():
        engine = desk().engine
        role = role_of(engine, form.name.data)
        if password_fits(engine, form.name.data, form.password.data) and role is not None:
            login_user(Person(form.name.data, role))
            log.info("login", person=form.name.data)
            return resume() or redirect(_inside(request.args.get("next")))
        log.warning("login refused", person=form.name.data, address=request.remote_addr)
        form.password.errors = ["El usuario o la contraseña no son correctos."]
    kept, target = carried(), request.form.get(TARGET)
    return render_template("login.html", form=form, kept=kept, target=target), 200 if request.method == "GET" else 401


@login_pages.post("/logout")
@login_required  # type: ignore[untyped-decorator]
def logout() -> Any:
    """End the session."""
    logout_user()
    return redirect(url_for("login.login"))


def _inside(target: str | None) -> str:
    """The page asked for before the login, if it is one of ours."""
    return target if target and INSIDE.fullmatch(target) else url_for("incidents.home")
