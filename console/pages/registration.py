"""Registering by hand what was reported by telephone, mail or Mesa de Partes."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user, login_required
from wtforms import Form, RadioField, SelectField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Optional

from console.desk import desk
from console.moments import MomentField
from console.step_forms import MISSING, line_field, responsible_field, severity_field
from console.step_words import REFUSALS
from incident_store.advance import BeingAttended, Report, StepRefused, UnknownComponent, register
from incident_store.domain.incidents import Kind
from incident_store.domain.policies import Responsible, Severity
from incident_store.domain.refusals import Reason
from incident_store.domain.steps import Actor

registration_pages = Blueprint("registration", __name__)

CHANNELS = (
    SelectChoice("telefono", "Teléfono"),
    SelectChoice("correo", "Correo"),
    SelectChoice("mesa-de-partes", "Mesa de Partes Virtual"),
)


class RegistrationForm(Form):  # type: ignore[misc]
    """What somebody reported."""

    kind = RadioField(
        "Tipo",
        [InputRequired(MISSING)],
        choices=[
            SelectChoice(Kind.INCIDENT.value, "Incidencia: interrupción o pérdida de calidad"),
            SelectChoice(Kind.QUESTION.value, "Consulta: pregunta técnica"),
        ],
        default=Kind.INCIDENT.value,
    )
    title = line_field("Qué ocurre", hint="Una línea, como la leerán los demás.")
    component = line_field("Componente o empresa", hint="Como en la lista; o lo que se reporta, como CLARO/ROBOS.")
    service = line_field("Servicio", required=False, hint="Vacío: el del componente.")
    channel = SelectField("Canal", choices=CHANNELS)
    severity = severity_field(Severity.MEDIUM)
    responsible = responsible_field(Responsible.NOBODY)
    detected_at = MomentField("Cuándo se detectó", [Optional()], description="Hora de Lima. Vacío: ahora.")

    def report(self, now: datetime) -> Report:
        """The same for the store."""
        return Report(
            kind=Kind(self.kind.data),
            component=self.component.data,
            service=self.service.data or "",
            title=self.title.data,
            severity=Severity(self.severity.data),
            suspected=Responsible(self.responsible.data),
            channel=self.channel.data,
            detected_at=self.detected_at.moment or now,
        )


@registration_pages.route("/incidencias/nueva", methods=["GET", "POST"])
@login_required  # type: ignore[untyped-decorator]
def new() -> Any:
    """The form, and what becomes of it."""
    form = RegistrationForm(request.form if request.method == "POST" else None)
    if request.method == "GET":
        return _page(form)
    if not form.validate():
        return _page(form), 422
    now = datetime.now(UTC)
    try:
        actor = Actor(current_user.id, current_user.role)
        number = register(desk().engine, form.report(now), actor, now, desk().subjects())
    except (BeingAttended, StepRefused) as error:
        return _refused(form, error)
    flash(f"Registrada con el número {number}.", "success")
    return redirect(url_for("incidents.incident", number=number), 303)


def _refused(form: RegistrationForm, error: BeingAttended | StepRefused) -> tuple[str, int]:
    """The form again, with the refusal beside the field that it is about."""
    if isinstance(error, BeingAttended):
        form.component.errors = [f"La incidencia {error.number} ya se ocupa de él: agregue ahí una nota."]
        return _page(form, attended=error.number), 409
    words = REFUSALS[error.reason]
    if error.reason is Reason.WRONG_ROLE:
        return _page(form, trouble=words), 403
    if isinstance(error, UnknownComponent):
        near = f"¿Quiso decir {', '.join(error.near)}?" if error.near else "Escriba un componente, CLARO o CLARO/ROBOS."
        form.component.errors = [f"{words} {near}"]
    else:
        form.detected_at.errors = [words]
    return _page(form), 422


def _page(form: RegistrationForm, attended: int | None = None, trouble: str | None = None) -> str:
    return render_template("registration.html", form=form, attended=attended, trouble=trouble)
