"""One more step of an incident's life, from its form."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask_login import current_user, login_required
from werkzeug.datastructures import MultiDict

from console.desk import desk
from console.incident_page import incident_page
from console.step_forms import Standing, StepForm, order_broken, step_form
from console.step_words import ABOUT_TIME, ACTIONS, REFUSALS, sends
from incident_store.advance import Overtaken, StepRefused, advance
from incident_store.database import reading
from incident_store.domain.incidents import Kind
from incident_store.domain.lifecycle import ROLES, EventKind
from incident_store.domain.refusals import Reason
from incident_store.domain.steps import Actor
from incident_store.given import LARGEST_NUMBER
from incident_store.queries import find_incident
from incident_store.transactions import Unstorable

step_pages = Blueprint("steps", __name__)

UNSTORABLE = "La base no puede guardar un valor de este formulario; quite los caracteres extraños."


@step_pages.post("/incidencias/<int:number>/pasos/<word>")
@login_required  # type: ignore[untyped-decorator]
def take(number: int, word: str) -> Any:
    """Record a step if the rules allow it and the incident is as the person saw it; else the form again, and why."""
    kind = EventKind(word) if word in {one.value for one in ROLES} else abort(404)
    now = datetime.now(UTC)
    standing = _standing(number)
    form, seen = step_form(kind, standing, request.form), _seen(request.form)
    if not form.validate():
        return _again(number, kind, form, 422)
    actor = Actor(current_user.id, current_user.role)
    try:
        advance(desk().engine, number, form.step(kind, now), actor, now, seen)
    except Overtaken as error:
        return incident_page(number, refused=(kind, form), since=error.since), 409
    except StepRefused as error:
        return _refused(number, kind, form, error, standing)
    except Unstorable:
        return _again(number, kind, form, 422, UNSTORABLE)
    written = sends(standing.events, standing.kind, kind)
    flash(f"Registrado: {ACTIONS[kind][0]}." + "".join(f" Se prepara: {notice}." for notice in written), "success")
    return redirect(url_for("incidents.incident", number=number), 303)


def _standing(number: int) -> Standing:
    with reading(desk().engine).connect() as connection:
        found = find_incident(connection, number) if number <= LARGEST_NUMBER else None
    if found is None:
        abort(404)
    return Standing(found[0].events, Kind(found[0].kind))


def _seen(given: MultiDict[str, str]) -> int | None:
    """How many events the person had before them; a form without it was not ours."""
    text = given.get("seen", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else abort(400)


def _again(number: int, kind: EventKind, form: StepForm, status: int, trouble: str | None = None) -> tuple[str, int]:
    return incident_page(number, refused=(kind, form), trouble=trouble), status


def _refused(number: int, kind: EventKind, form: StepForm, error: StepRefused, standing: Standing) -> tuple[str, int]:
    """The refusal beside the field that it is about, else above the form."""
    words = REFUSALS.get(error.reason, str(error))
    at = form._fields.get("at")
    if error.reason in ABOUT_TIME and at is not None:
        moment = at.moment or datetime.now(UTC)
        at.errors = [order_broken(kind, moment, standing.events) or words]
        return _again(number, kind, form, 422)
    if error.reason is Reason.WRONG_ROLE:
        return incident_page(number, trouble=words), 403
    return _again(number, kind, form, 409 if error.reason is not Reason.BAD_DETAIL else 422, words)
