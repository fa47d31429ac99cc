"""The process `renteseg simulator`: link, portal, mail and exchange, until Ctrl-C or SIGTERM."""

import asyncio
import secrets
import signal
import sys
import threading
from collections.abc import Iterable
from datetime import UTC, datetime

import structlog
from flask import Flask
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from groundwork.logs import configure_logs
from groundwork.problems import Away
from groundwork.secret_files import write_secret
from groundwork.serving import serve_beside
from groundwork.settings import Settings, read_settings
from simulator.certificates import issue_certificates
from simulator.database import Database
from simulator.exchange import Exchange
from simulator.faults import Fault, FaultBook
from simulator.imap import Inbox
from simulator.options import Options, read_options
from simulator.portal import mails_app, portal_app, start_portal
from simulator.relay import Ports, Relay
from simulator.smtp import serve_mail

log = structlog.get_logger()

LOOK_AT_FAULTS_SECONDS = 0.1
OUTSIDE_AWAY = 3


def run() -> None:
    """Simulate until ended. Raises ConfigurationError; exits with 3 when a port is taken."""
    settings, options = read_settings(), read_options()
    configure_logs("simulator")
    try:
        asyncio.run(simulate(settings, options))
    except (OSError, Away) as error:
        log.error("cannot start", reason=str(error))
        sys.exit(OUTSIDE_AWAY)


async def simulate(settings: Settings, options: Options) -> None:
    """Everything in its place and running; returns when asked to stop. Raises OSError when a port is taken."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    folder = settings.state / "simulator"
    faults = FaultBook(folder / "faults.json")
    database = Database(settings.simulator_database_url)
    certificates = issue_certificates(folder / "tls", datetime.now(UTC))
    target_port, stop_portal = start_portal(_portal(settings, database))
    ports = Ports(settings.simulator_port, settings.simulator_tls_port, settings.simulator_link_port)
    relay = Relay(settings.host, ports, target_port, certificates)
    exchange = Exchange(folder, database, FaultBook(folder / "faults.json"), options)
    servers: list[asyncio.Server] = []
    end_of_exchange = threading.Event()
    rounds = threading.Thread(target=exchange.run, args=(end_of_exchange,), name="exchange")
    try:
        await asyncio.to_thread(exchange.step, datetime.now(UTC))  # the first visitor finds tables
        await _follow(relay, faults)
        servers = await _serve_mail(settings)
        serve_beside(mails_app(settings.state / "mail"), settings.host, settings.mail_port)
        rounds.start()
        log.info("simulating", portal=ports.plain, tls=ports.tls, link=ports.link, smtp=settings.smtp_port)
        await _follow_until(stop, relay, faults)
    finally:
        for server in servers:
            server.close()
        end_of_exchange.set()
        await relay.close()
        stop_portal()
        if rounds.is_alive():
            await asyncio.to_thread(rounds.join)
    log.info("stopped")


async def _serve_mail(settings: Settings) -> list[asyncio.Server]:
    """The server that keeps what is sent, and the mailbox of what was sent to RENTESEG."""
    folder, inbox = settings.state / "mail", Inbox(settings.mailroom_from, _password(settings))
    return [
        await inbox.serve(settings.host, settings.imap_port, folder),
        await serve_mail(settings.host, settings.smtp_port, folder, inbox),
    ]


def _password(settings: Settings) -> str:
    """The mailbox's password; the first who asks for it draws it."""
    file = settings.imap_password_file
    assert file is not None
    if not file.exists():
        write_secret(file, secrets.token_urlsafe(12))
    return file.read_text(encoding="utf-8").strip()


async def _follow_until(stop: asyncio.Event, relay: Relay, faults: FaultBook) -> None:
    while not stop.is_set():
        try:
            await _follow(relay, faults)
        except OSError as error:
            log.warning("link not reopened yet", reason=str(error))
        try:
            await asyncio.wait_for(stop.wait(), LOOK_AT_FAULTS_SECONDS)
        except TimeoutError:
            continue


async def _follow(relay: Relay, faults: FaultBook) -> None:
    active = faults.active(datetime.now(UTC))
    await relay.follow(link_down=Fault.LINK_DOWN in active, expired=Fault.CERT_EXPIRED in active)


def _portal(settings: Settings, database: Database) -> Flask:
    book = FaultBook(settings.state / "simulator" / "faults.json")
    registry = CollectorRegistry()
    registry.register(FaultGauge(book))
    return portal_app(database, lambda: book.active(datetime.now(UTC)), registry)


class FaultGauge(Collector):
    """Which faults are on, as a metric of the simulator's own."""

    def __init__(self, book: FaultBook) -> None:
        self._book = book

    def collect(self) -> Iterable[Metric]:
        """One sample a fault: 1 while it is on, else 0."""
        family = GaugeMetricFamily("renteseg_simulator_fault_active", "Whether a fault is simulated.", labels=["fault"])
        active = self._book.active(datetime.now(UTC))
        for fault in Fault:
            family.add_metric([fault.value], float(fault in active))
        yield family
