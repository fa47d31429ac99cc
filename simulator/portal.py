"""The portal's pages and the query API, behind the relay."""

import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask, Response, abort, jsonify, render_template, request
from prometheus_client import CollectorRegistry
from waitress.server import create_server

from groundwork.serving import health_app
from simulator import lists, load_log
from simulator.data_days import LIMA, data_day
from simulator.database import Database, DatabaseAway
from simulator.faults import Fault
from simulator.imei import ImeiFault, imei_fault, masked
from simulator.mail import read_mails
from simulator.vocabulary import FileType, Operator

SLOW_SECONDS = 2.5
MAILS_SHOWN = 200
API = "/api/"
OWN_PAGES = ("/healthz", "/readyz", "/metrics")

IMEI_PROBLEMS = {
    ImeiFault.LENGTH: "El IMEI tiene exactamente 15 dígitos.",
    ImeiFault.LUHN: "El dígito verificador del IMEI no es correcto.",
    ImeiFault.ZEROS: "Un IMEI de solo ceros no es válido.",
}

ActiveFaults = Callable[[], frozenset[Fault]]


def portal_app(database: Database, active: ActiveFaults, registry: CollectorRegistry) -> Flask:
    """The application; every request asks `active` which faults are on."""
    app = health_app("simulator", registry, lambda: _not_ready(database))
    app.before_request(lambda: _suffer(active()))
    app.after_request(_close_the_page)
    app.register_error_handler(DatabaseAway, lambda _error: _unavailable())
    app.add_url_rule("/", "home", lambda: _home(database))
    app.add_url_rule("/consulta", "query", lambda: _query_page(database), methods=["POST"])
    app.add_url_rule(f"{API}v1/imei/<imei>", "api", lambda imei: _answer(database, imei))
    app.add_template_filter(_in_lima, "en_lima")
    return app


def mails_app(folder: Path) -> Flask:
    """The received mails; not behind the link, so that they can be read whatever is broken on purpose."""
    app = health_app("simulator", CollectorRegistry(), lambda: None)
    app.after_request(_close_the_page)
    app.add_url_rule("/", "mails", lambda: _mails_page(folder))
    app.add_url_rule("/<key>", "mail", lambda key: _mail_page(folder, key))
    app.add_template_filter(_in_lima, "en_lima")
    return app


def start_portal(app: Flask) -> tuple[int, Callable[[], None]]:
    """Serve on a free loopback port from a thread; returns the port and how to stop."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = create_server(app, sockets=[listener], threads=16, ident="renteseg")
    threading.Thread(target=server.run, name="portal", daemon=True).start()
    return listener.getsockname()[1], server.close


def _home(database: Database) -> str:
    now = datetime.now(UTC)
    with database.begin() as connection:
        sizes = lists.sizes(connection)
        states = load_log.current_states(connection, data_day(now))
    return render_template(
        "portal.html", now=now, day=data_day(now), sizes=sizes, states=states, operators=Operator, types=FileType
    )


def _query_page(database: Database) -> tuple[str, int]:
    imei = request.form.get("imei", "").strip()
    fault = imei_fault(imei)
    if fault:
        return render_template("consulta.html", problem=IMEI_PROBLEMS[fault]), 400
    with database.begin() as connection:
        found = lists.find(connection, imei)
    return render_template("consulta.html", imei=masked(imei), found=found), 200


def _mails_page(folder: Path) -> str:
    return render_template("correo.html", mails=read_mails(folder, MAILS_SHOWN))


def _mail_page(folder: Path, key: str) -> str:
    mail = next((mail for mail in read_mails(folder) if mail.key == key), None)
    if mail is None:
        abort(404)
    return render_template("mensaje.html", mail=mail)


def _answer(database: Database, imei: str) -> tuple[Response, int]:
    fault = imei_fault(imei)
    if fault:
        return jsonify({"error": f"imei_{fault}", "detalle": IMEI_PROBLEMS[fault]}), 400
    with database.begin() as connection:
        found = lists.find(connection, imei)
    return jsonify({"imei": masked(imei), "lista": found}), 200


def _suffer(active: frozenset[Fault]) -> tuple[Response, int] | None:
    """What the faults do to a request before it is answered."""
    if request.path in OWN_PAGES:
        return None
    if request.path.startswith(API):
        if Fault.API_SLOW in active:
            time.sleep(SLOW_SECONDS)
        return None
    return _unavailable() if Fault.PORTAL_DOWN in active else None


def _unavailable() -> tuple[Response, int]:
    if request.path.startswith(API):
        return jsonify({"error": "servicio_no_disponible", "detalle": "Intente nuevamente más tarde."}), 503
    return Response(render_template("caido.html")), 503


def _close_the_page(response: Response) -> Response:
    """Nothing that a mail or a visitor writes may run, load or be sent anywhere."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _not_ready(database: Database) -> str | None:
    try:
        with database.begin() as connection:
            lists.sizes(connection)
    except DatabaseAway as error:
        return f"database away: {error}"
    return None


def _in_lima(moment: datetime) -> str:
    return f"{moment.astimezone(LIMA):%d/%m/%Y %H:%M:%S}"
