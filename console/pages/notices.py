"""Avisos: what leaves by mail, read, edited and approved before it does."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user, login_required
from wtforms import Form

from console.desk import desk
from console.step_forms import line_field, text_field
from groundwork.problems import Refused
from incident_store import outbox
from incident_store.database import reading
from incident_store.domain.notices import ACTORS, ACTS, Act
from incident_store.domain.steps import Actor
from incident_store.given import LARGEST_NUMBER
from incident_store.outbox import LONGEST_SUBJECT, Notice, find_notice

notice_pages = Blueprint("notices", __name__)

WORDS = {
    Act.APPROVE: ("Aprobar y enviar", "Sale tal como está, a los destinatarios que se muestran."),
    Act.RETRY: ("Enviar de nuevo", "A quienes todavía no lo recibieron."),
    Act.REDRAFT: ("Redactar de nuevo", "El texto se rehace con los hechos de ahora; lo editado se pierde."),
    Act.DISMISS: ("No enviar", "Queda registrado por qué."),
}
OVERTAKEN = "Alguien lo cambió mientras usted lo leía, o ya no está en ese estado. Lea cómo quedó y decida otra vez."
WRONG_ROLE = "Su rol no puede hacer esto con un aviso: analistas redactan, supervisores aprueban."
NO_RECIPIENT = "No tiene destinatarios: complete contacts.yml y redáctelo de nuevo."


class TextForm(Form):  # type: ignore[misc]
    """Subject and text of a draft."""

    subject = line_field("Asunto", most=LONGEST_SUBJECT)
    text = text_field("Texto", rows=16, most=outbox.LONGEST_TEXT)


class DismissalForm(Form):  # type: ignore[misc]
    """Why a notice is not sent."""

    reason = line_field("Motivo")


@notice_pages.get("/avisos/<int:number>")
@login_required  # type: ignore[untyped-decorator]
def notice(number: int) -> str:
    """One notice, and what this person may do with it now."""
    return _page(number)


@notice_pages.post("/avisos/<int:number>/<word>")
@login_required  # type: ignore[untyped-decorator]
def act(number: int, word: str) -> Any:
    """Edit, approve, send again, draft again or dismiss, if nobody changed the notice since it was read."""
    what = Act(word) if word in set(Act) else abort(404)
    one, actor, now = _found(number), Actor(current_user.id, current_user.role), datetime.now(UTC)
    if actor.role not in ACTORS[what]:
        return _page(number, trouble=WRONG_ROLE), 403
    text, dismissal = TextForm(request.form), DismissalForm(request.form)
    if what is Act.EDIT and not text.validate():
        return _page(number, text=text), 422
    if what is Act.DISMISS and not dismissal.validate():
        return _page(number, dismissal=dismissal), 422
    if what is Act.APPROVE and not one.recipients:
        return _page(number, trouble=NO_RECIPIENT), 422
    seen = _seen()
    done: Mapping[Act, Callable[[], Notice]] = {
        Act.EDIT: lambda: outbox.edit(
            desk().engine, number, actor, subject=text.subject.data, text=text.text.data, seen=seen
        ),
        Act.APPROVE: lambda: outbox.approve(desk().engine, number, actor, now, seen),
        Act.RETRY: lambda: outbox.retry(desk().engine, number, actor, now),
        Act.REDRAFT: lambda: outbox.redraft(desk().engine, number, actor, now),
        Act.DISMISS: lambda: outbox.dismiss(desk().engine, number, actor, dismissal.reason.data, seen),
    }
    try:
        done[what]()
    except Refused:
        kept = text if what is Act.EDIT else None
        return _page(number, text=kept, trouble=OVERTAKEN), 409
    flash("Guardado." if what is Act.EDIT else f"Registrado: {WORDS[what][0].lower()}.", "success")
    return redirect(url_for("notices.notice", number=number), 303)


def _found(number: int) -> Notice:
    try:
        with reading(desk().engine).connect() as connection:
            return find_notice(connection, number if number <= LARGEST_NUMBER else 0)
    except Refused:
        abort(404)


def _seen() -> int:
    text = request.form.get("seen", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else abort(400)


def _page(
    number: int, *, text: TextForm | None = None, dismissal: DismissalForm | None = None, trouble: str | None = None
) -> str:
    one = _found(number)
    acts = [what for what in ACTS[one.state] if current_user.role in ACTORS[what]]
    return render_template(
        "notice.html",
        notice=one,
        acts=acts,
        words=WORDS,
        text=text or TextForm(subject=one.subject, text=one.text),
        dismissal=dismissal or DismissalForm(),
        trouble=trouble,
    )
