"""The process `renteseg worker`: the jobs of every package that has some, beside the pages of the process itself."""

from typing import NoReturn

from prometheus_client import CollectorRegistry

from alertmanager_webhook import jobs as receiver
from evidence import jobs as evidence
from groundwork.jobs import run_jobs
from groundwork.logs import configure_logs
from groundwork.serving import health_app, serve_beside
from groundwork.settings import Settings
from incident_store import jobs as store
from incident_store.database import open_store, schema_lag
from incident_store.policy_file import read_policy
from mailroom import jobs as mailroom


def run(settings: Settings) -> NoReturn:
    """Work until ended; raises ConfigurationError before that when the configuration is unusable."""
    configure_logs("worker")
    engine, policy, registry = open_store(settings.database_url), read_policy(settings.config), CollectorRegistry()
    jobs = [
        *receiver.jobs(settings, engine, policy, registry),
        *evidence.jobs(settings, engine, policy, registry),
        *store.jobs(settings, engine, policy),
        *mailroom.jobs(settings, engine, policy),
    ]
    serve_beside(health_app("worker", registry, lambda: schema_lag(engine)), settings.host, settings.worker_port)
    run_jobs(jobs, registry)
