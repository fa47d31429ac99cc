"""Rows to figures: the newest file decides, what is not said is absent, no counter goes back."""

from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exporters.file_loads.reader import FileRow, LogRows, TotalRow
from exporters.file_loads.snapshot import Snapshot, Totals, never_less, snapshot
from exporters.file_loads.vocabulary import FileState, Outcome, Rejection
from tests.exporters.file_loads.load_logs import DAY, NOW, configuration

CONFIGURATION = configuration()
LINE = ("CLARO", "ROBOS")


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 10, 6, hour, minute, tzinfo=UTC)


def row(status: str, **more: Any) -> FileRow:
    values: dict[str, Any] = {
        "operator": "CLARO",
        "file_type": "ROBOS",
        "data_day": DAY,
        "sequence": 1,
        "received_at": None,
        "processed_at": None,
    }
    return FileRow(status=status, **{**values, **more})


def total(status: str, files: int = 1, reason: str | None = None, **more: Any) -> TotalRow:
    values: dict[str, Any] = {"operator": "CLARO", "file_type": "ROBOS"}
    return TotalRow(status=status, files=files, reason=reason, **{**values, **more})


def seen(*files: FileRow, totals: tuple[TotalRow, ...] = ()) -> Snapshot:
    return snapshot(LogRows(files, totals), CONFIGURATION, NOW)


def test_every_operator_and_type_is_there_without_any_row() -> None:
    found = seen()

    assert len(found.states) == 20
    assert set(found.states.values()) == {FileState.EXPECTED}
    assert set(found.waiting.values()) == {0}
    assert not found.waiting_since
    assert not found.received_at
    assert set(found.totals.outcomes.values()) == {0}
    assert {reason for _, _, reason in found.totals.rejections} == set(Rejection)


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
    found = seen(row("CONGELADO"), totals=(total("CONGELADO"), total("PROCESADO", operator="CLARO2")))

    assert found.states[LINE] is FileState.OTHER
    assert found.strange == {"status 'CONGELADO'", "operator 'CLARO2'"}


def test_totals_add_up_by_outcome_and_reason() -> None:
    found = seen(
        totals=(
            total("PROCESADO", 40),
            total("RECHAZADO", 2, "F03"),
            total("RECHAZADO", 1, "F99"),
            total("REPROCESO_MANUAL", 1, "F10"),
            total("RECHAZADO", 5, "F01", file_type=None),
            total("ESPERADO", 9),
        )
    )

    outcomes, rejections = found.totals.outcomes, found.totals.rejections
    assert outcomes[(*LINE, Outcome.PROCESSED)] == 40
    assert outcomes[(*LINE, Outcome.REJECTED)] == 3
    assert rejections[(*LINE, Rejection.F03)] == 2
    assert rejections[(*LINE, Rejection.F10)] == 1
    assert rejections[(*LINE, Rejection.OTHER)] == 1
    assert rejections["CLARO", "unknown", Rejection.F01] == 5
    assert sum(outcomes.values()) == 48


def failed(files: int) -> Totals:
    return Totals({(*LINE, Outcome.FAILED): files}, {(*LINE, Rejection.F01): files})


def test_a_file_processed_again_takes_nothing_from_the_counter() -> None:
    shown = before = failed(3)
    for now, expected in [(2, 3), (3, 4), (3, 4), (5, 6)]:
        shown, before = never_less(shown, before, failed(now)), failed(now)
        assert shown == failed(expected)


@given(st.lists(st.integers(0, 50), min_size=1))
def test_no_counter_goes_back_or_below_the_log(counts: list[int]) -> None:
    shown = before = failed(counts[0])
    for count in counts[1:]:
        following = never_less(shown, before, failed(count))
        for key, files in following.outcomes.items():
            assert files >= shown.outcomes[key]
            assert files >= count
        shown, before = following, failed(count)
