"""The files of an incident: an event and its bytes, or nothing."""

import hashlib
import io
import json
import os
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from groundwork.problems import Refused
from incident_store.advance import NoSuchIncident, StepRefused, advance
from incident_store.attachments import Attachment, Purpose, attach, attachments, content, find_attachment, save
from incident_store.audit import verify
from incident_store.blobs import Damaged, TooLarge
from incident_store.database import open_store, upgrade
from incident_store.domain.incident_clocks import read_clocks
from incident_store.domain.incidents import Event
from incident_store.domain.lifecycle import EventKind, Role
from incident_store.domain.policies import ClockName
from incident_store.domain.steps import Actor, Reason, Step
from incident_store.file_kinds import NotTaken
from incident_store.incident_rows import history
from incident_store.people import add_person
from incident_store.store import record
from tests.builders import at, firing, shipped_policy, tamper
from tests.processes import run_renteseg

POLICY = shipped_policy()
ANA, SOFIA, VERA = (
    Actor("ana", Role.ANALYST),
    Actor("sofia", Role.SUPERVISOR),
    Actor("vera", Role.VIEWER),
)
PDF = b"%PDF-1.7\ninforme\n%%EOF\n"
RESTORING: tuple[tuple[Actor, EventKind, dict[str, str]], ...] = (
    (ANA, EventKind.ANALYSIS_BEGAN, {}),
    (ANA, EventKind.DIAGNOSED, {"responsible": "B", "severity": "alta", "cause": "disco lleno"}),
    (SOFIA, EventKind.VALIDATED, {}),
    (ANA, EventKind.RESTORED, {"tests": "consulta correcta", "reason": "la alerta tarda en terminar"}),
)


@pytest.fixture
def store(store_url: str) -> Iterator[Engine]:
    upgrade(store_url)
    engine = open_store(store_url)
    record(engine, [firing(0)], [], POLICY, at(1))
    yield engine
    engine.dispose()


def put(
    store: Engine, name: str, body: bytes, purpose: Purpose = Purpose.LOG, by: Actor = ANA, minute: float = 5
) -> Attachment:
    return attach(store, 1, name, io.BytesIO(body), purpose, by, at(minute), limit=10_000_000)


def restore(store: Engine) -> None:
    for minute, (actor, kind, details) in enumerate(RESTORING, 2):
        advance(store, 1, Step(kind, at(minute), details), actor, at(minute))


def events(store: Engine) -> list[Event]:
    with store.connect() as connection:
        return history(connection, 1)


def kinds(store: Engine) -> list[EventKind]:
    return [event.kind for event in events(store)]


def counts(store: Engine) -> tuple[int, ...]:
    with store.connect() as connection:
        return tuple(
            connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in ("events", "blobs", "blob_chunks")
        )


def test_an_attached_file_is_an_event_of_the_chain_and_comes_back_as_it_was(store: Engine, tmp_path: Path) -> None:
    body = b"corte a las 10:00\n" * 50_000
    attached = put(store, "../registro ñ.log", body)
    assert (attached.place, attached.name, attached.media_type) == (1, "registro ñ.log", "text/plain")
    assert attached.blob.sha256 == hashlib.sha256(body).hexdigest()
    assert attachments(events(store)) == [attached]
    with store.connect() as connection:
        assert b"".join(content(connection, find_attachment(connection, 1, 1))) == body
        assert save(connection, attached, tmp_path).read_bytes() == body
        assert verify(connection).broken == ()
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".log"] == ["registro ñ.log"]


def test_only_an_analyst_or_a_supervisor_attaches(store: Engine) -> None:
    put(store, "a.log", b"x", by=SOFIA)
    for actor in (VERA, Actor("adan", Role.ADMIN)):
        with pytest.raises(StepRefused, match="analyst or supervisor") as refused:
            put(store, "a.log", b"x", by=actor)
        assert refused.value.reason is Reason.WRONG_ROLE


def test_nobody_records_an_attachment_without_its_bytes(store: Engine) -> None:
    details = {"name": "a.log", "sha256": "0" * 64, "size": "1", "media_type": "text/plain", "purpose": "log"}
    for kind in (EventKind.ATTACHED, EventKind.EVIDENCE_TAKEN):
        with pytest.raises(StepRefused):
            advance(store, 1, Step(kind, at(2), details), SOFIA, at(3))


def test_the_rca_attached_after_the_restoration_is_its_receipt_and_stops_the_clock(store: Engine) -> None:
    restore(store)
    attach(store, 1, "rca.pdf", io.BytesIO(PDF), Purpose.RCA, ANA, at(30), limit=10_000, received_at=at(20))
    *_, attached, receipt = events(store)
    assert (attached.kind, receipt.kind) == (EventKind.ATTACHED, EventKind.RCA_RECEIVED)
    assert receipt.details == {"sha256": attached.details["sha256"]}
    clocks = {clock.name: clock for clock in read_clocks(events(store), POLICY, at(600))}
    assert clocks[ClockName.RCA].stopped
    assert clocks[ClockName.RCA].reading.elapsed.total_seconds() == 15 * 60


def test_a_second_version_of_the_rca_is_a_file_and_no_second_receipt(store: Engine) -> None:
    restore(store)
    put(store, "rca.pdf", PDF, Purpose.RCA, minute=20)
    put(store, "rca 2.pdf", PDF + b"2", Purpose.RCA, minute=21)
    assert kinds(store).count(EventKind.RCA_RECEIVED) == 1
    assert [one.name for one in attachments(events(store))] == ["rca.pdf", "rca 2.pdf"]


def test_after_a_relapse_the_next_rca_is_a_receipt_again(store: Engine) -> None:
    restore(store)
    put(store, "rca.pdf", PDF, Purpose.RCA, minute=20)
    advance(store, 1, Step(EventKind.REOPENED, at(21), {"reason": "recaída"}), SOFIA, at(21))
    advance(store, 1, Step(EventKind.RESTORED, at(22), {"tests": "ok", "reason": "tarda"}), SOFIA, at(22))
    put(store, "rca.pdf", PDF, Purpose.RCA, minute=23)
    assert kinds(store).count(EventKind.RCA_RECEIVED) == 2


def test_an_rca_before_the_restoration_is_refused_and_nothing_is_written(store: Engine) -> None:
    before = counts(store)
    with pytest.raises(StepRefused, match="not rca_received"):
        put(store, "rca.pdf", PDF, Purpose.RCA)
    assert counts(store) == before


@pytest.mark.parametrize(
    ("name", "body", "error"),
    [("a.log", b"", NotTaken), ("a.log", b"MZ\x90\0" * 9, NotTaken), ("a.log", b"x" * 20_000_000, TooLarge)],
)
def test_of_a_refused_file_nothing_is_written(store: Engine, name: str, body: bytes, error: type[Exception]) -> None:
    before = counts(store)
    with pytest.raises(error):
        put(store, name, body)
    assert counts(store) == before


def test_an_incident_that_is_not_there_takes_no_file(store: Engine) -> None:
    with pytest.raises(NoSuchIncident):
        attach(store, 99, "a.log", io.BytesIO(b"x"), Purpose.LOG, ANA, at(5), limit=100)
    assert counts(store)[1:] == (0, 0)


def test_many_at_once_are_all_kept_and_the_same_bytes_once(store: Engine) -> None:
    def one(number: int) -> Attachment:
        return put(store, f"{number}.log", b"the same" if number % 2 else f"{number}".encode())

    with ThreadPoolExecutor(8) as pool:
        places = sorted(attached.place for attached in pool.map(one, range(16)))
    assert places == list(range(1, 17))
    assert counts(store)[1] == 9
    with store.connect() as connection:
        assert verify(connection).broken == ()


def test_two_people_who_attach_the_rca_at_once_make_one_receipt(store: Engine) -> None:
    restore(store)

    def one(number: int) -> Attachment:
        return put(store, "rca.pdf", PDF + str(number).encode(), Purpose.RCA, (ANA, SOFIA)[number % 2], minute=20)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(attached.place for attached in pool.map(one, range(4))) == [1, 2, 3, 4]
    assert kinds(store).count(EventKind.RCA_RECEIVED) == 1


def test_a_file_whose_bytes_were_changed_is_not_handed_out(store: Engine, tmp_path: Path) -> None:
    attached = put(store, "a.log", os.urandom(100).hex().encode())
    tamper(store, "UPDATE blob_chunks SET compressed = NOT compressed")
    with store.connect() as connection, pytest.raises(Damaged):
        save(connection, attached, tmp_path)
    assert [path for path in tmp_path.iterdir() if not path.name.startswith("incidents.db")] == []


def test_a_file_is_never_written_over_another(store: Engine, tmp_path: Path) -> None:
    attached = put(store, "a.log", b"x")
    (tmp_path / "a.log").write_text("mine")
    with store.connect() as connection, pytest.raises(Refused, match="is there already"):
        save(connection, attached, tmp_path)
    assert (tmp_path / "a.log").read_text() == "mine"


def test_the_command_line_attaches_lists_and_fetches(store_url: str, store: Engine, tmp_path: Path) -> None:
    add_person(store, "ana", Role.ANALYST, "correct horse battery")
    environment = {"RENTESEG_STATE": str(tmp_path), "RENTESEG_DATABASE_URL": store_url}
    (tmp_path / "registro.log").write_text("corte\n")
    (tmp_path / "informe.pdf").write_bytes(b"MZ" + b"\0" * 99)
    words = ("--as", "log", "--by", "ana")
    done = run_renteseg("incident", "attach", "1", str(tmp_path / "registro.log"), *words, environment=environment)
    assert done.returncode == 0, done.stderr
    listed = run_renteseg("incident", "attachments", "1", "--json", environment=environment)
    (one,) = json.loads(listed.stdout)
    assert (one["name"], one["sha256"]) == ("registro.log", hashlib.sha256(b"corte\n").hexdigest())
    assert "registro.log" in run_renteseg("incident", "attachments", "1", environment=environment).stdout
    out = tmp_path / "copy.log"
    fetched = run_renteseg("incident", "fetch", "1", "1", "--out", str(out), environment=environment)
    assert (fetched.returncode, out.read_text()) == (0, "corte\n")
    for wrong in (
        ("attach", "1", str(tmp_path / "informe.pdf"), *words),
        ("attach", "1", str(tmp_path / "none.pdf"), *words),
        ("attach", "1", str(tmp_path), *words),
        ("attach", "1", str(tmp_path / "registro.log"), "--as", "selfie", "--by", "ana"),
        ("attach", str(2**70), str(tmp_path / "registro.log"), *words),
        ("fetch", "1", "2", "--out", str(tmp_path / "x")),
        ("fetch", "1", "1", "--out", str(tmp_path / "no" / "x")),
        ("attachments", "9"),
    ):
        done = run_renteseg("incident", *wrong, environment=environment)
        assert (done.returncode, len(done.stderr.strip().split("\n"))) == (1, 1), done.stderr


def test_a_file_of_two_gigabytes_is_refused_with_little_memory_and_before_it_is_read(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/incidents.db"
    upgrade(url)
    engine = open_store(url)
    record(engine, [firing(0)], [], POLICY, at(1))
    with (tmp_path / "huge.log").open("wb") as file:
        file.truncate(2 * 1024**3)
    before = resource.getrusage(resource.RUSAGE_SELF)
    with (tmp_path / "huge.log").open("rb") as source, pytest.raises(TooLarge, match="26,214,400 bytes"):
        attach(engine, 1, "huge.log", source, Purpose.LOG, ANA, at(5), limit=25 * 1024 * 1024)
        assert source.tell() < 30 * 1024 * 1024
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert after.ru_maxrss - before.ru_maxrss < 20 * 1024  # KiB
    engine.dispose()
