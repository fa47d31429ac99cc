"""Administración: what there is to administer, and who came in."""

from typing import Any

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from flask_login import current_user, login_required

from console.desk import desk
from console.duty import for_duty
from incident_store.access import MOST_SHOWN, newest_access
from incident_store.database import reading
from incident_store.domain.duties import Duty, may
from incident_store.given import LARGEST_NUMBER

administration_pages = Blueprint("administration", __name__)

PARTS = (
    (Duty.PEOPLE, "Personas", "people.people"),
    (Duty.PEOPLE, "Claves", "tokens.tokens"),
    (Duty.CONFIGURATION, "Configuración", "configuration.configuration"),
    (Duty.QUARANTINE, "Cuarentena", "quarantine.entries"),
    (Duty.AUDIT, "Auditoría", "audit.audit"),
    (Duty.ACCESS_LOG, "Accesos", "administration.accesses"),
)
"""Whose duty it is, words, and endpoint."""


def prepare_administration(app: Flask) -> None:
    """Put the parts where templates find them."""

    def parts() -> list[tuple[str, str]]:
        return [(words, url_for(endpoint)) for duty, words, endpoint in PARTS if may(current_user.role, duty)]

    app.jinja_env.globals["administration_parts"] = parts


@administration_pages.get("/administracion")
@login_required  # type: ignore[untyped-decorator]
def administration() -> Any:
    """The first part that this person may see; who administers nothing sees their own account."""
    endpoints = [endpoint for duty, _, endpoint in PARTS if may(current_user.role, duty)]
    return redirect(url_for(endpoints[0] if endpoints else "account.account"))


@administration_pages.get("/administracion/accesos")
@for_duty(Duty.ACCESS_LOG)
def accesses() -> str:
    """Who came in, who was refused, and who changed what others may do; the newest first."""
    before, person = request.args.get("antes", type=int), request.args.get("persona", "")[:64]
    person = person if person.isprintable() else ""
    with reading(desk().engine).connect() as connection:
        events = newest_access(connection, before if before and 0 < before <= LARGEST_NUMBER else None, person)
    older = events[-1].number if len(events) == MOST_SHOWN else None
    return render_template("administration/accesses.html", events=events, person_asked=person, older=older)
