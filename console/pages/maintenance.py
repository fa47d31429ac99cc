"""Mantenimientos: windows planned by one person and approved by another."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_login import current_user, login_required
from wtforms import Form, SelectField, SelectMultipleField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired

from console.desk import desk
from console.moments import MomentField
from console.step_forms import MISSING, text_field
from groundwork.problems import Refused
from incident_store.database import reading
from incident_store.domain.intervals import Interval
from incident_store.domain.maintenance import Plan, Window, WindowEventKind, WindowStep
from incident_store.domain.maintenance_steps import Reason, Refusal, decide_window
from incident_store.domain.steps import REGISTERING, Actor
from incident_store.given import LARGEST_NUMBER
from incident_store.maintenance import NoSuchWindow, WindowRefused, add_window, find_window, read_windows, step_window
from incident_store.maintenance_commands import meant_components
from incident_store.transactions import in_transaction

maintenance_pages = Blueprint("maintenance", __name__)

SHOWN = timedelta(days=62)
REFUSALS = {
    Reason.WRONG_ROLE: "Su rol no puede hacer esto: analistas y supervisores planifican, supervisores deciden.",
    Reason.OWN_PLAN: "Usted lo planificó: otro supervisor lo aprueba (cuatro ojos).",
    Reason.CANCELLED: "Fue cancelado; planifique otro.",
    Reason.OUT_OF_ORDER: "Ya no corresponde: alguien lo hizo antes, o falta su aprobación.",
    Reason.BAD_SPAN: "Debe terminar después de empezar, y durar a lo más 31 días; al acortar, dentro de la ventana.",
    Reason.NO_REASON: "Diga el motivo; si ya empezó, por qué se registra recién ahora.",
    Reason.NO_COMPONENT: "Elija componentes, o un servicio que los tenga.",
}
STEPS = {
    WindowEventKind.APPROVED: (
        "Aprobar",
        "Cuenta como mantenimiento. Prepara un correo: aviso a los interesados.",
    ),
    WindowEventKind.ANNOUNCED: ("Registrar que se comunicó", "No envía nada."),
    WindowEventKind.SHORTENED: ("Acortar", "El fin se adelanta. No envía nada."),
    WindowEventKind.CANCELLED: ("Cancelar", "Deja de contar. No envía nada."),
}
"""Name and effect of what a supervisor does."""


class PlanForm(Form):  # type: ignore[misc]
    """A window to be planned."""

    service = SelectField("Todo un servicio")
    components = SelectMultipleField("Componentes")
    starts = MomentField("Desde", [InputRequired(MISSING)], description="Hora de Lima.")
    ends = MomentField("Hasta", [InputRequired(MISSING)], description="Hora de Lima.")
    reason = text_field("Qué se hace y por qué", rows=2)
    late_reason = text_field("Por qué se registra recién ahora", required=False, rows=2, hint="Solo si ya empezó.")


class WindowStepForm(Form):  # type: ignore[misc]
    """What a supervisor says with a step."""

    reason = text_field("Motivo", required=False, rows=2)
    until = MomentField("Nuevo fin", description="Solo al acortar. Hora de Lima.")


@maintenance_pages.get("/mantenimientos")
@login_required  # type: ignore[untyped-decorator]
def windows() -> str:
    """The windows of two months back and ahead."""
    now = datetime.now(UTC)
    with reading(desk().engine).connect() as connection:
        found = read_windows(connection, Interval(now - SHOWN, now + SHOWN))
    may_plan = current_user.role in REGISTERING
    return render_template("maintenance.html", windows=found[::-1], now=now, may_plan=may_plan)


@maintenance_pages.route("/mantenimientos/nuevo", methods=["GET", "POST"])
@login_required  # type: ignore[untyped-decorator]
def plan() -> Any:
    """The form, and what becomes of it."""
    form, known = _plan_form()
    if request.method == "GET":
        return _plan_page(form)
    if not form.validate():
        return _plan_page(form), 422
    now = datetime.now(UTC)
    try:
        components = meant_components(known, form.components.data or [], form.service.data or "")
        span = Interval(form.starts.moment or now, form.ends.moment or now)
    except Refused as error:
        return _plan_page(form, f"{REFUSALS[Reason.NO_COMPONENT]} ({error})"), 422
    except ValueError:
        form.ends.errors = [REFUSALS[Reason.BAD_SPAN]]
        return _plan_page(form), 422
    wanted = Plan(components, form.service.data or "", span, form.reason.data, form.late_reason.data or "")
    try:
        window = in_transaction(desk().engine, lambda connection: add_window(connection, wanted, _actor(), now))
    except WindowRefused as error:
        return _plan_page(form, REFUSALS[error.reason]), 403 if error.reason is Reason.WRONG_ROLE else 422
    flash(f"Planificado con el número {window.number}; cuenta cuando otra persona, supervisor, lo apruebe.", "success")
    return redirect(url_for("maintenance.window", number=window.number), 303)


@maintenance_pages.get("/mantenimientos/<int:number>")
@login_required  # type: ignore[untyped-decorator]
def window(number: int) -> str:
    """One window, its events, and what this person may do with it now."""
    return _window_page(number)


@maintenance_pages.post("/mantenimientos/<int:number>/pasos/<word>")
@login_required  # type: ignore[untyped-decorator]
def step(number: int, word: str) -> Any:
    """Approve, announce, shorten or cancel."""
    kind = WindowEventKind(word) if word in set(STEPS) else abort(404)
    form, now = WindowStepForm(request.form), datetime.now(UTC)
    if not form.validate():
        return _window_page(number, kind, form), 422
    wanted = WindowStep(kind, form.reason.data or "", form.until.moment if kind is WindowEventKind.SHORTENED else None)
    try:
        in_transaction(desk().engine, lambda connection: step_window(connection, number, wanted, _actor(), now))
    except NoSuchWindow:
        abort(404)
    except WindowRefused as error:
        status = 403 if error.reason in {Reason.WRONG_ROLE, Reason.OWN_PLAN} else 422
        return _window_page(number, kind, form, REFUSALS[error.reason]), status
    flash(f"Registrado: {STEPS[kind][0]}.", "success")
    return redirect(url_for("maintenance.window", number=number), 303)


def _window_page(
    number: int, kind: WindowEventKind | None = None, form: WindowStepForm | None = None, trouble: str | None = None
) -> str:
    now = datetime.now(UTC)
    with reading(desk().engine).connect() as connection:
        found = find_window(connection, number) if number <= LARGEST_NUMBER else None
    if found is None:
        abort(404)
    window, events = found
    return render_template(
        "window.html",
        window=window,
        events=events,
        now=now,
        steps=[
            (one, form if form and one is kind else WindowStepForm(), one is kind) for one in _open_steps(window, now)
        ],
        words=STEPS,
        own=window.planned_by == current_user.id and window.approval is None,
        trouble=trouble,
    )


def _open_steps(window: Window, now: datetime) -> list[WindowEventKind]:
    """The steps that would be accepted from this person, were they well filled in."""
    halfway = window.span.start + window.span.duration / 2
    return [
        kind
        for kind in STEPS
        if not isinstance(decide_window(window, WindowStep(kind, "x", halfway), _actor(), now), Refusal)
    ]


def _plan_form() -> tuple[PlanForm, dict[str, str]]:
    form = PlanForm(request.form if request.method == "POST" else None)
    known = {component["name"]: component["service"] for component in desk().watched()}
    services = sorted(set(known.values()))
    form.service.choices = [SelectChoice("", "Ninguno"), *(SelectChoice(name, name) for name in services)]
    form.components.choices = [SelectChoice(name, name) for name in known]
    return form, known


def _plan_page(form: PlanForm, trouble: str | None = None) -> str:
    return render_template("plan.html", form=form, trouble=trouble)


def _actor() -> Actor:
    return Actor(current_user.id, current_user.role)
