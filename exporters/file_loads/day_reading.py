"""Reads what the report of one data day needs from the load log."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from exporters.file_loads.configuration import FileLoads, Line
from exporters.file_loads.day_report import DayReport, DayRows, day_report
from exporters.file_loads.reader import Session
from exporters.file_loads.snapshot import USUAL_DAYS, usual_rows
from exporters.file_loads.vocabulary import DONE


def read_report(session: Session, configuration: FileLoads, day: date, now: datetime) -> DayReport:
    """Read a data day and report on it; raises SourceError."""
    zone = ZoneInfo(configuration.time_zone)
    due_from = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    files = session.of_days([day])
    undated = session.undated(due_from, due_from + timedelta(days=1))
    rows = DayRows(
        files=tuple(files),
        undated=tuple(undated),
        row_errors=tuple(session.row_errors_of({row.id for row in files})),
        batches=tuple(session.batches([day])),
        usual=read_usual_rows(session, configuration, day),
    )
    return day_report(rows, configuration, day, now)


def read_usual_rows(session: Session, configuration: FileLoads, day: date) -> Mapping[Line, float]:
    """Rows of a usual file of each line, by the four weeks before this data day."""
    words = [word for word, state in configuration.load_log.statuses.items() if state in DONE]
    return usual_rows(session.usual_counts(day - USUAL_DAYS, day, words))
