"""The daily files over the API. The load log is read by its exporter alone, which is asked for the day."""

from datetime import date, datetime

import httpx
from pydantic import Field, ValidationError

from console.api.operations import Call, Nothing, Operation, Reply, invalid
from console.api.values import Day, Query, Told
from console.desk import desk
from groundwork.problems import Away

TIMEOUT_SECONDS = 15.0


class RowCounts(Told):
    """Rows of a load; null where the load log does not say."""

    total: int | None
    loaded: int | None
    rejected: int | None
    usual: float | None


class LoadTold(Told):
    """One operator and file type of the day: what its newest file says."""

    operator: str
    file_type: str
    state: str
    files: int
    deadline_at: datetime
    received_at: datetime | None
    processed_at: datetime | None
    rows: RowCounts
    planned: bool
    row_errors: dict[str, int]


class InconsistencyTold(Told):
    """One thing wrong about the day; what does not apply to its kind is null."""

    kind: str
    operator: str
    file_type: str
    sequence: int | None
    state: str | None
    reason: str | None
    rows: int | None
    usual: float | None
    received_at: datetime | None
    lasting_seconds: int | None


class DayTold(Told):
    """A data day as `renteseg loads report --format json` says it, read from the load log at `at`."""

    day: date
    at: datetime
    states: dict[str, int]
    loads: list[LoadTold]
    inconsistencies: list[InconsistencyTold]


class DayQuery(Query):
    """Which data day."""

    day: Day | None = Field(default=None, description="such as 2026-10-05; yesterday in Lima, when it is not said")


class LoadsAway(Away):
    """The file-load exporter did not say how the day stands; asked later it may."""


def show_loads(call: Call[DayQuery, Nothing]) -> Reply:
    """The loads of a data day and what is wrong with them; 503 while the load log cannot be read."""
    return Reply(read_day(call.query.day))


def read_day(day: date | None) -> DayTold:
    """A data day, the current one for None; raises LoadsAway, and Problem for a day that cannot be asked for."""
    asked = {} if day is None else {"day": day.isoformat()}
    try:
        answer = httpx.get(f"{desk().file_loads_url}/loads", params=asked, timeout=TIMEOUT_SECONDS)
    except httpx.HTTPError as error:
        raise LoadsAway("the file-load exporter does not answer: what the load log holds is not known now") from error
    if answer.status_code == httpx.codes.BAD_REQUEST:
        raise invalid("day", str(answer.json().get("error", "is no day")))
    if answer.status_code != httpx.codes.OK:
        raise LoadsAway("the file-load exporter cannot read the load log now: what it holds is not known")
    try:
        return DayTold.model_validate_json(answer.content)
    except ValidationError as error:
        raise LoadsAway("the file-load exporter answers what this version does not understand") from error


OPERATIONS = (Operation("GET", "/loads", "The daily files of a data day", DayTold, show_loads, query=DayQuery),)
