"""The pages every process has: `/healthz` alive, `/readyz` able to do its work, `/metrics` its figures."""

import signal
import sys
import threading
from collections.abc import Callable

import structlog
from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from waitress.server import BaseWSGIServer, MultiSocketServer, create_server

from groundwork.problems import Away

log = structlog.get_logger()

Readiness = Callable[[], str | None]
"""Answers why the process cannot work now, or None when it can."""


def health_app(
    name: str, registry: CollectorRegistry, not_ready: Readiness, rendered: Callable[[], bytes] = bytes
) -> Flask:
    """A Flask application with the three pages; a process adds its own routes to it.

    `rendered` gives figures that are text already; they follow those of the registry.
    """
    app = Flask(name)

    @app.get("/healthz")
    def healthz() -> str:
        return "ok\n"

    @app.get("/readyz")
    def readyz() -> tuple[str, int]:
        reason = not_ready()
        return (f"{reason}\n", 503) if reason else ("ready\n", 200)

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry) + rendered(), content_type=CONTENT_TYPE_LATEST)

    return app


def serve(app: Flask, host: str, port: int, *, threads: int = 8, max_body: int = 16 * 1024 * 1024) -> None:
    """Serve until SIGTERM or SIGINT. `max_body` is in bytes; a larger request is answered 413."""
    server = _listen(app, host, port, threads, max_body)
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    server.run()


def serve_beside(app: Flask, host: str, port: int) -> None:
    """Serve from a thread of its own, for processes whose main thread has other work.

    The port is taken before this returns: a process without its pages must not live on unseen.
    """
    server = _listen(app, host, port, threads=8, max_body=16 * 1024 * 1024)
    threading.Thread(target=server.run, name="http", daemon=True).start()


def _listen(app: Flask, host: str, port: int, threads: int, max_body: int) -> BaseWSGIServer | MultiSocketServer:
    try:
        server = create_server(app, host=host, port=port, threads=threads, ident=None, max_request_body_size=max_body)
    except (OSError, ValueError) as error:  # ValueError: waitress found no address of that name
        reason = error.strerror if isinstance(error, OSError) else "no address of this name"
        raise Away(f"cannot listen on {host}:{port}: {reason}; stop what uses the port or choose another") from error
    log.info("listening", address=f"{host}:{port}")
    return server
