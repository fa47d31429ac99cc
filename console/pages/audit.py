"""Whether anybody changed, removed or reordered what is on record."""

from typing import Any

from flask import Blueprint, Flask, current_app, flash, redirect, render_template, url_for
from flask_login import current_user

from console.audit_run import AuditRun
from console.duty import for_duty
from incident_store.domain.duties import Duty

audit_pages = Blueprint("audit", __name__)

CHAINS = {"incident": "incidencia", "maintenance window": "ventana de mantenimiento", "checkpoint": "sello"}


def prepare_audit(app: Flask, run: AuditRun) -> None:
    """Have audits run by this."""
    app.extensions["audit"] = run


@audit_pages.get("/administracion/auditoria")
@for_duty(Duty.AUDIT)
def audit() -> str:
    """What the last one found."""
    return render_template("administration/audit.html", text=_standing())


@audit_pages.get("/administracion/auditoria/vivo")
@for_duty(Duty.AUDIT)
def live() -> str:
    """The same alone, renewed while one is under way."""
    return _standing()


@audit_pages.post("/administracion/auditoria")
@for_duty(Duty.AUDIT)
def begin() -> Any:
    """Begin one, unless one is under way."""
    if not _run().begin(current_user.id):
        flash("Ya hay una verificación en curso; su resultado sirve a todos.", "warning")
    return redirect(url_for("audit.audit"), 303)


def _run() -> AuditRun:
    run: AuditRun = current_app.extensions["audit"]
    return run


def _standing() -> str:
    return render_template("administration/audit_standing.html", standing=_run().standing, chains=CHAINS)
