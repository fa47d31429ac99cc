"""Personal tokens of the API, as whoever administers sees them: everybody's, to be revoked."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user

from console.desk import desk
from console.duty import for_duty
from groundwork.problems import Refused
from incident_store.database import reading
from incident_store.domain.duties import Duty
from incident_store.tokens import list_tokens, revoke_token

token_pages = Blueprint("tokens", __name__)


@token_pages.get("/administracion/claves")
@for_duty(Duty.PEOPLE)
def tokens() -> str:
    """All of them."""
    with reading(desk().engine).connect() as connection:
        found = list_tokens(connection)
    return render_template("administration/tokens.html", tokens=found, now=datetime.now(UTC))


@token_pages.post("/administracion/claves/revocar")
@for_duty(Duty.PEOPLE)
def revoke() -> Any:
    """End one at once."""
    return end_token(request.form.get("person", ""), "tokens.tokens")


def end_token(person: str, back: str) -> Any:
    """Revoke the token that the form names, and say so on the page `back`."""
    try:
        revoke_token(desk().engine, person, request.form.get("token", ""), datetime.now(UTC), current_user.id)
        flash("La clave ya no abre nada.", "success")
    except Refused:
        flash("Esa clave no existe, o ya estaba revocada.", "warning")
    return redirect(url_for(back), 303)
