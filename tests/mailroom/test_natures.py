"""What kind of mail it is, and what it suggests: pure decisions."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from incident_store.domain.lifecycle import State
from incident_store.inbox import Nature
from mailroom.contacts import Contacts, Hint, Party, PartyKind, read_contacts
from mailroom.natures import bounced, nature
from mailroom.parsing import Mail, read_mail
from mailroom.proposals import OpenIncident, answer_time, answers, likely_incident, received_at, suggestion
from tests.builders import ROOT
from tests.mailroom.letters import ASKED, letter

OURS = frozenset({"renteseg@osiptel.example", "monitoreo.renteseg@osiptel.example"})


def read(body: bytes) -> Mail:
    return read_mail(io.BytesIO(body))


def kind(**headers: str) -> Nature:
    return nature(read(letter(**headers)), OURS)


def test_a_new_mail_is_a_report_and_one_that_answers_is_a_reply() -> None:
    assert kind() is Nature.REPORT
    assert kind(In_Reply_To="<x@y>") is Nature.REPLY


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated (failure)"},
        {"X_Auto_Response_Suppress": "OOF, AutoReply"},
        {"X_Auto_Response_Suppress": "All"},
        {"X_Autoreply": "yes"},
        {"Precedence": "auto_reply"},
        {"Return_Path": "<>"},
        {"subject": "Respuesta automática: No abre"},
        {"subject": "Fuera de la oficina hasta el lunes"},
        {"subject": "Automatic reply: ticket"},
    ],
)
def test_an_automatic_answer_opens_no_report(headers: dict[str, str]) -> None:
    assert kind(**headers) is Nature.AUTO_REPLY


@pytest.mark.parametrize("headers", [{"Auto_Submitted": "no"}, {"X_Auto_Response_Suppress": "DR"}])
def test_a_mail_that_only_looks_automatic_is_a_report(headers: dict[str, str]) -> None:
    assert kind(**headers) is Nature.REPORT


@pytest.mark.parametrize(
    "headers", [{"List_Id": "<avisos.example>"}, {"Precedence": "bulk"}, {"List_Unsubscribe": "<mailto:x@y>"}]
)
def test_what_a_list_sends_opens_no_report(headers: dict[str, str]) -> None:
    assert kind(**headers) is Nature.LIST


def test_our_own_notices_and_alertmanagers_mails_open_no_report() -> None:
    assert kind(sender="RENTESEG <renteseg@osiptel.example>") is Nature.OWN
    assert kind(sender="monitoreo.renteseg@osiptel.example") is Nature.OWN
    assert kind(X_RENTESEG_Notice="0123456789abcdef") is Nature.OWN


BOUNCE = b"""From: MAILER-DAEMON@correo.example\r
Return-Path: <>\r
Auto-Submitted: auto-replied\r
Subject: Undelivered\r
Content-Type: multipart/report; report-type=delivery-status; boundary=b\r
\r
--b\r
Content-Type: text/plain\r
\r
no llego\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; correo.example\r
\r
Final-Recipient: rfc822; Mesa@inetum.example\r
Action: %s\r
Status: 5.1.1\r
Diagnostic-Code: smtp; 550 5.1.1 no such user\r
\r
--b\r
Content-Type: message/rfc822\r
\r
Message-ID: <0123456789abcdef.renteseg@osiptel.example>\r
Subject: x\r
\r
x\r
--b--\r
"""


def test_a_bounce_tells_which_notice_did_not_arrive_where_and_why() -> None:
    body = BOUNCE % b"failed"
    mail = read(body)

    assert nature(mail, OURS) is Nature.BOUNCE
    assert bounced(mail, body.decode()) == ("0123456789abcdef", {"mesa@inetum.example": "550 5.1.1 no such user"})


def test_a_delay_is_no_bounce() -> None:
    assert nature(read(BOUNCE % b"delayed"), OURS) is Nature.AUTO_REPLY


# --- the responsible's answer ---------------------------------------------------------------------------------

INETUM = Party(name="INETUM", kind=PartyKind.PROVIDER, addresses=["mesa@inetum.example"])
CLARO = Party(name="Claro", kind=PartyKind.OPERATOR, addresses=["x@claro.example"])
DISPATCHED_AT = ASKED - timedelta(minutes=20)
OPEN = OpenIncident(7, State.DISPATCHED, "B", "INETUM", DISPATCHED_AT, answered=False)


def mail_of(written: datetime | None) -> Mail:
    return read(letter(at=written))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (ASKED - timedelta(minutes=5), ASKED - timedelta(minutes=5)),
        (ASKED - timedelta(minutes=15), ASKED - timedelta(minutes=15)),
        (ASKED - timedelta(minutes=16), ASKED),
        (ASKED + timedelta(seconds=1), ASKED),
        (datetime(1970, 1, 1, tzinfo=UTC), ASKED),
        (None, ASKED),
    ],
)
def test_the_senders_clock_counts_only_where_it_is_near_the_arrival(
    written: datetime | None, expected: datetime
) -> None:
    assert answer_time(mail_of(written), ASKED, DISPATCHED_AT)[0] == expected


def test_nobody_answers_before_being_asked() -> None:
    written, dispatched_at = ASKED - timedelta(minutes=10), ASKED - timedelta(minutes=5)

    assert answer_time(mail_of(written), ASKED, dispatched_at)[0] == ASKED


def test_a_mail_that_claims_to_have_arrived_in_the_future_arrived_now() -> None:
    body = b"Received: from x by y; Mon, 5 Oct 2099 17:00:05 +0000\r\n" + letter()

    assert received_at(read(body), ASKED + timedelta(days=900), ASKED) == ASKED


def test_the_earlier_of_the_mailboxs_time_and_our_servers_counts() -> None:
    body = b"Received: from x by y; Mon, 5 Oct 2026 16:59:00 +0000\r\n" + letter()

    assert received_at(read(body), ASKED, ASKED) == ASKED - timedelta(minutes=1)


def test_only_the_first_answer_of_the_responsible_is_one() -> None:
    assert answers(INETUM, OPEN)
    assert not answers(CLARO, OPEN)
    assert not answers(None, OPEN)
    assert not answers(INETUM, OpenIncident(7, State.DISPATCHED, "B", "INETUM", DISPATCHED_AT, answered=True))
    assert not answers(INETUM, OpenIncident(7, State.RESTORED, "B", "INETUM", DISPATCHED_AT, answered=False))


def test_a_mail_of_the_responsible_is_likely_about_the_one_incident_that_waits_for_it() -> None:
    other = OpenIncident(8, State.DISPATCHED, "B", "INETUM", DISPATCHED_AT, answered=False)

    assert likely_incident(INETUM, [OPEN]) == 7
    assert likely_incident(INETUM, [OPEN, other]) is None
    assert likely_incident(CLARO, [OPEN]) is None


HINTS = [
    Hint(words=["consulta"], kind="consulta", severity="baja"),
    Hint(words=["portal"], component="portal-web", service="consulta"),
    Hint(words=["caída"], kind="incidencia", severity="alta"),
]


def test_words_suggest_without_accents_and_case_and_only_as_whole_words() -> None:
    assert suggestion("CAIDA del Portal", "", HINTS) == {
        "kind": "incidencia",
        "severity": "alta",
        "component": "portal-web",
        "service": "consulta",
    }
    assert suggestion("portales recaídas", "", HINTS) == {}


def test_the_first_hint_that_says_a_thing_counts() -> None:
    assert suggestion("Consulta por la caída", "", HINTS)["kind"] == "consulta"


# --- the sender -----------------------------------------------------------------------------------------------


def shipped() -> Contacts:
    return read_contacts(ROOT / "config")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("juan@claro.example", "Claro"),
        ("MESA@inetum.example", "INETUM"),
        ("mesa.oti@osiptel.example", "OTI"),
        ("ana@osiptel.example", "OSIPTEL"),
        ("ana@osiptel.example.evil.example", None),
        ("claro.example", None),
        ("", None),
    ],
)
def test_a_sender_is_known_by_address_before_domain(address: str, name: str | None) -> None:
    party = shipped().sender_of(address)

    assert (party.name if party else None) == name
