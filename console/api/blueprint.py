"""The API put together."""

from importlib.metadata import version

from flask import Blueprint, Flask, Response, json
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from console.api import components, events, files, incidents, loads, mails, maintenance, notices, reports
from console.api.failures import prepare_failures
from console.api.openapi import describe
from console.api.operations import PREFIX
from console.login import csrf

OPERATIONS = (
    *incidents.OPERATIONS,
    *events.OPERATIONS,
    *files.OPERATIONS,
    *components.OPERATIONS,
    *loads.OPERATIONS,
    *maintenance.OPERATIONS,
    *notices.OPERATIONS,
    *mails.OPERATIONS,
    *reports.OPERATIONS,
)


def prepare_api(app: Flask, requests_per_minute: int) -> None:
    """Put the API into the application; one address may ask so many times a minute."""
    api = Blueprint("api", __name__, url_prefix=PREFIX)
    document = json.dumps(describe(OPERATIONS, version("renteseg-monitor")), ensure_ascii=False)
    api.add_url_rule("/openapi.json", "openapi", lambda: Response(document, content_type="application/json"))
    for operation in OPERATIONS:
        operation.register(api)
    prepare_failures(api)
    csrf.exempt(api)  # `access` demands the token itself, and only of browser sessions
    limiter = Limiter(get_remote_address, app=app, storage_uri="memory://")  # its limit is this application's alone
    limiter.limit(f"{requests_per_minute} per minute")(api)
    app.register_blueprint(api)
