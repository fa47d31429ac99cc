"""The Spanish words and the times of Lima that templates use."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Flask
from flask_login import current_user
from markupsafe import Markup, escape

from console import load_words
from console.step_words import ACTIONS, NOTICE_STATES, NOTICES
from incident_store.access import AccessKind
from incident_store.domain.availability import MinuteState
from incident_store.domain.policies import Responsible
from incident_store.words import (
    CLOCK_STATES,
    CLOCKS,
    EVENTS,
    REASONS,
    REGULARISATION_STANDINGS,
    RESPONSIBLES,
    STATES,
    VALUES,
    WINDOW_EVENTS,
    WINDOW_STAGES,
    details_in_words,
    failure,
)

LIMA = ZoneInfo("America/Lima")
ROLES = {"analyst": "analista", "supervisor": "supervisor", "viewer": "consulta", "admin": "administrador"}
KINDS = {"incidencia": "Incidencia", "consulta": "Consulta"}
ACCESS = {
    AccessKind.LOGGED_IN: "ingresó",
    AccessKind.LOGIN_REFUSED: "ingreso rechazado",
    AccessKind.LOGGED_OUT: "salió",
    AccessKind.PERSON_ADDED: "persona agregada",
    AccessKind.ROLE_CHANGED: "cambio de rol",
    AccessKind.DISABLED: "inhabilitada",
    AccessKind.ENABLED: "habilitada",
    AccessKind.PASSWORD_CHANGED: "cambio de contraseña",
    AccessKind.TOKEN_ADDED: "clave creada",
    AccessKind.TOKEN_REVOKED: "clave revocada",
    AccessKind.REPLAYED: "cuarentena reprocesada",
    AccessKind.DISMISSED: "cuarentena descartada",
}
ACCESS_DETAILS = {
    "address": "desde",
    "by": "con",
    "before": "antes",
    "days": "días",
    "entry": "entrada",
    "oidc": "proveedor de identidad",
    "password": "contraseña",
    "role": "rol",
    "token": "clave",
}
PURPOSES = {"log": "Registro (log)", "capture": "Captura", "rca": "Informe técnico (RCA)", "other": "Otro"}

MINUTE_STATES = {
    MinuteState.UP: "Disponible",
    MinuteState.DOWN: "Caído",
    MinuteState.UNKNOWN: "Desconocido",
    MinuteState.MAINTENANCE: "Mantenimiento",
}


def prepare_words(app: Flask) -> None:
    """Filters and words of the templates."""
    app.jinja_env.filters.update(
        lima=lima,
        span=span,
        in_words=details_in_words,
        utc=utc,
        moment=moment,
        size=size,
        isolated=isolated,
        begun=lambda words: f"{words[:1].upper()}{words[1:]}",
        failure=failure,
        responsible=lambda value: RESPONSIBLES[Responsible(value)],
    )
    app.jinja_env.globals.update(
        ACCESS=ACCESS,
        ACCESS_DETAILS=ACCESS_DETAILS,
        ACTIONS=ACTIONS,
        CLOCKS=CLOCKS,
        CLOCK_STATES=CLOCK_STATES,
        EVENTS=EVENTS,
        KINDS=KINDS,
        LOADS=load_words,
        WINDOW_EVENTS=WINDOW_EVENTS,
        WINDOW_STAGES=WINDOW_STAGES,
        MINUTE_STATES=MINUTE_STATES,
        NOTICES=NOTICES,
        NOTICE_STATES=NOTICE_STATES,
        PURPOSES=PURPOSES,
        REASONS=REASONS,
        RESPONSIBLES=RESPONSIBLES,
        ROLES=ROLES,
        STANDINGS=REGULARISATION_STANDINGS,
        STATES=STATES,
        VALUES=VALUES,
        person=current_user,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def lima(moment: datetime) -> str:
    """A time as people in Lima write it, to the second."""
    return moment.astimezone(LIMA).strftime("%d/%m/%Y %H:%M:%S")


def utc(moment: datetime) -> str:
    """The instant in UTC, ISO 8601."""
    return moment.astimezone(UTC).isoformat()


def moment(at: datetime) -> Markup:
    """A time of Lima with its instant in UTC on hover."""
    universal = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(utc(at), universal, lima(at))


def isolated(text: str) -> Markup:
    """Text from outside whose marks of direction end where it ends."""
    return Markup("<bdi>{}</bdi>").format(escape(text))


def size(count: int) -> str:
    """Bytes as people read them."""
    if count < 1024:
        return f"{count} B"
    kilobytes = count / 1024
    return f"{kilobytes:.0f} kB" if kilobytes < 1024 else f"{kilobytes / 1024:.1f} MB"


def span(length: timedelta) -> str:
    """A length without its sign, as `4 h 05 min` or `5 min 30 s`, that is not broken over two lines."""
    minutes, seconds = divmod(abs(int(length.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    days, rest = divmod(hours, 24)
    if days >= 3:
        words = f"{days} d {rest:02} h"
    else:
        words = f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"
    return words.replace(" ", "\u00a0")
