"""The application, put together from its parts."""

from flask import Flask
from flask_bootstrap import Bootstrap5
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from console.api.blueprint import prepare_api
from console.audit_run import AuditRun
from console.board_reading import BoardReader
from console.configuration_loaded import LoadedConfiguration
from console.desk import Desk, LoadNames, Replay, Watched
from console.failures import prepare_failures
from console.identity_provider import IdentityProvider
from console.links import NOWHERE, Places, prepare_links
from console.login import prepare_login
from console.month_reports import MonthReports
from console.month_so_far import ReadReport
from console.navigation import prepare_navigation
from console.pages.account import account_pages
from console.pages.administration import administration_pages, prepare_administration
from console.pages.audit import audit_pages, prepare_audit
from console.pages.configuration import configuration_pages
from console.pages.identity import identity_pages, prepare_identity
from console.pages.inbox import inbox_pages
from console.pages.incident_files import file_pages, prepare_uploads
from console.pages.incident_steps import step_pages
from console.pages.incidents import incident_pages
from console.pages.loads import load_pages
from console.pages.maintenance import maintenance_pages
from console.pages.notices import notice_pages
from console.pages.operation import operation_pages, prepare_board
from console.pages.people import people_pages
from console.pages.quarantine import quarantine_pages
from console.pages.registration import registration_pages
from console.pages.reports import prepare_reports, report_pages
from console.pages.runbooks import runbook_pages
from console.pages.tokens import token_pages
from console.security import secure
from console.spanish import prepare_words
from groundwork.serving import health_app
from incident_store.database import schema_lag
from incident_store.domain.policies import SlaPolicy

PAGES = (
    operation_pages,
    load_pages,
    inbox_pages,
    notice_pages,
    maintenance_pages,
    report_pages,
    incident_pages,
    registration_pages,
    step_pages,
    file_pages,
    runbook_pages,
    administration_pages,
    people_pages,
    token_pages,
    configuration_pages,
    quarantine_pages,
    audit_pages,
    account_pages,
    identity_pages,
)
"""One blueprint for each thing that people look at; a new page is a module of `console.pages` and an entry here."""

LARGEST_FORM = 1024 * 1024
"""Bytes of a request that a page takes, unless the page says otherwise."""


def create_app(
    engine: Engine,
    policy: SlaPolicy,
    key: str,
    *,
    watched: Watched = tuple,
    loads: LoadNames = tuple,
    file_loads_url: str = "",
    prometheus_url: str = "",
    read_report: ReadReport | None = None,
    reports: MonthReports | None = None,
    places: Places = NOWHERE,
    requests_per_minute: int = 600,
    largest_file: int = 25 * 1024 * 1024,
    replay: Replay | None = None,
    configuration: LoadedConfiguration | None = None,
    console_url: str = "",
    proxies: int = 0,
    identity_provider: IdentityProvider | None = None,
) -> Flask:
    """The console on this store; `key` signs the sessions, one address may ask the API so many times a minute, an
    attached file has so many bytes at most. People reach it at `console_url`, through so many proxies of ours."""
    app = health_app("console", CollectorRegistry(), lambda: schema_lag(engine))
    app.config.update(BOOTSTRAP_SERVE_LOCAL=True, MAX_CONTENT_LENGTH=LARGEST_FORM)
    app.url_map.merge_slashes = False  # a redirect would be an answer of the API that nothing documents
    Bootstrap5(app)
    Desk(engine, policy, watched, file_loads_url, largest_file, replay, configuration, loads).lay(app)
    encrypted = console_url.startswith("https://")
    secure(app, encrypted=encrypted, proxies=proxies)
    prepare_words(app)
    prepare_links(app, places)
    prepare_navigation(app)
    prepare_board(app, BoardReader(engine, prometheus_url, watched, read_report))
    prepare_uploads(app)
    prepare_reports(app, reports)
    prepare_login(app, key, encrypted=encrypted)
    prepare_identity(app, identity_provider, console_url)
    prepare_administration(app)
    prepare_audit(app, AuditRun(engine))
    for pages in PAGES:
        app.register_blueprint(pages)
    prepare_api(app, requests_per_minute)
    prepare_failures(app)
    return app
