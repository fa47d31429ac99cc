"""When operators send what, decided without any file or clock."""

from datetime import datetime, timedelta

from simulator.data_days import LIMA, data_day, deadline, late_until
from simulator.faults import Fault
from simulator.notebook import Notebook, Sent
from simulator.schedule import LAST_REGULAR, Kind, due
from simulator.vocabulary import FileType, Load, Operator
from tests.simulator.conftest import DAY, EARLY, MIDNIGHT

CLARO_ROBOS = Load(Operator.CLARO, FileType.ROBOS, DAY)


def notes(sequence: int, **more: object) -> Notebook:
    """Every load of the day has just been sent with this number."""
    notebook = Notebook(scale=0.01)
    for operator in Operator:
        for file_type in FileType:
            notebook.note(Load(operator, file_type, DAY), Sent(day=DAY, sequence=sequence, at=EARLY, **more))
    return notebook


def test_the_data_day_is_yesterday_in_lima_until_midnight_there():
    midnight = datetime(2026, 10, 7, 0, 0, tzinfo=LIMA)

    assert data_day(midnight - timedelta(microseconds=1)).day == 5
    assert data_day(midnight).day == 6


def test_deadlines_are_those_of_the_following_day_in_lima():
    assert deadline(DAY).isoformat() == "2026-10-06T11:00:00+00:00"
    assert late_until(DAY).isoformat() == "2026-10-06T17:00:00+00:00"


def test_an_operator_sends_one_file_at_a_time_registrations_first():
    deliveries = list(due(Notebook(scale=0.01), [], 96, EARLY))

    assert [delivery.load.operator for delivery in deliveries] == list(Operator)
    assert {delivery.load.file_type for delivery in deliveries} == {FileType.ALTAS}


def test_nothing_is_due_again_before_its_period_is_over():
    assert not list(due(notes(1), [], 96, EARLY + timedelta(minutes=13)))
    assert list(due(notes(1), [], 96, EARLY + timedelta(minutes=17)))


def test_regular_files_leave_the_last_numbers_of_a_day_free():
    assert not list(due(notes(LAST_REGULAR), [], 5760, EARLY + timedelta(hours=1)))


def test_in_real_time_a_day_has_one_file():
    assert not list(due(Notebook(scale=0.01), [], 1, MIDNIGHT))
    assert list(due(Notebook(scale=0.01), [], 1, EARLY))
    assert not list(due(notes(1), [], 1, EARLY + timedelta(hours=12)))


def test_yesterdays_notes_do_not_count_today():
    tomorrow = EARLY + timedelta(days=1)

    assert len(list(due(notes(99), [], 96, tomorrow))) == len(Operator)


def test_the_first_bad_files_come_every_ten_seconds_later_ones_every_minute():
    def bad_due(bad: int, seconds: int) -> bool:
        notebook = notes(10)
        notebook.note(CLARO_ROBOS, Sent(day=DAY, sequence=10, at=EARLY, bad=bad, owed=bool(bad)))
        found = due(notebook, [Fault.REJECT_FILES], 96, EARLY + timedelta(seconds=seconds))
        return any(delivery.kind is Kind.BAD_TRAILER for delivery in found)

    assert bad_due(0, 0)
    assert not bad_due(1, 9)
    assert bad_due(1, 10)
    assert not bad_due(6, 59)
    assert bad_due(6, 60)


def test_an_operator_that_owes_a_good_file_sends_it_at_once():
    notebook = notes(1)
    notebook.note(CLARO_ROBOS, Sent(day=DAY, sequence=98, at=EARLY, bad=3, owed=True))

    assert [delivery.kind for delivery in due(notebook, [], 96, EARLY)] == [Kind.GOOD]


def test_a_planned_batch_is_sent_once():
    notebook = notes(1)
    assert [delivery.kind for delivery in due(notebook, [Fault.MASS_BLOCK], 96, EARLY)] == [Kind.BATCH]

    notebook.answered.add(Fault.MASS_BLOCK)

    assert not list(due(notebook, [Fault.MASS_BLOCK], 96, EARLY))
