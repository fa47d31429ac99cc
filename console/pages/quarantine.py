"""What the receiver could not understand: looked at, read again, or dismissed."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask_login import current_user

from console.desk import desk
from console.duty import for_duty
from groundwork.problems import Refused
from incident_store.database import reading
from incident_store.domain.duties import Duty
from incident_store.given import LARGEST_NUMBER
from incident_store.quarantine import Entry, NotUnderstood, dismiss, find_entry, waiting_entries

quarantine_pages = Blueprint("quarantine", __name__)

MOST_LISTED = 200
SHOWN_CHARACTERS = 20_000
REASONS = {
    "not-json": "No es JSON",
    "not-a-delivery": "No es una entrega de Alertmanager",
    "bad-alert": "Una alerta que no se entiende",
    "many-bad-alerts": "Muchas alertas que no se entienden",
    "unstorable": "Se entiende, pero la base no puede guardarla",
}


@quarantine_pages.get("/administracion/cuarentena")
@for_duty(Duty.QUARANTINE)
def entries() -> str:
    """What waits, the oldest first."""
    with reading(desk().engine).connect() as connection:
        found = waiting_entries(connection, MOST_LISTED)
    return render_template("administration/quarantine.html", entries=found, most=MOST_LISTED, reasons=REASONS)


@quarantine_pages.get("/administracion/cuarentena/<int:number>")
@for_duty(Duty.QUARANTINE)
def entry(number: int) -> str:
    """One entry with its body as it came."""
    return _page(_found(number))


@quarantine_pages.post("/administracion/cuarentena/<int:number>/reprocesar")
@for_duty(Duty.QUARANTINE)
def replay(number: int) -> Any:
    """Read it again and record it; refused while it is still not understood."""
    found, at = _found(number), desk()
    if at.replay is None:
        abort(404)
    try:
        recorded = at.replay(at.engine, number, at.policy, datetime.now(UTC), current_user.id)
    except NotUnderstood as error:
        return _page(found, trouble=error.reasons), 422
    except Refused as error:
        return _page(found, trouble=[str(error)]), 422
    touched = ", ".join(map(str, recorded.incidents)) or "ninguna"
    counts = f"{recorded.accepted} alertas nuevas, {recorded.duplicates} ya conocidas"
    flash(f"Reprocesado: {counts}; incidencias: {touched}.", "success")
    return redirect(url_for("quarantine.entries"), 303)


@quarantine_pages.post("/administracion/cuarentena/<int:number>/descartar")
@for_duty(Duty.QUARANTINE)
def drop(number: int) -> Any:
    """The same bytes will not ask for attention again."""
    _found(number)
    dismiss(desk().engine, number, current_user.id, datetime.now(UTC))
    flash(f"Descartado: {number}. Los mismos bytes no volverán a pedir atención.", "success")
    return redirect(url_for("quarantine.entries"), 303)


def _found(number: int) -> Entry:
    with reading(desk().engine).connect() as connection:
        return (find_entry(connection, number) if number <= LARGEST_NUMBER else None) or abort(404)


def _page(found: Entry, trouble: list[str] | None = None) -> str:
    body = found.rejected.body.decode("utf-8", "backslashreplace")
    shown = (sign if sign.isprintable() or sign == "\n" else repr(sign)[1:-1] for sign in body[:SHOWN_CHARACTERS])
    return render_template(
        "administration/entry.html",
        entry=found,
        body="".join(shown),
        more=max(0, len(body) - SHOWN_CHARACTERS),
        reasons=REASONS,
        trouble=trouble,
    )
