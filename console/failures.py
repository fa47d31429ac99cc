"""What people see when a page cannot be shown."""

import structlog
from flask import Flask, render_template
from sqlalchemy.exc import DBAPIError

log = structlog.get_logger()


def prepare_failures(app: Flask) -> None:
    """A page for each way to fail."""

    @app.errorhandler(DBAPIError)
    def store_away(error: DBAPIError) -> tuple[str, int]:
        log.error("store unavailable", reason=str(error.orig).strip())
        # Without Flask's own rendering, which would ask the store who is logged in.
        return app.jinja_env.get_template("away.html").render(), 503

    @app.errorhandler(429)
    def too_many(_error: Exception) -> tuple[str, int]:
        return render_template("too_many.html"), 429

    @app.errorhandler(404)
    def missing(_error: Exception) -> tuple[str, int]:
        return render_template("missing.html"), 404
