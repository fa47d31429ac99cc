"""What people see when a page cannot be shown, and programs when the API has nothing there."""

from typing import Any

import structlog
from flask import Flask, Response, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

from console.api.failures import http_problem
from console.api.operations import PREFIX
from console.kept_forms import away, forged
from groundwork.problems import Away

log = structlog.get_logger()

PAGES = {403: "forbidden.html", 404: "missing.html"}


def prepare_failures(app: Flask) -> None:
    """A page for each way to fail; under the API's address, a problem."""

    @app.errorhandler(DBAPIError)
    def store_away(error: DBAPIError) -> tuple[str, int]:
        log.error("store unavailable", reason=str(error.orig).strip())
        return away(), 503

    @app.errorhandler(Away)
    def something_away(error: Away) -> tuple[str, int]:
        log.error("something that is needed is away", reason=str(error))
        return away(), 503

    @app.errorhandler(CSRFError)
    def token_unknown(_error: CSRFError) -> Response:
        return forged()

    @app.errorhandler(429)
    def too_many(_error: Exception) -> tuple[str, int]:
        return render_template("too_many.html"), 429

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> Any:
        if request.path.startswith(f"{PREFIX}/"):
            return http_problem(error).response()
        page = PAGES.get(error.code or 0)
        try:
            return (render_template(page), error.code) if page else error
        except DBAPIError as without_store:  # a page that greets its reader has to ask who that is
            return store_away(without_store)
