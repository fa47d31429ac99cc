"""What confirmed outages left owed, as the incidents' own events told it by then (semantics 33)."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from incident_store.domain.regularisations import Standing, told_regularisations
from incident_store.queries import IncidentRecord
from reports.monthly_report import Regularisation

LATE = frozenset({Standing.LATE, Standing.DONE_LATE})


def regularisations(incidents: Iterable[IncidentRecord], as_of: datetime) -> Iterator[Regularisation]:
    """Every load that these incidents left owed, by incident, operator, file type and day."""
    for record in incidents:
        for one in told_regularisations(record.number, record.events):
            yield Regularisation(
                incident=one.incident,
                operator=one.load.operator,
                file_type=one.load.file_type,
                day=one.load.data_day,
                due_at=one.due_at,
                settled_at=one.processed_at,
                late=one.standing(as_of) in LATE,
            )
