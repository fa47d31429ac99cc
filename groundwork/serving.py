"""The pages every process has: `/healthz` alive, `/readyz` able to do its work, `/metrics` its figures."""

import signal
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog
from flask import Flask, Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from waitress.server import BaseWSGIServer, MultiSocketServer, create_server

from groundwork.problems import Away
from groundwork.tls_front import Front
from groundwork.web_config import WebConfig, demand_login, read_web_config

log = structlog.get_logger()

Readiness = Callable[[], str | None]
"""Answers why the process cannot work now, or None when it can."""

Render = Callable[[str], tuple[Iterable[bytes], str]]
"""Takes the Accept header and gives the pieces of the metrics' text and its content type."""

SILENT_SECONDS = 30
"""A connection that neither asks nor reads for so long is closed."""
CONNECTIONS = 500
UNSENT_BYTES = 1 << 30
"""What may wait for slow readers: a page is handed over whole, so that none of them holds a thread."""


def health_app(name: str, metrics_of: CollectorRegistry | Render, not_ready: Readiness) -> Flask:
    """A Flask application with the three pages; a process adds its own routes to it."""
    app = Flask(name)
    render = _rendering(metrics_of) if isinstance(metrics_of, CollectorRegistry) else metrics_of

    @app.get("/healthz")
    def healthz() -> str:
        return "ok\n"

    @app.get("/readyz")
    def readyz() -> tuple[str, int]:
        reason = not_ready()
        return (f"{reason}\n", 503) if reason else ("ready\n", 200)

    @app.get("/metrics")
    def metrics() -> Response:
        pieces, content_type = render(request.headers.get("Accept", ""))
        return Response(pieces, content_type=content_type)

    return app


def serve(
    app: Flask,
    host: str,
    port: int,
    *,
    threads: int = 8,
    max_body: int = 16 * 1024 * 1024,
    web_config: Path | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT. `max_body` is in bytes; a larger request is answered 413.

    `web_config` names a file in Prometheus's web configuration format; raises ConfigurationError when it is wrong.
    """
    server = _listen(app, host, port, threads, max_body, web_config)
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    server.run()


def serve_beside(app: Flask, host: str, port: int, *, web_config: Path | None = None) -> None:
    """Serve from a thread of its own, for processes whose main thread has other work.

    The port is taken before this returns: a process without its pages must not live on unseen.
    """
    server = _listen(app, host, port, threads=8, max_body=16 * 1024 * 1024, web_config=web_config)
    threading.Thread(target=server.run, name="http", daemon=True).start()


def _rendering(registry: CollectorRegistry) -> Render:
    def render(accept: str) -> tuple[list[bytes], str]:
        encode, content_type = choose_encoder(accept)
        return [encode(registry)], content_type

    return render


def _listen(
    app: Flask, host: str, port: int, threads: int, max_body: int, web_config: Path | None
) -> BaseWSGIServer | MultiSocketServer:
    web = read_web_config(web_config) if web_config else WebConfig()
    if web.basic_auth_users:
        app.wsgi_app = demand_login(app.wsgi_app, web.basic_auth_users)  # type: ignore[method-assign, assignment]
    front = Front(web.tls_server_config.context()) if web.tls_server_config else None
    address = {"unix_socket": str(front.behind)} if front else {"host": host, "port": port}
    try:
        server = create_server(
            app,
            threads=threads,
            ident=None,
            max_request_body_size=max_body,
            channel_timeout=SILENT_SECONDS,
            connection_limit=CONNECTIONS,
            outbuf_high_watermark=UNSENT_BYTES,
            **address,
        )
        if front:
            front.listen(host, port)
    except (OSError, ValueError) as error:  # ValueError: waitress found no address of that name
        reason = error.strerror if isinstance(error, OSError) else "no address of this name"
        raise Away(f"cannot listen on {host}:{port}: {reason}; stop what uses the port or choose another") from error
    log.info("listening", address=f"{host}:{port}", tls=front is not None, login=bool(web.basic_auth_users))
    return server
