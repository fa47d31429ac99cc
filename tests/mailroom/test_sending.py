"""Delivery to a real SMTP server that fails as servers do: at least once, per recipient, and every reason named."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from incident_store import blobs
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.notices import NoticeKind, NoticeState
from incident_store.mail_models import NoticeRow
from incident_store.mail_ways import Trouble, Way, standings
from incident_store.outbox import Attached, Notice, Outcome, approve, post, retry
from incident_store.outbox_work import claim
from incident_store.queries import find_incident
from mailroom.pace import Pace
from tests.exporters.certificates import Authority, authority
from tests.mailroom.conftest import ANA, SOFIA, Office, dispatched, now, take
from tests.mailroom.post_office import KEEP_AND_DROP, PostOffice, post_office, slow_line


def approved(office: Office, responsible: str = "B", to: str = "INETUM") -> tuple[int, int]:
    """An incident whose ticket is approved; the numbers of both."""
    incident = dispatched(office, responsible, to)
    notice = office.write()[0]
    if notice.state is NoticeState.DRAFT:
        approve(office.engine, notice.number, SOFIA, now())
    return incident, notice.number


def due_again(office: Office) -> None:
    """Let the time pass that a notice waits for."""
    with office.engine.begin() as connection:
        connection.execute(update(NoticeRow).values(due_at=now() - timedelta(seconds=1)))


def through(office: Office, server: PostOffice, **also: Any) -> None:
    office.configure(smtp={"port": server.port, "security": "none", **also})


@pytest.fixture
def certificates(tmp_path: Path) -> Authority:
    return authority(tmp_path / "tls")


def way(office: Office, which: Way = Way.SMTP) -> tuple[Trouble | None, str]:
    with office.engine.connect() as connection:
        standing = standings(connection)[which]
    return standing.trouble, standing.line


def outcomes(notice: Notice) -> dict[str, Outcome]:
    return {one.address: one.outcome for one in notice.recipients}


def test_a_notice_arrives_in_text_and_html_with_its_thread(office: Office) -> None:
    with post_office() as server:
        through(office, server)
        incident, number = approved(office)

        office.send()

    [letter] = server.letters
    mail = letter.mail
    assert letter.to == ["mesa@inetum.example"]
    assert mail["To"] == "INETUM <mesa@inetum.example>"
    assert mail["From"] == "RENTESEG - OSIPTEL <renteseg@osiptel.example>"
    assert mail["Subject"] == f"[RENTESEG-{incident}] Ticket Alta: No abre"
    assert mail["Message-ID"] == office.notice(number).message_id
    assert mail["In-Reply-To"] == f"<incidencia.{incident}.renteseg@osiptel.example>"
    assert "Auto-Submitted" not in mail
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    html = mail.get_body(("html",))
    assert html is not None
    assert "<th" in html.get_content()
    assert office.notice(number).state is NoticeState.SENT


def test_a_notice_that_nobody_approved_says_that_it_is_automatic(office: Office) -> None:
    with post_office() as server:
        through(office, server)
        approved(office, "C", "OTI")
        office.send()

    assert server.letters[0].mail["Auto-Submitted"] == "auto-generated"


def test_the_next_notice_of_an_incident_follows_the_one_before(office: Office) -> None:
    with post_office() as server:
        through(office, server)
        incident, first = approved(office)
        office.send()
        take(office, incident, EventKind.DISPATCHED, to="INETUM")
        [follow_up] = office.write()
        approve(office.engine, follow_up.number, SOFIA, now())
        office.send()

    sent = office.notice(first).message_id
    assert server.letters[1].mail["In-Reply-To"] == sent
    assert server.letters[1].mail["References"].split() == [f"<incidencia.{incident}.renteseg@osiptel.example>", sent]


def test_recipients_of_different_parties_do_not_see_each_other(office: Office) -> None:
    with post_office() as server:
        through(office, server)
        incident, _ticket = approved(office)
        take(office, incident, EventKind.RESTORED, ANA, tests="x")
        take(office, incident, EventKind.CLOSED, unavailability="none")
        restoration = office.write()[0]
        approve(office.engine, restoration.number, SOFIA, now())
        office.send()

    letter = next(one for one in server.letters if len(one.to) > 1)
    assert "renteseg@claro.example" in letter.to
    assert "claro" not in letter.mail["To"]


def test_a_restoration_that_was_sent_is_announced_on_the_word_of_who_approved_it(office: Office) -> None:
    with post_office() as server:
        through(office, server)
        incident, _ticket = approved(office)
        take(office, incident, EventKind.RESTORED, ANA, tests="x")
        take(office, incident, EventKind.CLOSED, unavailability="none")
        approve(office.engine, office.write()[0].number, SOFIA, now())
        office.send()

    with office.engine.connect() as connection:
        found = find_incident(connection, incident)
    assert found is not None
    announced = found[0].events[-1]
    assert (announced.kind, announced.author) == (EventKind.ANNOUNCED, "sofia")


def test_greylisting_only_delays(office: Office) -> None:
    seen: set[str] = set()

    def greylist(address: str) -> str | None:
        first = address not in seen
        seen.add(address)
        return "451 4.7.1 greylisted, come back later" if first else None

    with post_office() as server:
        server.of_recipient = greylist
        through(office, server)
        _incident, number = approved(office)
        office.send()
        waiting = office.notice(number)
        due_again(office)
        office.send()

    assert (waiting.state, waiting.attempts) == (NoticeState.APPROVED, 1)
    assert waiting.problem == "mesa@inetum.example: 451 4.7.1 greylisted, come back later"
    assert waiting.due_at > now() + timedelta(seconds=30)
    assert office.notice(number).state is NoticeState.SENT
    assert len(server.letters) == 1


def test_an_address_that_does_not_exist_is_a_dead_letter_with_the_servers_reason(office: Office) -> None:
    with post_office() as server:
        server.of_recipient = lambda _address: "550 5.1.1 no such user"
        through(office, server)
        _incident, number = approved(office)
        office.send()

    notice = office.notice(number)
    assert notice.state is NoticeState.FAILED
    assert notice.problem == "mesa@inetum.example: 550 5.1.1 no such user"


def test_a_full_mailbox_is_tried_again(office: Office) -> None:
    with post_office() as server:
        server.of_recipient = lambda _address: "552 5.2.2 mailbox full"
        through(office, server)
        _incident, number = approved(office)
        office.send()

    notice = office.notice(number)
    assert notice.state is NoticeState.APPROVED
    assert notice.problem == "mesa@inetum.example: 552 5.2.2 mailbox full"


def test_each_recipient_has_its_own_end_and_only_those_without_it_are_tried_again(office: Office) -> None:
    with post_office() as server:
        through(office, server)
        incident, _ticket = approved(office)
        office.send()
        take(office, incident, EventKind.RESTORED, ANA, tests="x")
        take(office, incident, EventKind.CLOSED, unavailability="none")
        number = office.write()[0].number
        approve(office.engine, number, SOFIA, now())
        server.of_recipient = {
            "renteseg@claro.example": "550 5.1.1 unknown",
            "renteseg@entel.example": "450 4.2.0 busy",
        }.get
        office.send()
        half = office.notice(number)
        server.of_recipient = lambda address: "550 5.1.1 unknown" if "claro" in address else None
        due_again(office)
        office.send()
        server.of_recipient = lambda _address: None
        failed = office.notice(number)
        retry(office.engine, number, ANA, now())
        office.send()

    assert outcomes(half)["renteseg@claro.example"] is Outcome.FAILED
    assert outcomes(half)["renteseg@entel.example"] is Outcome.PENDING
    assert outcomes(half)["renteseg@bitel.example"] is Outcome.SENT
    assert failed.state is NoticeState.FAILED
    assert office.notice(number).state is NoticeState.SENT
    received = [address for letter in server.letters[1:] for address in letter.to]
    assert sorted(received) == sorted(set(received)) == sorted(outcomes(half))
    assert len({letter.mail["Message-ID"] for letter in server.letters[1:]}) == 1


def test_a_connection_that_drops_before_the_answer_is_tried_again_with_the_same_message_id(office: Office) -> None:
    with post_office() as server:
        server.of_text = lambda _letter: KEEP_AND_DROP
        through(office, server)
        _incident, number = approved(office)
        office.send()
        dropped = office.notice(number)
        server.of_text = lambda _letter: None
        due_again(office)
        office.send()

    assert dropped.state is NoticeState.APPROVED
    assert "may have arrived" in (dropped.problem or "")
    first, second = server.letters
    assert first.mail["Message-ID"] == second.mail["Message-ID"] == dropped.message_id


def test_a_server_that_refuses_the_text_for_good_makes_a_dead_letter(office: Office) -> None:
    with post_office() as server:
        server.of_text = lambda _letter: "554 5.7.1 looks like spam"
        through(office, server)
        _incident, number = approved(office)
        office.send()

    assert office.notice(number).state is NoticeState.FAILED
    assert "554 5.7.1 looks like spam" in (office.notice(number).problem or "")


def test_a_notice_is_given_up_after_the_time_that_was_set(office: Office) -> None:
    with post_office() as server:
        server.of_recipient = lambda _address: "450 4.2.0 busy"
        through(office, server, give_up_after="1h")
        _incident, number = approved(office)
        with office.engine.begin() as connection:
            connection.execute(update(NoticeRow).values(approved_at=now() - timedelta(hours=2)))
        office.send()

    assert office.notice(number).state is NoticeState.FAILED
    assert office.notice(number).problem == "given up: mesa@inetum.example: 450 4.2.0 busy"


def test_a_notice_that_waited_longer_than_that_for_its_server_still_goes(office: Office) -> None:
    with post_office() as server:
        through(office, server, give_up_after="1h")
        _incident, number = approved(office)
        with office.engine.begin() as connection:
            connection.execute(update(NoticeRow).values(approved_at=now() - timedelta(hours=2)))
        office.send()

    assert (office.notice(number).state, office.notice(number).problem) == (NoticeState.SENT, None)


# --- the way out itself ---------------------------------------------------------------------------------------


def test_a_wrong_password_is_one_line_and_every_notice_waits(office: Office, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("wrong\n")
    with post_office(password="right") as server:
        through(office, server, login={"user": "renteseg", "password_file": str(tmp_path / "password")})
        _incident, number = approved(office)
        office.send()
        trouble, line = way(office)
        (tmp_path / "password").write_text("right\n")
        due_again(office)
        office.send()

    assert trouble is Trouble.LOGIN, line
    assert line.startswith(f"127.0.0.1:{server.port}: it refuses the login of renteseg: 535")
    assert line.endswith("; correct the user or the password file")
    assert office.notice(number).state is NoticeState.SENT
    assert way(office) == (None, "")


def test_the_password_stands_in_no_line(office: Office, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("a-secret-of-ours\n")
    with post_office(password="right") as server:
        through(office, server, login={"user": "renteseg", "password_file": str(tmp_path / "password")})
        approved(office)
        office.send()

    assert "a-secret-of-ours" not in way(office)[1]


def test_a_notice_is_not_blamed_for_a_server_that_is_away(office: Office) -> None:
    _incident, number = approved(office)

    office.send()

    notice = office.notice(number)
    assert (notice.state, notice.attempts, notice.problem) == (NoticeState.APPROVED, 0, None)
    assert way(office)[0] is Trouble.UNREACHABLE


def test_an_expired_certificate_is_one_line_and_the_notice_waits(office: Office, certificates: Authority) -> None:
    with post_office(tls=certificates.server(now() - timedelta(days=1), "localhost")) as server:
        through(office, server, security="starttls", ca_file=str(certificates.file), host="localhost")
        _incident, number = approved(office)
        office.send()

    assert way(office)[0] is Trouble.TLS
    assert "certificate has expired" in way(office)[1]
    assert office.notice(number).state is NoticeState.APPROVED
    assert server.letters == []


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_notice_goes_over_tls_with_a_login(
    office: Office, certificates: Authority, tmp_path: Path, security: str
) -> None:
    (tmp_path / "password").write_text("right\n")
    login = {"user": "renteseg", "password_file": str(tmp_path / "password")}
    context = certificates.server(now() + timedelta(days=1), "localhost")
    with post_office(tls=context, implicit=security == "tls", password="right") as server:
        through(office, server, security=security, ca_file=str(certificates.file), login=login, host="localhost")
        _incident, number = approved(office)
        office.send()

    assert way(office) == (None, "")
    assert office.notice(number).state is NoticeState.SENT


def test_a_server_without_starttls_gets_no_mail_in_clear(office: Office) -> None:
    with post_office() as server:
        through(office, server, security="starttls")
        approved(office)
        office.send()

    assert way(office)[0] is Trouble.TLS
    assert "does not offer STARTTLS" in way(office)[1]
    assert server.letters == []


def test_a_server_that_greets_a_byte_at_a_time_is_left_alone_and_every_notice_waits(office: Office) -> None:
    with post_office() as server, slow_line(server.port) as port:
        _incident, number = approved(office)
        office.configure(smtp={"port": port, "timeout": "1s"})
        office.send()

    assert way(office)[0] is Trouble.UNREACHABLE
    assert "it answers too slowly" in way(office)[1]
    assert (office.notice(number).state, office.notice(number).attempts) == (NoticeState.APPROVED, 0)


def test_a_server_that_says_yes_a_byte_at_a_time_is_believed_when_its_code_has_come(office: Office) -> None:
    with post_office() as server, slow_line(server.port, after=b"\r\n.\r\n") as port:
        server.says = f"250 2.0.0 kept, after {'much ' * 80}thought"
        _incident, number = approved(office)
        office.configure(smtp={"port": port, "timeout": "1s"})
        office.send()

    assert (office.notice(number).state, office.notice(number).problem) == (NoticeState.SENT, None)
    assert len(server.letters) == 1


def test_no_minute_has_more_mails_than_it_may() -> None:
    pace, sent, now = Pace(), list[float](), 1000.0
    for waited in [0.0] * 90 + [40.0] + [0.0] * 90:
        now += waited
        now += max(0.0, pace.pause(now, 60))
        sent.append(now)

    assert max(sum(first <= one < first + 60 for one in sent) for first in sent) == 60


def test_notices_wait_for_their_turn_whichever_connection_sends_them(office: Office) -> None:
    with post_office() as server:
        through(office, server, per_minute=120, connections=3)
        for component in ("portal-web", "base-datos", "enlace-proveedor"):
            dispatched(office, "C", "OTI", component)
        office.write()
        began = time.monotonic()
        office.send()
        took = time.monotonic() - began

    assert len(server.letters) == 3
    assert took >= 1.0  # the third one's turn comes a second after the first one's


# --- leases and attachments -----------------------------------------------------------------------------------


def test_what_one_sender_has_taken_no_other_takes_until_the_lease_ends(office: Office) -> None:
    approved(office)
    lease = timedelta(minutes=4)

    _token, first = claim(office.engine, now(), lease, 10)
    _token, second = claim(office.engine, now(), lease, 10)
    _token, later = claim(office.engine, now() + lease, lease, 10)

    assert [len(first), len(second), len(later)] == [1, 0, 1]


def test_a_report_goes_with_its_files(office: Office) -> None:
    with office.engine.begin() as connection:
        blob = blobs.put_bytes(connection, b"%PDF-1.7 informe", now())
        files = [Attached("informe.pdf", "application/pdf", blob.sha256, blob.size)]
        facts = {"month": "octubre de 2026"}
        number = post(
            connection, NoticeKind.MONTHLY_REPORT, "sofia", now(), facts=facts, attachments=files, key="month:2026-10"
        )
    with post_office() as server:
        through(office, server)
        office.write()
        office.send()

    mail = server.letters[0].mail
    [attached] = mail.iter_attachments()
    assert mail["Subject"].strip() == "[RENTESEG] Informe mensual de disponibilidad del RENTESEG: octubre de 2026"
    assert (attached.get_filename(), attached.get_content()) == ("informe.pdf", b"%PDF-1.7 informe")
    assert office.notice(number).state is NoticeState.SENT


def test_attachments_over_the_limit_are_one_line_and_the_notice_waits(office: Office) -> None:
    office.configure(smtp={"largest_mb": 1})
    files = [Attached("informe.pdf", "application/pdf", "0" * 64, 3 * 1024 * 1024)]
    with office.engine.begin() as connection:
        post(connection, NoticeKind.MONTHLY_REPORT, "sofia", now(), attachments=files, key="m")

    [waiting] = office.write()

    assert waiting.state is NoticeState.DUE
    assert waiting.problem == (
        "its attachments have 3 MB and at most 1 MB are sent: raise smtp.largest_mb, or send a smaller file"
    )


def test_a_notice_that_cannot_be_composed_holds_no_other_back(office: Office) -> None:
    files = [Attached("informe.pdf", "application/pdf", "0" * 64, 10)]
    with office.engine.begin() as connection:
        lost = post(connection, NoticeKind.MONTHLY_REPORT, "sofia", now(), attachments=files, key="m")
    office.write()
    with post_office() as server:
        through(office, server)
        approved(office)
        office.send()

    assert len(server.letters) == 1
    assert (office.notice(lost).problem or "").startswith("nothing is kept under 0000")
