"""A mail becomes a message: once, in its incident or in the Bandeja; a person decides, in one transaction."""

import io
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from groundwork.problems import Refused
from incident_store import blobs
from incident_store.advance import BeingAttended, Report, StepRefused
from incident_store.audit import verify
from incident_store.database import reading
from incident_store.domain.incidents import Event, Kind
from incident_store.domain.lifecycle import EventKind, Role
from incident_store.domain.notices import NoticeKind, NoticeState
from incident_store.domain.policies import Responsible, Severity
from incident_store.domain.steps import Actor
from incident_store.inbox import Decision, Message, MessageState, Nature, Verdict, decide_message, find_message
from incident_store.mail_models import NoticeRow
from incident_store.outbox import Outcome, approve
from incident_store.queries import find_incident
from mailroom.receiving import Arrival, Limits, Receiver
from tests.mailroom.conftest import ANA, SOFIA, Office, dispatched, now, reported, take
from tests.mailroom.letters import AWKWARD, TEXT, letter, multipart
from tests.mailroom.post_office import post_office
from tests.mailroom.test_natures import BOUNCE


def receive(office: Office, body: bytes, at: datetime | None = None, limits: Limits | None = None) -> int | None:
    """Take a mail; its number, None when it is known."""
    with office.engine.begin() as connection, blobs.spooled(io.BytesIO(body), 1 << 30) as (blob, held):
        receiver = Receiver(connection, office.desk.contacts, limits or Limits(), now())
        return receiver.take(Arrival(held, blob, at or now()))


def message(office: Office, number: int | None) -> Message:
    assert number is not None
    with reading(office.engine).connect() as connection:
        return find_message(connection, number)


def events(office: Office, number: int) -> tuple[Event, ...]:
    with reading(office.engine).connect() as connection:
        found = find_incident(connection, number)
    assert found is not None
    return found[0].events


def sent_ticket(office: Office) -> tuple[int, str]:
    """An incident whose ticket has been sent; its number and the ticket's Message-ID."""
    incident = dispatched(office)
    with post_office() as server:
        office.configure(smtp={"port": server.port})
        [draft] = office.write()
        approve(office.engine, draft.number, SOFIA, now())
        office.send()
    return incident, office.notice(draft.number).message_id or ""


def report(component: str = "portal-web", kind: Kind = Kind.INCIDENT) -> Report:
    return Report(kind, component, "consulta", "No abre", Severity.HIGH, Responsible.NOBODY, "correo", now())


# --- taking ---------------------------------------------------------------------------------------------------


def test_a_mail_waits_in_the_bandeja_with_its_sender_and_a_suggestion(office: Office) -> None:
    found = message(office, receive(office, letter("El portal no responde, urgente")))

    assert (found.state, found.nature) == (MessageState.WAITING, Nature.REPORT)
    assert (found.party, found.party_kind, found.sender_address) == ("Claro", "operator", "juan@claro.example")
    assert found.proposal == {
        "kind": "incidencia",
        "component": "portal-web",
        "service": "consulta",
        "severity": "alta",
    }


def test_the_original_is_kept_to_the_byte(office: Office) -> None:
    found = message(office, receive(office, letter()))

    with reading(office.engine).connect() as connection:
        assert blobs.get(connection, found.original) == letter()


def test_the_same_mail_is_taken_once_whichever_way_it_comes(office: Office) -> None:
    assert receive(office, letter()) is not None
    assert receive(office, letter()) is None
    assert receive(office, b"Received: by other; Mon, 5 Oct 2026 17:00:05 +0000\r\n" + letter()) is None


def test_two_mails_that_claim_one_message_id_are_both_taken(office: Office) -> None:
    assert receive(office, letter("uno")) is not None
    assert receive(office, letter("dos")) is not None


@pytest.mark.parametrize("name", AWKWARD)
def test_every_awkward_mail_is_stored(office: Office, name: str) -> None:
    found = message(office, receive(office, AWKWARD[name]))

    assert found.size == len(AWKWARD[name])


def test_an_attachment_is_kept_apart_and_one_over_the_limit_only_in_the_original(office: Office) -> None:
    small = b"Content-Type: text/x-log\r\nContent-Disposition: attachment; filename=a.log\r\n\r\npoco\r\n"
    large = b"Content-Type: text/x-log\r\nContent-Disposition: attachment; filename=b.log\r\n\r\n" + b"x" * 3000

    limits = Limits(attachment_bytes=1024)
    found = message(office, receive(office, multipart("mixed", TEXT, small, large), limits=limits))

    assert [(one.name, one.size) for one in found.attachments] == [("a.log", 6)]
    assert "b.log: mayor de 0 MB, solo está en el original" in found.remarks


def test_loops_lists_and_automatic_answers_are_filed_without_waiting_for_anybody(office: Office) -> None:
    for number, headers in enumerate(
        ({"Auto_Submitted": "auto-replied"}, {"List_Id": "<x>"}, {"sender": "renteseg@osiptel.example"})
    ):
        found = message(office, receive(office, letter(f"n{number}", **headers)))
        assert found.state is MessageState.FILED


def test_what_was_filed_can_still_be_decided_by_a_person(office: Office) -> None:
    number = receive(office, letter(Precedence="bulk"))
    assert number is not None

    incident = decide_message(office.engine, number, Decision(Verdict.INCIDENT, report()), ANA, now())

    assert incident == 1


# --- joining --------------------------------------------------------------------------------------------------


def test_a_reply_joins_its_incident_by_the_mail_it_answers(office: Office) -> None:
    incident, ticket = sent_ticket(office)

    found = message(office, receive(office, letter(sender="x@otro.example", subject="Sin marca", In_Reply_To=ticket)))

    assert (found.incident, found.nature) == (incident, Nature.REPLY)
    last = events(office, incident)[-1]
    assert (last.kind, last.details["message"]) == (EventKind.NOTED, str(found.number))


def test_a_reply_to_a_reply_joins_too(office: Office) -> None:
    incident, ticket = sent_ticket(office)
    receive(office, letter(message_id="<r1@inetum.example>", In_Reply_To=ticket))

    found = message(office, receive(office, letter("otro", message_id="<r2@x>", In_Reply_To="<r1@inetum.example>")))

    assert found.incident == incident


def test_the_mark_in_the_subject_joins_only_a_known_sender(office: Office) -> None:
    incident = reported(office)
    subject = f"RE: [RENTESEG-{incident}] No abre"

    known = message(office, receive(office, letter("a", subject=subject)))
    unknown = message(office, receive(office, letter("b", subject=subject, sender="x@otro.example")))

    assert known.incident == incident
    assert unknown.incident is None
    assert unknown.proposal["incident"] == str(incident)


def test_a_mark_of_an_incident_that_is_not_there_joins_nothing(office: Office) -> None:
    found = message(office, receive(office, letter(subject="[RENTESEG-999999999999999999] x")))

    assert found.incident is None
    assert "incident" not in found.proposal


def test_a_new_mail_of_the_responsible_is_proposed_to_belong_where_it_is_waited_for(office: Office) -> None:
    incident, _ticket = sent_ticket(office)

    found = message(office, receive(office, letter(sender="ana@inetum.example", subject="Atendiendo", at=now())))

    assert found.incident is None
    assert found.proposal["incident"] == str(incident)
    assert "answered_at" in found.proposal


def test_the_chain_of_an_incident_that_mails_have_joined_is_whole(office: Office) -> None:
    _incident, ticket = sent_ticket(office)
    receive(office, letter(In_Reply_To=ticket))

    with reading(office.engine).connect() as connection:
        assert verify(connection).broken == ()


# --- the responsible's answer ---------------------------------------------------------------------------------


def answer(office: Office, **fields: object) -> tuple[int, Message]:
    """The provider's answer to a ticket that was sent."""
    incident, ticket = sent_ticket(office)
    body = letter(sender="mesa@inetum.example", In_Reply_To=ticket, **{"at": now(), **fields})  # type: ignore[arg-type]
    return incident, message(office, receive(office, body))


def test_the_first_answer_proposes_its_own_time_and_a_person_confirms_it(office: Office) -> None:
    incident, found = answer(office)

    decide_message(office.engine, found.number, Decision(Verdict.ANSWERED), ANA, now())

    last = events(office, incident)[-1]
    assert last.kind is EventKind.RESPONSIBLE_ANSWERED
    assert last.at == datetime.fromisoformat(found.proposal["answered_at"])
    assert (last.author, last.details["message"]) == ("ana", str(found.number))


def test_a_date_from_years_ago_proposes_the_arrival(office: Office) -> None:
    _incident, found = answer(office, at=now() - timedelta(days=900))

    assert datetime.fromisoformat(found.proposal["answered_at"]) == found.received_at
    assert found.proposal["answered_by"] == "hora de llegada: la del remitente es muy anterior"


def test_a_date_in_the_future_proposes_the_arrival(office: Office) -> None:
    _incident, found = answer(office, at=now() + timedelta(days=900))

    assert datetime.fromisoformat(found.proposal["answered_at"]) == found.received_at


def test_an_automatic_answer_of_the_provider_joins_and_proposes_no_answer(office: Office) -> None:
    incident, found = answer(office, Auto_Submitted="auto-replied")

    assert (found.incident, found.state, found.proposal) == (incident, MessageState.FILED, {})


def test_a_time_in_the_future_is_refused_when_it_is_confirmed(office: Office) -> None:
    _incident, found = answer(office)

    later = Decision(Verdict.ANSWERED, at=now() + timedelta(hours=1))
    with pytest.raises(StepRefused, match="future"):
        decide_message(office.engine, found.number, later, ANA, now())

    assert message(office, found.number).state is MessageState.WAITING


# --- deciding -------------------------------------------------------------------------------------------------


def test_a_report_becomes_an_incident_of_its_channel_with_its_mail(office: Office) -> None:
    number = receive(office, letter())
    assert number is not None

    incident = decide_message(office.engine, number, Decision(Verdict.INCIDENT, report()), ANA, now())

    assert incident is not None
    recorded = next(event for event in events(office, incident) if event.kind is EventKind.RECORDED)
    assert recorded.details == {"channel": "correo", "message": str(number)}
    assert message(office, number).verdict is Verdict.INCIDENT


def test_what_was_reported_by_mail_is_answered_to_who_reported_it(office: Office) -> None:
    number = receive(office, letter())
    assert number is not None
    consulta = Decision(Verdict.QUESTION, report("consulta", Kind.QUESTION))
    incident = decide_message(office.engine, number, consulta, ANA, now())
    assert incident is not None
    take(office, incident, EventKind.ANALYSIS_BEGAN, ANA)
    take(office, incident, EventKind.DIAGNOSED, ANA, responsible="A", severity="baja", cause="Se envía a las 06:00")
    take(office, incident, EventKind.VALIDATED)
    take(office, incident, EventKind.CLOSED)

    [draft] = office.write()

    assert draft.kind is NoticeKind.OPERATOR_ANSWER
    assert [one.address for one in draft.recipients] == ["juan@claro.example"]
    assert 'Nos referimos a su correo "No abre el portal"' in (draft.text or "")
    assert "Respuesta: Se envía a las 06:00" in (draft.text or "")


def test_part_of_an_incident_is_a_note_in_it(office: Office) -> None:
    incident, number = reported(office), receive(office, letter())
    assert number is not None

    decide_message(office.engine, number, Decision(Verdict.PART, incident=incident), ANA, now())

    assert events(office, incident)[-1].details == {
        "text": "correo de Claro: No abre el portal",
        "message": str(number),
    }


def test_a_report_about_what_is_being_attended_is_refused_and_still_waits(office: Office) -> None:
    reported(office)
    number = receive(office, letter())
    assert number is not None

    with pytest.raises(BeingAttended, match="has incident 1"):
        decide_message(office.engine, number, Decision(Verdict.INCIDENT, report()), ANA, now())

    assert message(office, number).state is MessageState.WAITING


def test_a_message_is_decided_once(office: Office) -> None:
    number = receive(office, letter())
    assert number is not None
    decide_message(office.engine, number, Decision(Verdict.NOTHING), ANA, now())

    with pytest.raises(Refused, match="ana decided message 1 already: nada"):
        decide_message(office.engine, number, Decision(Verdict.NOTHING), SOFIA, now())


def test_a_viewer_decides_nothing(office: Office) -> None:
    number = receive(office, letter())
    assert number is not None

    with pytest.raises(Refused, match="an analyst or a supervisor decides"):
        decide_message(office.engine, number, Decision(Verdict.NOTHING), Actor("vera", Role.VIEWER), now())


# --- bounces --------------------------------------------------------------------------------------------------


def test_a_bounce_makes_its_notice_a_dead_letter(office: Office) -> None:
    sent_ticket(office)
    notice = office.notices(open_only=False)[0]
    with office.engine.begin() as connection:
        connection.execute(update(NoticeRow).values(token="0123456789abcdef"))

    found = message(office, receive(office, BOUNCE % b"failed"))

    assert (found.nature, found.state) == (Nature.BOUNCE, MessageState.FILED)
    after = office.notice(notice.number)
    assert after.state is NoticeState.FAILED
    assert after.problem == "came back from mesa@inetum.example: 550 5.1.1 no such user"
    assert after.recipients[0].outcome is Outcome.BOUNCED


def test_a_bounce_of_nothing_we_sent_changes_nothing(office: Office) -> None:
    assert message(office, receive(office, BOUNCE % b"failed")).state is MessageState.FILED
