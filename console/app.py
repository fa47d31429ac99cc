"""The application: login, the incidents, one incident, the runbooks."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from flask import Flask, Response, abort, redirect, render_template, request, url_for
from flask_bootstrap import Bootstrap5
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user, logout_user
from flask_wtf import CSRFProtect, FlaskForm
from markdown_it import MarkdownIt
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from wtforms import PasswordField, StringField, SubmitField
from wtforms.validators import DataRequired, Length

from groundwork.serving import health_app
from incident_store.database import reading, schema_lag
from incident_store.domain.incident_clocks import Clock, read_clocks
from incident_store.domain.lifecycle import Role
from incident_store.domain.policies import SlaPolicy
from incident_store.people import password_fits, role_of
from incident_store.queries import find_incident, list_incidents
from incident_store.words import CLOCK_STATES, CLOCKS, EVENTS, RESPONSIBLES, STATES, details_in_words

log = structlog.get_logger()

LIMA = ZoneInfo("America/Lima")
RUNBOOKS = Path(__file__).resolve().parent.parent / "docs" / "runbooks"
INSIDE = re.compile(r"/(?:[A-Za-z0-9._~-][A-Za-z0-9._~/-]*)?(?:\?[A-Za-z0-9._~/=&%+-]*)?")
RUNBOOK_NAME = re.compile(r"[A-Za-z]+")
CONTENT_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
CONTENT_POLICY += "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


MOST_LOGINS = "10 per minute"
"""From one address; guessing a password of twelve characters is hopeless at this pace."""


class Person(UserMixin):  # type: ignore[misc]
    """Somebody who has logged in."""

    def __init__(self, name: str, role: Role) -> None:
        self.id = name
        self.role = role


class LoginForm(FlaskForm):  # type: ignore[misc]
    """Name and password."""

    name = StringField("Usuario", validators=[DataRequired("Escriba su usuario."), Length(max=64)])
    password = PasswordField("Contraseña", validators=[DataRequired("Escriba su contraseña."), Length(max=1024)])
    submit = SubmitField("Ingresar")


def create_app(engine: Engine, policy: SlaPolicy, key: str) -> Flask:
    """The console on this store; `key` signs the sessions."""
    app = health_app("console", CollectorRegistry(), lambda: schema_lag(engine))
    app.config.update(
        SECRET_KEY=key,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=8),
        BOOTSTRAP_SERVE_LOCAL=True,
    )
    Bootstrap5(app)
    CSRFProtect(app)
    _prepare_login(app, engine)
    _prepare_words(app)
    _add_pages(app, engine, policy)

    @app.after_request
    def secure(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        return response

    @app.errorhandler(DBAPIError)
    def store_away(error: DBAPIError) -> tuple[str, int]:
        log.error("store unavailable", reason=str(error.orig).strip())
        # Without Flask's own rendering, which would ask the store who is logged in.
        return app.jinja_env.get_template("away.html").render(), 503

    return app


def _prepare_login(app: Flask, engine: Engine) -> None:
    limiter = Limiter(get_remote_address, app=app, storage_uri="memory://")
    manager = LoginManager(app)
    manager.login_view = "login"
    manager.login_message = None

    @manager.user_loader  # type: ignore[untyped-decorator]
    def load(name: str) -> Person | None:
        role = role_of(engine, name)
        return None if role is None else Person(name, role)

    @app.route("/login", methods=["GET", "POST"])
    @limiter.limit(MOST_LOGINS, methods=["POST"])
    def login() -> Any:
        form = LoginForm()
        if form.validate_on_submit():
            role = role_of(engine, form.name.data)
            if password_fits(engine, form.name.data, form.password.data) and role is not None:
                login_user(Person(form.name.data, role))
                log.info("login", person=form.name.data)
                return redirect(_inside(request.args.get("next")))
            log.warning("login refused", person=form.name.data, address=request.remote_addr)
            form.password.errors = ["El usuario o la contraseña no son correctos."]
        return render_template("login.html", form=form), 200 if request.method == "GET" else 401

    @app.post("/logout")
    @login_required  # type: ignore[untyped-decorator]
    def logout() -> Any:
        logout_user()
        return redirect(url_for("login"))


def _inside(target: str | None) -> str:
    """The page asked for before the login, if it is one of ours."""
    return target if target and INSIDE.fullmatch(target) else url_for("incidents")


def _prepare_words(app: Flask) -> None:
    def lima(moment: datetime) -> str:
        return moment.astimezone(LIMA).strftime("%d/%m/%Y %H:%M:%S")

    def span(length: timedelta) -> str:
        minutes, seconds = divmod(abs(int(length.total_seconds())), 60)
        hours, minutes = divmod(minutes, 60)
        words = f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"
        return words.replace(" ", "\u00a0")

    app.jinja_env.filters.update(
        lima=lima, span=span, in_words=details_in_words, utc=lambda moment: moment.astimezone(UTC).isoformat()
    )
    app.jinja_env.tests["runbook"] = lambda name: _runbook_file(name) is not None
    app.jinja_env.globals.update(
        CLOCKS=CLOCKS,
        CLOCK_STATES=CLOCK_STATES,
        EVENTS=EVENTS,
        RESPONSIBLES=RESPONSIBLES,
        STATES=STATES,
        person=current_user,
    )


def _by_name(clocks: Sequence[Clock]) -> dict[str, Clock]:
    return {clock.name.value: clock for clock in clocks}


def _runbook_file(name: str) -> Path | None:
    """The runbook of this alert, None when there is none."""
    page = RUNBOOKS / f"{name}.md"
    return page if RUNBOOK_NAME.fullmatch(name) and page.is_file() else None


def _add_pages(app: Flask, engine: Engine, policy: SlaPolicy) -> None:
    @app.get("/")
    @login_required  # type: ignore[untyped-decorator]
    def incidents() -> str:
        now = datetime.now(UTC)
        with reading(engine).connect() as connection:
            records = list_incidents(connection, limit=200)
        rows = [(record, record.incident, _by_name(read_clocks(record.events, policy, now))) for record in records]
        return render_template("incidents.html", rows=rows, now=now)

    @app.get("/incidencias/<int:number>")
    @login_required  # type: ignore[untyped-decorator]
    def incident(number: int) -> str:
        now = datetime.now(UTC)
        with reading(engine).connect() as connection:
            found = find_incident(connection, number)
        if found is None:
            abort(404)
        record, episodes = found
        clocks = read_clocks(record.events, policy, now)
        return render_template(
            "incident.html", record=record, incident=record.incident, episodes=episodes, clocks=clocks, now=now
        )

    @app.get("/runbooks/<name>")
    @login_required  # type: ignore[untyped-decorator]
    def runbook(name: str) -> str:
        page = _runbook_file(name)
        if page is None:
            abort(404)
        body = MarkdownIt("js-default").render(page.read_text(encoding="utf-8"))
        return render_template("runbook.html", name=name, body=body)

    @app.errorhandler(429)
    def too_many(_error: Exception) -> tuple[str, int]:
        return render_template("too_many.html"), 429

    @app.errorhandler(404)
    def missing(_error: Exception) -> tuple[str, int]:
        return render_template("missing.html"), 404
