"""Who may log in: added, given another role or password, disabled and enabled again."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user
from wtforms import Form

from console.access_forms import PasswordForm, PersonForm, RoleForm
from console.desk import desk
from console.duty import for_duty
from incident_store.access import newest_access
from incident_store.database import reading
from incident_store.domain.duties import Duty
from incident_store.domain.lifecycle import Role
from incident_store.people import (
    LastAdministrator,
    NameTaken,
    Person,
    add_person,
    disable,
    enable,
    list_people,
    set_password,
    set_role,
)

people_pages = Blueprint("people", __name__)

LAST = "Es la única persona que administra: dé antes ese rol a otra."
OWN = "Su propia cuenta la cambia otra persona que administre."


@people_pages.route("/administracion/personas", methods=["GET", "POST"])
@for_duty(Duty.PEOPLE)
def people() -> Any:
    """Everybody, and the form for somebody new."""
    if request.method == "GET":
        return _list(PersonForm())
    form = PersonForm(request.form)
    if not form.validate():
        return _list(form), 422
    try:
        add_person(desk().engine, form.name.data, Role(form.role.data), form.password.data or None, current_user.id)
    except NameTaken:
        form.name.errors = ["Ya hay alguien con este usuario; si está inhabilitado, habilítelo."]
        return _list(form), 409
    flash(f"{form.name.data} ya puede ingresar.", "success")
    return redirect(url_for("people.person", name=form.name.data), 303)


@people_pages.get("/administracion/persona")
@for_duty(Duty.PEOPLE)
def person() -> str:
    """One of them, named in the address."""
    return _person(_named(request.args.get("name", "")))


@people_pages.post("/administracion/persona/rol")
@for_duty(Duty.PEOPLE)
def change_role() -> Any:
    """Another role."""
    form = RoleForm(request.form)
    return _changed(
        lambda name, now: set_role(desk().engine, name, Role(form.role.data), current_user.id, now), role_form=form
    )


@people_pages.post("/administracion/persona/clave")
@for_duty(Duty.PEOPLE)
def change_password() -> Any:
    """A new password, which ends the person's sessions."""
    form = PasswordForm(request.form)
    return _changed(
        lambda name, now: set_password(desk().engine, name, form.password.data, current_user.id, now),
        password_form=form,
    )


@people_pages.post("/administracion/persona/inhabilitar")
@for_duty(Duty.PEOPLE)
def switch_off() -> Any:
    """End sessions and tokens."""
    return _changed(lambda name, now: disable(desk().engine, name, current_user.id, now))


@people_pages.post("/administracion/persona/habilitar")
@for_duty(Duty.PEOPLE)
def switch_on() -> Any:
    """Let in again."""
    return _changed(lambda name, now: enable(desk().engine, name, current_user.id, now))


def _changed(change: Callable[[str, datetime], None], **forms: Form) -> Any:
    """Do it, unless a form does not hold or the rules refuse it; then the page again, and why."""
    found = _named(request.form.get("name", ""))
    if found.name == current_user.id:
        return _person(found, trouble=OWN, **forms), 403
    if not all(form.validate() for form in forms.values()):
        return _person(found, **forms), 422
    try:
        change(found.name, datetime.now(UTC))
    except LastAdministrator:
        return _person(found, trouble=LAST, **forms), 409
    flash("Registrado.", "success")
    return redirect(url_for("people.person", name=found.name), 303)


def _named(name: str) -> Person:
    with reading(desk().engine).connect() as connection:
        return next((one for one in list_people(connection) if one.name == name), None) or abort(404)


def _list(form: PersonForm) -> str:
    with reading(desk().engine).connect() as connection:
        everybody = list_people(connection)
    return render_template("administration/people.html", people=everybody, form=form)


def _person(
    found: Person,
    *,
    role_form: RoleForm | None = None,
    password_form: PasswordForm | None = None,
    trouble: str | None = None,
) -> str:
    with reading(desk().engine).connect() as connection:
        events = newest_access(connection, person=found.name)
    return render_template(
        "administration/person.html",
        found=found,
        own=found.name == current_user.id,
        role_form=role_form or RoleForm(role=found.role.value),
        password_form=password_form or PasswordForm(),
        trouble=trouble,
        events=events,
    )
