"""The worker's job that opens and closes regularisations: it asks the file-load exporter, which reads the load log.

The exporter may not touch the store and nobody else reads the load log, so what is owed passes from one to the other as
a page (`/owed`). Asked again, the page says the same, and what is recorded twice changes nothing.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import httpx
import structlog
from pydantic import AwareDatetime, BaseModel, Field, ValidationError
from sqlalchemy import Connection, Engine

from groundwork.problems import Away
from incident_store.database import reading
from incident_store.domain.intervals import Interval
from incident_store.domain.policies import SlaPolicy
from incident_store.domain.regularisations import Load, OwedLoad
from incident_store.regularisations import ConfirmedOutage, close_processed, list_owed, owing_outages, unlisted_outages
from incident_store.transactions import in_transaction

log = structlog.get_logger()

TIMEOUT_SECONDS = 15.0
LONGEST_ASKED = timedelta(days=100)
"""The exporter looks back no further; of a longer outage the end is asked about."""


class ExporterAway(Away):
    """The file-load exporter could not say what is owed; asked later it may."""


class _Entry(BaseModel):
    operator: str = Field(min_length=1, max_length=64)
    file_type: str = Field(min_length=1, max_length=64)
    data_day: date
    processed_at: AwareDatetime | None
    owed: bool


class _Answer(BaseModel):
    loads: list[_Entry]


def ask_owed(url: str, outage: Interval) -> list[OwedLoad]:
    """The loads that this outage left unprocessed, by the exporter at this address; raises ExporterAway."""
    start = max(outage.start, outage.end - LONGEST_ASKED)
    query = {"from": start.isoformat(), "to": outage.end.isoformat()}
    try:
        answer = httpx.get(f"{url}/owed", params=query, timeout=TIMEOUT_SECONDS)
        if answer.status_code != httpx.codes.OK:
            raise ExporterAway(f"the file-load exporter answered {answer.status_code}: {answer.text[:200].strip()}")
        entries = _Answer.model_validate_json(answer.content).loads
    except (httpx.HTTPError, ValidationError) as error:
        reason = str(error).splitlines()[0] if str(error) else repr(error)
        raise ExporterAway(f"the file-load exporter at {url} did not say what is owed: {reason}") from error
    return [
        OwedLoad(Load(one.operator, one.file_type, one.data_day), _utc(one.processed_at), one.owed) for one in entries
    ]


def _utc(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC) if moment else None


class Regulariser:
    """One round lists what new confirmed outages left owed and closes what was processed. Any number may run."""

    def __init__(
        self,
        engine: Engine,
        policy: SlaPolicy,
        ask: Callable[[Interval], list[OwedLoad]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._policy = policy
        self._ask = ask
        self._now = now

    def work(self) -> None:
        """One round; raises ExporterAway when some outage could not be asked about, StoreUnavailable."""
        failures = [*self._each(unlisted_outages, self._list), *self._each(owing_outages, self._close)]
        if failures:
            raise failures[0]

    def _each(
        self, read: Callable[[Connection], list[ConfirmedOutage]], act: Callable[[ConfirmedOutage], None]
    ) -> Iterator[ExporterAway]:
        """Act on each outage; one about which the exporter knows no answer hinders no other."""
        with reading(self._engine).connect() as connection:
            outages = read(connection)
        for outage in outages:
            try:
                act(outage)
            except ExporterAway as error:
                yield error

    def _list(self, outage: ConfirmedOutage) -> None:
        owed, now = self._ask(outage.span), self._now()
        if in_transaction(self._engine, lambda to: list_owed(to, outage, owed, self._policy, now)):
            log.info("regularisations opened", incident=outage.incident, loads=len(owed))

    def _close(self, outage: ConfirmedOutage) -> None:
        owed, now = self._ask(outage.span), self._now()
        if closed := in_transaction(self._engine, lambda to: close_processed(to, outage, owed, now)):
            log.info("regularisations closed", incident=outage.incident, loads=closed)
