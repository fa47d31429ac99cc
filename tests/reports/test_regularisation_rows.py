"""The regularisations of the month's report."""

from datetime import date

from incident_store.domain.regularisations import Load, OwedLoad, opening_events, regularised
from incident_store.queries import IncidentRecord
from reports.regularisation_rows import regularisations
from tests.builders import at

ROBOS, ALTAS = (Load("CLARO", name, date(2026, 10, 4)) for name in ("ROBOS", "ALTAS"))


def test_what_is_owed_is_listed_as_it_stood_then_and_late_when_its_time_has_passed_semantics_33() -> None:
    events = opening_events([OwedLoad(ROBOS, None), OwedLoad(ALTAS, None)], at(100), at(10))
    record = IncidentRecord(7, "portal-web", "", "incidencia", "", (*events, regularised(ALTAS, at(50), at(51))))
    altas, robos = regularisations([record], at(101))
    assert (altas.incident, altas.operator, altas.file_type, altas.day) == (7, "CLARO", "ALTAS", date(2026, 10, 4))
    assert (altas.settled_at, altas.late) == (at(50), False)
    assert (robos.due_at, robos.settled_at, robos.late) == (at(100), None, True)
    assert [one.late for one in regularisations([record], at(100))] == [False, False]
