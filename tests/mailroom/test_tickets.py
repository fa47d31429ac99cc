"""The provider's ticket system, as a real HTTP server: one ticket a notice, its number kept, mail as the fallback."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from incident_store.database import reading
from incident_store.domain.notices import NoticeState
from incident_store.mail_models import NoticeRow
from incident_store.mail_ways import Trouble, Way, standings
from incident_store.outbox import Notice, approve
from incident_store.queries import find_incident
from tests.mailroom.conftest import SOFIA, Office, dispatched, now
from tests.mailroom.post_office import post_office


@dataclass
class Desk:
    """What it was asked, and what it answers."""

    port: int = 0
    status: int = 201
    answer: bytes = b'{"ticket": {"number": "INC-4711"}}'
    asked: list[tuple[dict[str, str], dict[str, str]]] = field(default_factory=list)


@pytest.fixture
def tickets() -> Iterator[Desk]:
    desk = Desk()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            desk.asked.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(desk.status)
            self.end_headers()
            self.wfile.write(desk.answer)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    desk.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield desk
    server.shutdown()


def sent(office: Office, desk: Desk, folder: Path, *, rounds: int = 1, **also: Any) -> tuple[Notice, int]:
    """A ticket after so many rounds of delivery, and how many mails left meanwhile."""
    (folder / "token").write_text("secreto\n")
    body = {"titulo": "{{ subject }}", "detalle": "{{ text }}", "urgencia": "{{ incident.severity }}"}
    entry = {"url": f"http://127.0.0.1:{desk.port}/t", "body": body, "number": "ticket.number", "timeout": "2s"}
    office.configure(tickets={**entry, "token_file": str(folder / "token"), **also})
    dispatched(office)
    [draft] = office.write()
    approve(office.engine, draft.number, SOFIA, now())
    with post_office() as server:
        office.configure(smtp={"port": server.port})
        for _round in range(rounds):
            office.send()
            with office.engine.begin() as connection:
                connection.execute(update(NoticeRow).values(due_at=now() - timedelta(seconds=1)))
    return office.notice(draft.number), len(server.letters)


def test_a_ticket_is_opened_and_its_number_kept_with_the_incident(
    office: Office, tickets: Desk, tmp_path: Path
) -> None:
    notice, mails = sent(office, tickets, tmp_path, rounds=2)

    [(headers, body)] = tickets.asked
    assert (notice.state, notice.ticket, mails) == (NoticeState.SENT, "INC-4711", 0)
    assert headers["authorization"] == "Bearer secreto"
    assert headers["idempotency-key"] == notice.token
    assert (body["titulo"], body["urgencia"]) == (notice.subject, "Alta")
    with reading(office.engine).connect() as connection:
        found = find_incident(connection, 1)
    assert found is not None
    assert found[0].events[-1].details["ticket"] == "INC-4711"


def test_a_ticket_system_that_is_away_is_asked_again_with_the_same_key(
    office: Office, tickets: Desk, tmp_path: Path
) -> None:
    tickets.status = 503

    notice, mails = sent(office, tickets, tmp_path, rounds=3)

    assert (notice.state, mails, len(tickets.asked)) == (NoticeState.APPROVED, 0, 3)
    assert len({headers["idempotency-key"] for headers, _body in tickets.asked}) == 1
    assert "it answers 503" in (notice.problem or "")
    with office.engine.connect() as connection:
        assert standings(connection)[Way.TICKETS].trouble is Trouble.REFUSED


def test_after_the_tries_that_were_set_the_ticket_goes_by_mail(office: Office, tickets: Desk, tmp_path: Path) -> None:
    tickets.status = 503

    notice, mails = sent(office, tickets, tmp_path, rounds=3, tries=2)

    assert (notice.state, mails, len(tickets.asked)) == (NoticeState.SENT, 1, 2)


@pytest.mark.parametrize(
    ("status", "answer"),
    [(422, b"falta un campo"), (200, b"<html>bienvenido</html>"), (200, b'{"ticket": {}}'), (302, b"")],
)
def test_a_ticket_that_is_refused_goes_by_mail_at_once(
    office: Office, tickets: Desk, tmp_path: Path, status: int, answer: bytes
) -> None:
    tickets.status, tickets.answer = status, answer

    notice, mails = sent(office, tickets, tmp_path, rounds=2)

    assert (notice.state, notice.ticket, mails, len(tickets.asked)) == (NoticeState.SENT, None, 1, 1)


def test_a_token_that_is_not_accepted_is_one_line(office: Office, tickets: Desk, tmp_path: Path) -> None:
    tickets.status = 401

    notice, _mails = sent(office, tickets, tmp_path)

    with office.engine.connect() as connection:
        standing = standings(connection)[Way.TICKETS]
    assert (standing.trouble, notice.state) == (Trouble.LOGIN, NoticeState.APPROVED)
    assert standing.line.endswith("it answers 401: the token is not accepted; correct the user or the password file")
    assert "secreto" not in standing.line
