"""Rows to figures: the newest file decides, what is not said is absent, no counter goes back."""

from datetime import UTC, date, datetime, time
from itertools import count
from typing import Any

from exporters.file_loads.calendars import Calendar
from exporters.file_loads.configuration import FileLoads, PlannedBatch
from exporters.file_loads.reader import FileRow, RowErrors, UsualCount
from exporters.file_loads.snapshot import LogRows, Snapshot, is_unusual, snapshot, usual_rows
from exporters.file_loads.tally import tally
from exporters.file_loads.vocabulary import FileState, Outcome, Rejection
from tests.exporters.file_loads.load_logs import DAY, NOW, configuration

CONFIGURATION = configuration()
KEYS = count(1)
LINE = ("CLARO", "ROBOS")


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 10, 6, hour, minute, tzinfo=UTC)


def row(status: str, **more: Any) -> FileRow:
    values: dict[str, Any] = {
        "operator": "CLARO",
        "file_type": "ROBOS",
        "data_day": DAY,
        "sequence": 1,
    }
    return FileRow(status=status, **{"id": next(KEYS), **values, **more})


def seen(*files: FileRow, configuration: FileLoads = CONFIGURATION, now: datetime = NOW) -> Snapshot:
    return snapshot(LogRows(files, files), configuration, now)


def test_every_operator_and_type_is_there_without_any_row() -> None:
    found = seen()

    assert len(found.states) == 20
    assert set(found.states.values()) == {FileState.EXPECTED}
    assert set(found.waiting.values()) == {0}
    assert not found.waiting_since
    assert not found.received_at
    assert found.totals is None
    assert set(found.planned.values()) == {False}


def test_the_highest_sequence_decides() -> None:
    found = seen(
        row("RECHAZADO", sequence=2, received_at=at(9)),
        row("PROCESADO", sequence=3, received_at=at(10), processed_at=at(11)),
        row("ESPERADO", sequence=0),
    )

    assert found.states[LINE] is FileState.PROCESSED
    assert found.received_at[LINE] == at(10)
    assert found.processed_at[LINE] == at(11)


def test_other_days_count_for_the_queue_alone() -> None:
    found = seen(row("ENCOLADO", data_day=date(2026, 10, 1), received_at=at(1)), row("PROCESANDO"))

    assert found.states[LINE] is FileState.PROCESSING
    assert found.waiting[LINE] == 1
    assert found.waiting_since[LINE] == at(1)


def test_the_queue_holds_what_waits_and_its_oldest() -> None:
    found = seen(
        row("ENCOLADO", sequence=1, received_at=at(9)),
        row("VALIDANDO", sequence=2, received_at=at(8)),
        row("RECIBIDO", sequence=3),
        row("PROCESANDO", sequence=4, received_at=at(1)),
        row("ENCOLADO", operator="ENTEL", received_at=None),
    )

    assert found.waiting[LINE] == 3
    assert found.waiting_since == {LINE: at(8)}
    assert found.waiting["ENTEL", "ROBOS"] == 1


def test_a_word_that_configuration_does_not_know_is_other() -> None:
    found = seen(row("CONGELADO"), row("PROCESADO", operator="CLARO2"))

    assert found.states[LINE] is FileState.OTHER
    assert found.strange == {"status 'CONGELADO'", "operator 'CLARO2'"}


def test_files_add_up_by_outcome_reason_and_row() -> None:
    rows = [
        *(row("PROCESADO", rows_ok=5, rows_error=0) for _ in range(40)),
        *(row("RECHAZADO", reason="F03") for _ in range(2)),
        row("RECHAZADO", reason="F99"),
        row("REPROCESO_MANUAL", reason="F10"),
        *(row("RECHAZADO", reason="F01", file_type=None) for _ in range(5)),
        row("ESPERADO"),
        row("REGULARIZADO"),
    ]

    counts = tally(rows, [RowErrors(rows[0].id, "R05", 3), RowErrors(999_999, "R05", 3)], CONFIGURATION)

    assert counts["outcome", *LINE, Outcome.PROCESSED] == 41
    assert counts["outcome", *LINE, Outcome.REJECTED] == 3
    assert counts["rejection", *LINE, Rejection.F03] == 2
    assert counts["rejection", *LINE, Rejection.F10] == 1
    assert counts["rejection", *LINE, Rejection.OTHER] == 1
    assert counts["rejection", "CLARO", "unknown", Rejection.F01] == 5
    assert counts["rows", *LINE, "loaded"] == 200
    assert counts["row_error", *LINE, "R05"] == 3
    assert sum(count for key, count in counts.items() if key[0] == "outcome") == 49


def test_a_file_that_ended_before_it_began_took_no_time() -> None:
    counts = tally([row("PROCESADO", received_at=at(10), processed_at=at(9))], [], CONFIGURATION)

    assert counts["processing", "ROBOS", "1"] == 1
    assert counts["processing_ms", "ROBOS"] == 0


WORKING_WEEK = CONFIGURATION.model_copy(
    update={"calendar": Calendar(days=("mon", "tue", "wed", "thu", "fri"), holidays="PE")}
)


def test_what_closed_days_left_due_is_shown_until_all_of_it_is_there() -> None:
    """Monday 5 October 2026: the files of Friday, Saturday and Sunday are due; Thursday the 8th is a holiday."""
    monday = datetime(2026, 10, 5, 14, tzinfo=UTC)
    friday, saturday, sunday = (date(2026, 10, day) for day in (2, 3, 4))

    some = seen(
        row("PROCESADO", data_day=saturday), row("PROCESADO", data_day=sunday), configuration=WORKING_WEEK, now=monday
    )
    all_of_it = seen(
        *(row("PROCESADO", data_day=day) for day in (friday, saturday, sunday)), configuration=WORKING_WEEK, now=monday
    )

    assert (some.states[LINE], some.days[LINE]) == (FileState.EXPECTED, friday)
    assert (all_of_it.states[LINE], all_of_it.days[LINE]) == (FileState.PROCESSED, sunday)
    assert WORKING_WEEK.deadline_at(LINE, friday) == datetime(2026, 10, 5, 11, tzinfo=UTC)
    assert WORKING_WEEK.deadline_at(LINE, date(2026, 10, 7)) == datetime(2026, 10, 9, 11, tzinfo=UTC)


def test_a_planned_batch_holds_between_its_times_in_lima() -> None:
    planned = CONFIGURATION.model_copy(
        update={
            "planned_batches": (
                PlannedBatch(file_types=("ROBOS",), days=("tue",), **{"from": "00:00", "until": "12:00"}),
            )
        }
    )

    assert seen(configuration=planned).planned[LINE]
    assert not seen(configuration=planned).planned["CLARO", "ALTAS"]
    assert not seen(configuration=planned, now=datetime(2026, 10, 6, 17, tzinfo=UTC)).planned[LINE]
    assert not seen(configuration=planned, now=datetime(2026, 10, 7, 14, tzinfo=UTC)).planned[LINE]
    assert planned.planned_batches[0].start == time(0)


def test_usual_is_the_median_of_the_days() -> None:
    days = [UsualCount("CLARO", "ROBOS", date(2026, 10, day), 2, rows) for day, rows in enumerate((200, 220, 90000), 1)]

    assert usual_rows(days) == {LINE: 110}


def test_a_count_is_unusual_at_five_times_or_a_fifth_and_never_for_a_handful() -> None:
    assert [is_unusual(rows, 100) for rows in (19, 20, 100, 500, 501)] == [True, False, False, False, True]
    assert [is_unusual(rows, 3) for rows in (0, 100, 101)] == [False, False, True]
    assert not is_unusual(None, 3)
    assert not is_unusual(3, None)
