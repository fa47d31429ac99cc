"""Bandeja: mails that wait for somebody's decision, and notices that wait to leave."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user, login_required
from sqlalchemy import Connection
from wtforms import Form, IntegerField, RadioField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, NumberRange, Optional

from console.desk import desk
from console.moments import MomentField, written
from console.step_forms import MISSING, line_field, severity_field
from console.step_words import REFUSALS
from groundwork.problems import Refused
from incident_store import blobs
from incident_store.advance import BeingAttended, NoSuchIncident, Report, StepRefused
from incident_store.database import reading
from incident_store.domain.incidents import Kind
from incident_store.domain.policies import Responsible, Severity
from incident_store.domain.steps import REGISTERING, Actor
from incident_store.given import LARGEST_NUMBER
from incident_store.inbox import Decision, Message, MessageState, Verdict, decide_message, find_message, list_messages
from incident_store.outbox import list_notices

inbox_pages = Blueprint("inbox", __name__)

PARTIES = {"operator": Responsible.OPERATOR, "provider": Responsible.PROVIDER, "oti": Responsible.OTI}
VERDICTS = {
    Verdict.INCIDENT: "Incidencia nueva",
    Verdict.QUESTION: "Consulta nueva",
    Verdict.PART: "Parte de una incidencia existente",
    Verdict.ANSWERED: "Respuesta del responsable de una incidencia",
    Verdict.NOTHING: "Nada por atender",
}
OVERTAKEN = "Alguien decidió antes sobre este correo, o falta un dato; lea cómo quedó."


class DecisionForm(Form):  # type: ignore[misc]
    """What somebody decides of a mail."""

    verdict = RadioField(
        "Es", [InputRequired(MISSING)], choices=[SelectChoice(one.value, words) for one, words in VERDICTS.items()]
    )
    title = line_field("Qué ocurre", required=False, hint="Para una incidencia o consulta nueva.")
    component = line_field("Componente o empresa", required=False)
    severity = severity_field(Severity.MEDIUM)
    incident = IntegerField(
        "Incidencia N°", [Optional(), NumberRange(1, LARGEST_NUMBER, "No es un número de incidencia.")]
    )
    at = MomentField("Cuándo respondió", [Optional()], description="Hora de Lima; para la respuesta del responsable.")

    def wrong(self) -> bool:
        """Say beside a field what the chosen verdict still needs."""
        verdict = Verdict(self.verdict.data)
        if verdict in {Verdict.INCIDENT, Verdict.QUESTION}:
            for one in (self.title, self.component):
                if not one.data:
                    one.errors = [MISSING]
            return not (self.title.data and self.component.data)
        if verdict in {Verdict.PART, Verdict.ANSWERED} and self.incident.data is None:
            self.incident.errors = ["Diga a qué incidencia pertenece."]
            return True
        return False

    def decision(self, message: Message) -> Decision:
        """The same for the store."""
        verdict = Verdict(self.verdict.data)
        report = None
        if verdict in {Verdict.INCIDENT, Verdict.QUESTION}:
            report = Report(
                kind=Kind(verdict.value),
                component=self.component.data,
                service=message.proposal.get("service", ""),
                title=self.title.data,
                severity=Severity(self.severity.data),
                suspected=PARTIES.get(message.party_kind, Responsible.NOBODY),
                channel="correo",
                detected_at=message.received_at,
            )
        return Decision(verdict, report, self.incident.data, self.at.moment)


@inbox_pages.get("/bandeja")
@login_required  # type: ignore[untyped-decorator]
def inbox() -> str:
    """The mails that wait, the oldest first, or all; and the notices that have not left."""
    everything = request.args.get("ver") == "todos"
    with reading(desk().engine).connect() as connection:
        messages = list_messages(connection, waiting_only=not everything)
        notices = list_notices(connection)
    return render_template("inbox.html", messages=messages, notices=notices, everything=everything)


@inbox_pages.get("/bandeja/<int:number>")
@login_required  # type: ignore[untyped-decorator]
def message(number: int) -> str:
    """One mail as text, with what reading it suggests."""
    one = _found(number)
    return _page(one, _proposed(one))


@inbox_pages.post("/bandeja/<int:number>")
@login_required  # type: ignore[untyped-decorator]
def decide(number: int) -> Any:
    """What this person decided of it."""
    one, form, now = _found(number), DecisionForm(request.form), datetime.now(UTC)
    if not form.validate() or form.wrong():
        return _page(one, form), 422
    try:
        actor = Actor(current_user.id, current_user.role)
        incident = decide_message(desk().engine, number, form.decision(one), actor, now)
    except BeingAttended as error:
        form.component.errors = [f"La incidencia {error.number} ya se ocupa de él: elija «parte de una existente»."]
        return _page(one, form), 409
    except NoSuchIncident:
        form.incident.errors = ["No hay incidencia con ese número."]
        return _page(one, form), 422
    except StepRefused as error:
        return _page(one, form, REFUSALS[error.reason]), 409
    except Refused:
        return _page(_found(number), form, OVERTAKEN), 403 if current_user.role not in REGISTERING else 409
    flash("Decidido." + (f" Pertenece a la incidencia {incident}." if incident else ""), "success")
    return redirect(url_for("incidents.incident", number=incident) if incident else url_for("inbox.inbox"), 303)


@inbox_pages.get("/bandeja/<int:number>/archivos/<int:place>")
@login_required  # type: ignore[untyped-decorator]
def attachment(number: int, place: int) -> Response:
    """An attachment of a mail, to be saved and never shown inside the console; 0 is the mail itself."""
    one = _found(number)
    if place > len(one.attachments):
        abort(404)
    if place:
        file = one.attachments[place - 1]
        name, sha256, size = file.name, file.sha256, file.size
    else:
        name, sha256, size = f"correo-{number}.eml", one.original, one.size
    response = Response(_pieces(reading(desk().engine).connect(), sha256), content_type="application/octet-stream")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Content-Length"] = str(size)
    return response


def _pieces(connection: Connection, sha256: str) -> Iterator[bytes]:
    with connection:
        yield from blobs.pieces(connection, sha256)


def _found(number: int) -> Message:
    try:
        with reading(desk().engine).connect() as connection:
            return find_message(connection, number if number <= LARGEST_NUMBER else 0)
    except Refused:
        abort(404)


def _proposed(one: Message) -> DecisionForm:
    """The form with what reading the mail suggests."""
    said = one.proposal
    verdict = Verdict.ANSWERED.value if "answered_at" in said else said.get("kind", Verdict.INCIDENT.value)
    if one.incident is not None and verdict not in set(Verdict) - {Verdict.INCIDENT, Verdict.QUESTION}:
        verdict = Verdict.PART.value
    answered = said.get("answered_at")
    return DecisionForm(
        verdict=verdict,
        title=one.subject[:200],
        component=said.get("component", ""),
        severity=said.get("severity", Severity.MEDIUM.value),
        incident=one.incident or (int(said["incident"]) if said.get("incident", "").isdecimal() else None),
        at=written(datetime.fromisoformat(answered)) if answered else None,
    )


def _page(one: Message, form: DecisionForm, trouble: str | None = None) -> str:
    open_ = one.state is not MessageState.DECIDED and current_user.role in REGISTERING
    return render_template("message.html", message=one, form=form, trouble=trouble, may_decide=open_, verdicts=VERDICTS)
