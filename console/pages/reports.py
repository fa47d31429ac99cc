"""Reportes: the months, what they say, their files, and the signature that freezes one."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from flask import Blueprint, Flask, Response, abort, current_app, flash, redirect, render_template, request, url_for
from flask_login import current_user, login_required
from wtforms import Form, HiddenField

from console.desk import desk
from console.moments import LIMA
from console.month_reports import MonthReports, Signature
from console.step_forms import MISSING, line_field
from groundwork.problems import Away, ConfigurationError, Refused
from incident_store.database import reading
from incident_store.domain.lifecycle import Role
from incident_store.domain.months import Month, month_of, parse_month
from incident_store.domain.steps import Actor
from incident_store.given import LARGEST_NUMBER
from incident_store.signing_refusals import SigningRefused, Unsigned
from incident_store.transactions import in_transaction

report_pages = Blueprint("reports", __name__)
Answer = TypeVar("Answer")

LISTED = 13
"""Months shown besides older ones that are signed."""
MONTHS = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "setiembre", "octubre", "noviembre", "diciembre",
)  # fmt: skip
MEDIA_TYPES = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}
REFUSALS: Mapping[Unsigned, str] = {
    Unsigned.WRONG_ROLE: "Su rol no firma: lo hace un supervisor.",
    Unsigned.NOT_OVER: "El mes no ha terminado; se firma después.",
    Unsigned.INCOMPLETE: "Las cifras están incompletas porque Prometheus no respondió; fírmelas cuando responda.",
    Unsigned.NO_REASON: "El mes ya está firmado: diga qué corrige esta versión.",
    Unsigned.UNCHANGED: "Nada cambió desde la última versión firmada.",
    Unsigned.OVERTAKEN: "Las cifras o las versiones cambiaron desde que las vio. Lea lo que hay ahora y decida.",
}
BROKEN = "El mes no se puede calcular: {}"


class SigningForm(Form):  # type: ignore[misc]
    """What a supervisor says with a signature; `mark` is that of the figures they saw."""

    mark = HiddenField()
    reason = line_field("Motivo", required=False, hint="Obligatorio al corregir un mes ya firmado.")


class SendingForm(Form):  # type: ignore[misc]
    """What goes with the report."""

    note = line_field("Nota para el comité", required=False)


class Broken(Exception):
    """The month cannot be reckoned; the text says why."""


def prepare_reports(app: Flask, reports: MonthReports | None) -> None:
    """Put them where the views find them; None for a console without."""
    app.extensions["month-reports"] = reports


@report_pages.get("/reportes")
@login_required  # type: ignore[untyped-decorator]
def months() -> str:
    """The last months and all that are signed, the newest first."""
    with reading(desk().engine).connect() as connection:
        signed = _reports().signed(connection)
    versions: dict[str, list[Signature]] = {}
    for month, signature in signed:
        versions.setdefault(month, []).append(signature)
    current = month_of(datetime.now(UTC), LIMA)
    listed = sorted({*(str(one) for one in _last(current)), *versions}, reverse=True)
    rows = [(month, month_name(month), versions.get(month, [])) for month in listed]
    return render_template("reports.html", rows=rows, current=str(current), forms=_reports().forms)


@report_pages.get("/reportes/<text>")
@login_required  # type: ignore[untyped-decorator]
def month(text: str) -> Any:
    """A month: its last signed version, the one the address says, or the draft where it says so or none is signed."""
    asked = _month(text)
    version = request.args.get("version", "")
    if version and version != "borrador" and not _number(version):
        abort(404)
    if version != "borrador":
        with reading(desk().engine).connect() as connection:
            page = _reports().signed_page(connection, asked, _number(version))
        if page is not None:
            return _page(asked, page)
        if version:
            abort(404)
    return _draft_page(asked)


@report_pages.get("/reportes/<text>/<version>.<form>")
@login_required  # type: ignore[untyped-decorator]
def file(text: str, version: str, form: str) -> Any:
    """A file of a version, byte by byte as signed, or of the draft."""
    asked = _month(text)
    if form not in _reports().forms:
        abort(404)
    if version == "borrador":
        try:
            found = _or_broken(lambda: _reports().draft_file(asked, form, datetime.now(UTC)))
        except Broken:
            found = None
        if found is None:  # the page says that it is being reckoned, or why it cannot be
            return redirect(url_for("reports.month", text=text, version="borrador"))
    else:
        number = _number(version.removeprefix("v")) or abort(404)
        with reading(desk().engine).connect() as connection:
            found = _reports().signed_file(connection, asked, number, form) or abort(404)
    name, content = found
    response = Response(content, content_type=MEDIA_TYPES.get(form, "application/octet-stream"))
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Cache-Control"] = "private, no-store"
    return response


@report_pages.post("/reportes/<text>/firma")
@login_required  # type: ignore[untyped-decorator]
def sign(text: str) -> Any:
    """Freeze the figures that this person saw."""
    asked, form = _month(text), SigningForm(request.form)
    if current_user.role is not Role.SUPERVISOR:
        return _draft_page(asked, form, REFUSALS[Unsigned.WRONG_ROLE]), 403
    if not form.validate():
        return _draft_page(asked, form), 422
    actor, now = Actor(current_user.id, current_user.role), datetime.now(UTC)
    try:
        version = _or_broken(
            lambda: _reports().sign(desk().engine, asked, actor, now, form.reason.data or "", form.mark.data or "")
        )
    except SigningRefused as error:
        if error.reason is Unsigned.NO_REASON:
            form.reason.errors = [MISSING]
        return _draft_page(asked, form, REFUSALS[error.reason]), 409 if error.reason is Unsigned.OVERTAKEN else 422
    except Broken as error:
        return _page(asked, None, None, BROKEN.format(error)), 503
    flash(f"Firmada la versión {version} de {month_name(text)}; no se envió nada.", "success")
    return redirect(url_for("reports.month", text=text), 303)


@report_pages.post("/reportes/<text>/envio")
@login_required  # type: ignore[untyped-decorator]
def send(text: str) -> Any:
    """Write the notice to the committee, which a supervisor then reads and approves."""
    asked, form, now = _month(text), SendingForm(request.form), datetime.now(UTC)
    if current_user.role is not Role.SUPERVISOR:
        abort(403)
    if not form.validate():
        abort(422)
    actor = Actor(current_user.id, current_user.role)
    try:
        number = in_transaction(
            desk().engine,
            lambda connection: _reports().send(connection, asked, actor, form.note.data or "", now),
        )
    except Refused:
        flash("El mes no está firmado: fírmelo primero.", "warning")
        return redirect(url_for("reports.month", text=text), 303)
    return redirect(url_for("notices.notice", number=number), 303)


def month_name(month: str) -> str:
    """`octubre de 2026`."""
    return f"{MONTHS[int(month[5:]) - 1]} de {month[:4]}"


def _draft_page(asked: Month, form: SigningForm | None = None, trouble: str | None = None) -> str:
    now = datetime.now(UTC)
    try:
        with reading(desk().engine).connect() as connection:
            page = _or_broken(lambda: _reports().draft_page(connection, asked, now))
    except Broken as error:
        return _page(asked, None, None, BROKEN.format(error))
    if page is not None:
        form = form or SigningForm()
        form.mark.data = page["mark"]
    return _page(asked, page, form, trouble)


def _page(
    asked: Month, page: Mapping[str, Any] | None, form: SigningForm | None = None, trouble: str | None = None
) -> str:
    with reading(desk().engine).connect() as connection:
        versions = [signature for month, signature in _reports().signed(connection) if month == str(asked)]
    return render_template(
        "report.html",
        month=str(asked),
        name=month_name(str(asked)),
        page=page,
        form=form,
        sending=SendingForm(),
        trouble=trouble,
        versions=versions,
        forms=_reports().forms,
        may_sign=current_user.role is Role.SUPERVISOR,
    )


def _or_broken(ask: Callable[[], Answer]) -> Answer:
    """What was asked; raises Broken for what keeps the month from being reckoned."""
    try:
        return ask()
    except SigningRefused:
        raise
    except (Away, ConfigurationError, Refused) as error:
        raise Broken(str(error)) from error


def _last(current: Month) -> list[Month]:
    place = current.year * 12 + current.month - 1
    return [Month((place - back) // 12, (place - back) % 12 + 1) for back in range(LISTED)]


def _month(text: str) -> Month:
    """The month of an address, if it has begun."""
    try:
        asked = parse_month(text)
    except ValueError:
        abort(404)
    return asked if asked <= month_of(datetime.now(UTC), LIMA) else abort(404)


def _number(text: str) -> int | None:
    found = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    return found if 0 < found <= LARGEST_NUMBER else None


def _reports() -> MonthReports:
    found: MonthReports | None = current_app.extensions["month-reports"]
    return found or abort(404)
