"""The process `renteseg exporter incidents`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from exporters.incidents.mail import read_mail
from exporters.incidents.snapshot import Snapshot, families
from exporters.refreshing import Refresher, SourceError, source_families
from groundwork.logs import configure_logs
from groundwork.problems import Refused
from groundwork.serving import health_app, serve
from groundwork.settings import Settings
from incident_store.database import open_store, reading, schema_lag
from incident_store.domain.intervals import Interval
from incident_store.domain.policies import SlaPolicy
from incident_store.maintenance import read_windows
from incident_store.policy_file import read_policy
from incident_store.queries import IncidentCount, count_incidents, count_quarantined, running_incidents
from incident_store.regularisations import lines_ever_owed, open_regularisations

REFRESH_SECONDS = 5.0
COUNTED_EVERY = timedelta(minutes=1)
NEARBY = timedelta(days=1)
"""A component has a maintenance metric so long before and after its windows."""


class Totals:
    """The counts of all incidents, taken anew once a minute: that takes longer the longer the history is."""

    def __init__(self) -> None:
        self._due_at = datetime.min.replace(tzinfo=UTC)
        self._counts: list[IncidentCount] = []

    def at(self, connection: Connection, now: datetime) -> list[IncidentCount]:
        """The counts, at most a minute old."""
        if now >= self._due_at:
            self._counts, self._due_at = count_incidents(connection), now + COUNTED_EVERY
        return self._counts


def read_snapshot(engine: Engine, now: datetime, totals: Totals) -> Snapshot:
    """The store as it is now; raises SourceError when it cannot be read."""
    try:
        with reading(engine).connect() as connection:
            return Snapshot(
                running_incidents(connection, now),
                count_incidents(connection, open_only=True),
                totals.at(connection, now),
                count_quarantined(connection),
                read_windows(connection, Interval(now - NEARBY, now + NEARBY)),
                open_regularisations(connection),
                lines_ever_owed(connection),
                read_mail(connection),
            )
    except (SQLAlchemyError, Refused) as error:
        raise SourceError(str(error).splitlines()[0]) from error


class StoreCollector(Collector):
    """Renders the last snapshot; a store that is away leaves its figures out rather than showing old ones."""

    def __init__(self, refresher: Refresher[Snapshot], policy: SlaPolicy) -> None:
        self._refresher = refresher
        self._policy = policy

    def collect(self) -> Iterator[Metric]:
        """The families of one scrape."""
        yield from source_families("renteseg_incidents", "incident store", self._refresher)
        observation = self._refresher.fresh
        if observation is not None:
            yield from families(observation.value, self._policy, datetime.now(UTC))


def run(settings: Settings) -> None:
    """Serve until ended; raises ConfigurationError before listening when the configuration is unusable."""
    configure_logs("exporter-incidents")
    engine, policy = open_store(settings.database_url), read_policy(settings.config)
    totals = Totals()
    refresher = Refresher(lambda: read_snapshot(engine, datetime.now(UTC), totals), REFRESH_SECONDS)
    registry = CollectorRegistry()
    registry.register(StoreCollector(refresher, policy))
    refresher.start()
    serve(
        health_app("exporter-incidents", registry, lambda: schema_lag(engine)), settings.host, settings.incidents_port
    )
