"""One's own account: password and tokens."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user, login_required

from console.access_forms import OwnPasswordForm, TokenForm
from console.desk import desk
from console.duty import for_duty
from console.login import MOST_LOGINS, limiter, renew_session
from console.pages.tokens import end_token
from incident_store.database import reading
from incident_store.domain.duties import Duty
from incident_store.people import password_fits, set_password
from incident_store.tokens import TokenNameTaken, add_token, list_tokens

account_pages = Blueprint("account", __name__)


@account_pages.get("/cuenta")
@login_required  # type: ignore[untyped-decorator]
def account() -> str:
    """Password and tokens."""
    return _page()


@account_pages.post("/cuenta/clave")
@login_required  # type: ignore[untyped-decorator]
@limiter.limit(MOST_LOGINS)
def change_password() -> Any:
    """A new password; other sessions of this person end."""
    form = OwnPasswordForm(request.form)
    if not form.validate():
        return _page(password_form=form), 422
    if not password_fits(desk().engine, current_user.id, form.password_now.data):
        form.password_now.errors = ["No es su contraseña actual."]
        return _page(password_form=form), 403
    set_password(desk().engine, current_user.id, form.password.data, current_user.id, datetime.now(UTC))
    renew_session(current_user.id)
    flash("Su contraseña cambió; sus otras sesiones terminaron.", "success")
    return redirect(url_for("account.account"), 303)


@account_pages.post("/cuenta/claves")
@for_duty(Duty.OWN_TOKENS)
def new_token() -> Any:
    """A new token, shown on this answer and never again."""
    form = TokenForm(request.form)
    if not form.validate():
        return _page(token_form=form), 422
    now = datetime.now(UTC)
    try:
        made = add_token(desk().engine, current_user.id, form.name.data, form.days.data, now, current_user.id)
    except TokenNameTaken:
        form.name.errors = ["Ya tuvo una clave con este nombre; elija otro."]
        return _page(token_form=form), 409
    page = _page(made=made)
    return page, 201, {"Cache-Control": "no-store"}


@account_pages.post("/cuenta/claves/revocar")
@for_duty(Duty.OWN_TOKENS)
def revoke() -> Any:
    """End one of one's own at once."""
    return end_token(current_user.id, "account.account")


def _page(
    *, password_form: OwnPasswordForm | None = None, token_form: TokenForm | None = None, made: str | None = None
) -> str:
    with reading(desk().engine).connect() as connection:
        tokens = list_tokens(connection, current_user.id)
    return render_template(
        "administration/account.html",
        password_form=password_form or OwnPasswordForm(),
        token_form=token_form or TokenForm(),
        tokens=tokens,
        made=made,
        now=datetime.now(UTC),
    )
