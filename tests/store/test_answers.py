"""A request that comes again under its key is done once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import Connection, Engine, text

from incident_store.answers import KEPT, Answer, KeyTaken, Request, answer_once, forget_answers
from incident_store.database import open_store, upgrade
from incident_store.domain.incidents import Event
from incident_store.domain.lifecycle import EventKind
from incident_store.incident_rows import append
from incident_store.store import record
from tests.builders import NOON, at, firing, shipped_policy

ANSWER = Answer(201, {"ETag": '"1"'}, '{"hecho": "ñ"}')
ASKED = Request("ana", "uno", "digest")


@pytest.fixture
def store(store_url: str) -> Iterator[Engine]:
    upgrade(store_url)
    engine = open_store(store_url)
    record(engine, [firing(0)], [], shipped_policy(), at(1))
    yield engine
    engine.dispose()


def note(connection: Connection) -> Answer:
    append(connection, 1, [Event(EventKind.NOTED, NOON, NOON, "ana", {"text": "x"})])
    return ANSWER


def notes(store: Engine) -> int:
    with store.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM events WHERE kind = 'noted'")).scalar_one())


def test_the_second_time_gives_the_first_answer_and_changes_nothing(store: Engine) -> None:
    assert answer_once(store, ASKED, note, NOON) == (ANSWER, False)
    assert answer_once(store, ASKED, note, at(1)) == (ANSWER, True)
    assert notes(store) == 1


def test_another_request_under_the_same_key_is_refused(store: Engine) -> None:
    answer_once(store, ASKED, note, NOON)
    with pytest.raises(KeyTaken):
        answer_once(store, Request("ana", "uno", "other"), note, NOON)
    assert answer_once(store, Request("sofia", "uno", "other"), note, NOON)[1] is False


def test_work_that_fails_leaves_neither_a_change_nor_the_key(store: Engine) -> None:
    def fail(connection: Connection) -> Answer:
        note(connection)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        answer_once(store, ASKED, fail, NOON)
    assert notes(store) == 0
    assert answer_once(store, ASKED, note, NOON)[1] is False


def test_of_many_at_once_one_does_the_work_and_all_get_its_answer(store: Engine) -> None:
    together = Barrier(6)

    def ask(_: int) -> Answer:
        together.wait()
        return answer_once(store, ASKED, note, NOON)[0]

    with ThreadPoolExecutor(6) as many:
        assert set(map(repr, many.map(ask, range(6)))) == {repr(ANSWER)}
    assert notes(store) == 1


def test_a_key_is_free_again_after_a_week(store: Engine) -> None:
    answer_once(store, ASKED, note, NOON)
    forget_answers(store, NOON + KEPT)
    assert answer_once(store, ASKED, note, NOON)[1] is True
    forget_answers(store, NOON + KEPT * 1.01)
    assert answer_once(store, ASKED, note, NOON)[1] is False
