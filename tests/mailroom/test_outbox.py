"""The outbox: a transition writes its notices, people read and approve them, what waits says why."""

from datetime import timedelta

import pytest

from groundwork.problems import Refused
from incident_store.advance import StepRefused
from incident_store.domain.lifecycle import EventKind
from incident_store.domain.notices import NoticeKind, NoticeState
from incident_store.outbox import approve, dismiss, edit, redraft, retry
from incident_store.store import record
from tests.builders import at, firing
from tests.mailroom.conftest import ANA, POLICY, SOFIA, Office, dispatched, now, reported, take


def kinds(office: Office) -> list[NoticeKind]:
    return [one.kind for one in reversed(office.notices(open_only=False))]


@pytest.mark.parametrize(
    ("responsible", "to", "kind"),
    [
        ("A", "Claro", NoticeKind.OPERATOR_ANSWER),
        ("B", "INETUM", NoticeKind.PROVIDER_TICKET),
        ("C", "OTI", NoticeKind.OTI_COORDINATION),
    ],
)
def test_a_dispatch_writes_its_notice(office: Office, responsible: str, to: str, kind: NoticeKind) -> None:
    number = dispatched(office, responsible, to)

    [notice] = office.notices()
    assert (notice.kind, notice.incident, notice.state) == (kind, number, NoticeState.DUE)


def test_a_step_that_is_refused_writes_no_notice(office: Office) -> None:
    number = reported(office)

    with pytest.raises(StepRefused):
        take(office, number, EventKind.DISPATCHED, to="INETUM")

    assert office.notices() == []


def test_the_life_of_an_incident_writes_its_notices_in_order(office: Office) -> None:
    number = dispatched(office)
    take(office, number, EventKind.DISPATCHED, to="INETUM")
    take(office, number, EventKind.RESPONSIBLE_ANSWERED, ANA)
    take(office, number, EventKind.RESTORED, ANA, tests="consulta correcta")
    take(office, number, EventKind.RCA_ASKED, ANA)
    take(office, number, EventKind.CLOSED, unavailability="none")

    assert kinds(office) == [
        NoticeKind.PROVIDER_TICKET,
        NoticeKind.FOLLOW_UP,
        NoticeKind.RCA_REQUEST,
        NoticeKind.RESTORATION,
    ]


def test_a_relapse_that_the_monitoring_sees_is_followed_up(office: Office) -> None:
    record(office.engine, [firing(0)], [], POLICY, at(1))
    for kind, actor, details in (
        (EventKind.ANALYSIS_BEGAN, ANA, {}),
        (EventKind.DIAGNOSED, ANA, {"responsible": "B", "severity": "alta", "cause": "x"}),
        (EventKind.VALIDATED, SOFIA, {}),
        (EventKind.DISPATCHED, SOFIA, {"to": "INETUM"}),
        (EventKind.RESTORED, ANA, {"tests": "x", "reason": "la alerta sigue por un rato"}),
    ):
        take(office, 1, kind, actor, **details)

    again = firing((now() - at(0)).total_seconds() / 60 + 1, fingerprint="f2")
    record(office.engine, [again], [], POLICY, now() + timedelta(minutes=2))

    assert kinds(office)[-1] is NoticeKind.FOLLOW_UP


def test_what_leaves_the_house_is_a_draft_and_what_stays_goes_by_itself(office: Office) -> None:
    dispatched(office, "B", "INETUM")
    dispatched(office, "C", "OTI", "enlace-proveedor")

    states = {one.kind: one.state for one in office.write()}

    assert states == {
        NoticeKind.PROVIDER_TICKET: NoticeState.DRAFT,
        NoticeKind.OTI_COORDINATION: NoticeState.APPROVED,
    }


def test_a_draft_says_what_happened_and_bears_its_incident_in_the_subject(office: Office) -> None:
    number = dispatched(office)

    [notice] = office.write()

    assert notice.subject == f"[RENTESEG-{number}] Ticket Alta: No abre"
    assert "Componente: portal-web" in (notice.text or "")
    assert "Diagnóstico: actualización fallida" in (notice.text or "")
    assert [one.address for one in notice.recipients] == ["mesa@inetum.example"]


def test_a_supervisor_approves_and_an_analyst_only_edits(office: Office) -> None:
    dispatched(office)
    [draft] = office.write()

    with pytest.raises(Refused, match="for supervisor, and ana is analyst"):
        approve(office.engine, draft.number, ANA, now())
    edit(office.engine, draft.number, ANA, text="Otro texto\n")
    approved = approve(office.engine, draft.number, SOFIA, now())

    assert (approved.state, approved.text, approved.approved_by) == (NoticeState.APPROVED, "Otro texto\n", "sofia")


def test_what_is_approved_is_final(office: Office) -> None:
    dispatched(office)
    [draft] = office.write()
    approve(office.engine, draft.number, SOFIA, now())

    for change in (
        lambda: edit(office.engine, draft.number, SOFIA, text="tarde"),
        lambda: approve(office.engine, draft.number, SOFIA, now()),
        lambda: redraft(office.engine, draft.number, SOFIA, now()),
    ):
        with pytest.raises(Refused, match="is approved"):
            change()


def test_of_two_who_read_the_same_draft_the_second_is_told(office: Office) -> None:
    dispatched(office)
    [draft] = office.write()

    edit(office.engine, draft.number, ANA, text="de Ana", seen=draft.version)

    with pytest.raises(Refused, match="was changed meanwhile"):
        approve(office.engine, draft.number, SOFIA, now(), seen=draft.version)


def test_a_draft_is_written_again_from_the_facts_as_they_are_now(office: Office) -> None:
    number = dispatched(office)
    [draft] = office.write()
    edit(office.engine, draft.number, ANA, text="a mano")

    redraft(office.engine, draft.number, ANA, now())
    [again] = office.write()

    assert again.state is NoticeState.DRAFT
    assert f"Incidencia: {number}" in (again.text or "")


def test_a_notice_is_dismissed_with_a_reason(office: Office) -> None:
    dispatched(office)
    [draft] = office.write()

    with pytest.raises(Refused, match="say why"):
        dismiss(office.engine, draft.number, SOFIA, " ")
    dismissed = dismiss(office.engine, draft.number, SOFIA, "se llamó por teléfono")

    assert (dismissed.state, dismissed.problem) == (NoticeState.DISMISSED, "sofia: se llamó por teléfono")
    with pytest.raises(Refused, match="nothing more can be done"):
        retry(office.engine, draft.number, SOFIA, now())


def test_a_recipient_missing_in_contacts_is_one_line_and_the_notice_waits_until_it_is_there(office: Office) -> None:
    dispatched(office, "A", "Klaro")
    [waiting] = office.write()

    assert waiting.state is NoticeState.DUE
    assert waiting.problem == (
        "nobody in contacts.yml is called 'Klaro': add it under parties, or to the names of one of them"
    )

    office.configure(parties=[{"name": "Klaro", "kind": "operator", "addresses": ["k@klaro.example"]}])
    [draft] = office.write(later=timedelta(minutes=1))
    assert (draft.state, draft.problem) == (NoticeState.DRAFT, None)


def test_a_template_that_was_broken_meanwhile_holds_only_its_own_kind_back(office: Office) -> None:
    (office.settings.config / "mails" / "provider_ticket.txt.j2").write_text("Asunto: x\n\n{{ incident.kolor }}\n")
    dispatched(office, "B", "INETUM")
    dispatched(office, "C", "OTI", "enlace-proveedor")

    oti, ticket = office.write()

    assert oti.state is NoticeState.APPROVED
    assert ticket.state is NoticeState.DUE
    assert "provider_ticket.txt.j2:3" in (ticket.problem or "")
    assert "kolor" in (ticket.problem or "")


def test_labels_that_steer_are_plain_words_in_a_notice(office: Office) -> None:
    hostile = "x\r\nBcc: todos@example.org\r\n\r\n<script>alert(1)</script>\u202e{{ 7 * 7 }}"
    labels = {"alertname": "A", "component": hostile, "owner": "oti", "severity": "critical"}
    record(office.engine, [firing(0, labels)], [], POLICY, at(1))
    take(office, 1, EventKind.ANALYSIS_BEGAN, ANA)
    take(office, 1, EventKind.DIAGNOSED, ANA, responsible="C", severity="alta", cause=hostile)
    take(office, 1, EventKind.VALIDATED)
    take(office, 1, EventKind.DISPATCHED, to="OTI")

    [notice] = office.write()

    assert "Componente: x Bcc: todos@example.org <script>alert(1)</script> {{ 7 * 7 }}\n" in (notice.text or "")
    assert "\r" not in (notice.text or "") + (notice.subject or "")


def test_personal_data_is_hidden_in_what_leaves_also_where_somebody_edits_it_in(office: Office) -> None:
    number = reported(office, title="El IMEI 001010010000014 de 987654321 no se bloquea")
    take(office, number, EventKind.ANALYSIS_BEGAN, ANA)
    take(office, number, EventKind.DIAGNOSED, ANA, responsible="B", severity="alta", cause="DNI 45678912")
    take(office, number, EventKind.VALIDATED)
    take(office, number, EventKind.DISPATCHED, to="INETUM")
    [draft] = office.write()
    edited = edit(office.engine, draft.number, ANA, text="Revisen el 51987654321")

    for secret in ("001010010000014", "987654321", "45678912"):
        assert secret not in f"{draft.subject} {draft.text} {edited.text}"


def test_the_request_of_the_rca_is_the_stores_own_draft(office: Office) -> None:
    number = dispatched(office)
    take(office, number, EventKind.RESTORED, ANA, tests="consulta correcta")
    take(office, number, EventKind.RCA_ASKED, ANA)

    request = office.write()[0]

    assert (
        request.subject == f"[RENTESEG-{number}] RENTESEG: solicitud de informe técnico (RCA), incidencia N° {number}"
    )
    assert "Plazo de entrega" in (request.text or "")
    assert [one.address for one in request.recipients] == ["mesa@inetum.example"]
