"""Where a list goes on: opaque to clients, so that it may change."""

import base64
import binascii
from urllib.parse import urlencode

from flask import request

from console.api.operations import invalid
from incident_store.given import LARGEST_NUMBER

MARK = "incident:"


def cursor_after(incident: int) -> str:
    """The cursor of what is older than this incident."""
    return base64.urlsafe_b64encode(f"{MARK}{incident}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> int:
    """The incident after which the list goes on; raises Problem for a cursor that is none of ours."""
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        number = int(text.removeprefix(MARK)) if text.startswith(MARK) and text.isprintable() else 0
    except (binascii.Error, ValueError):
        number = 0
    if not 1 <= number <= LARGEST_NUMBER:
        raise invalid("cursor", "must be one that `next` gave")
    return number


def address_with(**changed: str | int) -> str:
    """The address of this request with some parameters changed."""
    given = [(name, value) for name, value in request.args.items(multi=True) if name not in changed]
    return f"{request.path}?{urlencode([*given, *changed.items()])}"
