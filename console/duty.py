"""Only those whose duty it is: checked by the server for every page that administers something."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import abort
from flask_login import current_user, login_required

from incident_store.domain.duties import Duty, may

View = TypeVar("View", bound=Callable[..., Any])


def for_duty(duty: Duty) -> Callable[[View], View]:
    """A view for those whose role has this duty; others are told so, with 403, and nobody gets in without a login."""

    def guarded(view: View) -> View:
        @wraps(view)
        def checked(*words: Any, **named: Any) -> Any:
            return view(*words, **named) if may(current_user.role, duty) else abort(403)

        checked_in: View = login_required(checked)
        return checked_in

    return guarded
