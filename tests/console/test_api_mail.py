"""Notices and mails over the API: read by everybody who may, acted on by whom the process lets, each once."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from incident_store.domain.notices import NoticeKind
from incident_store.outbox import Recipient, find_notice, post
from incident_store.outbox_work import Draft, keep_draft
from tests.console.conftest import Api
from tests.console.test_api import refused
from tests.console.test_other_pages import letter

People = Callable[[str], Api]


def draft(engine: Engine, *recipients: Recipient) -> int:
    """A report to the committee that waits for a supervisor."""
    now = datetime.now(UTC)
    with engine.begin() as connection:
        number = post(connection, NoticeKind.MONTHLY_REPORT, "sofia", now, key=f"k{now.isoformat()}")
        written = Draft("Informe", "Estimados: el informe.", list(recipients))
        keep_draft(connection, find_notice(connection, number), written, f"<{number}@b>", now, approved=False)
    return number


@pytest.fixture
def notice(peopled: Engine) -> int:
    return draft(peopled, Recipient("comite@osiptel.example", "Comité", "Comité Técnico"))


def acted(person: Api, number: int, act: str, **words: Any) -> Any:
    return person.post(f"/notices/{number}/acts", {"act": act, **words})


def test_a_draft_is_edited_by_an_analyst_and_approved_by_a_supervisor(api: People, notice: int) -> None:
    ana, sofia = api("ana"), api("sofia")
    told = ana.get(f"/notices/{notice}").json
    assert (told["state"], told["may"], "token" in told) == ("draft", ["edit", "redraft"], False)
    assert [one["address"] for one in told["recipients"]] == ["comite@osiptel.example"]

    edited = acted(ana, notice, "edit", text="Otro texto.", seen=told["version"])
    stale = acted(sofia, notice, "approve", seen=told["version"])
    approved = acted(sofia, notice, "approve", seen=edited.json["version"])

    assert (edited.json["text"], refused(stale)) == ("Otro texto.", (409, "overtaken"))
    assert (approved.status_code, approved.json["state"], approved.json["approved_by"]) == (201, "approved", "sofia")
    assert refused(acted(ana, notice, "edit", text="tarde")) == (409, "out_of_order")


def test_who_may_not_and_what_cannot_be_are_named(api: People, notice: int, peopled: Engine) -> None:
    sofia = api("sofia")
    assert refused(acted(api("ana"), notice, "approve")) == (403, "wrong_role")
    assert refused(acted(api("vera"), notice, "edit", text="x")) == (403, "wrong_role")
    assert refused(acted(sofia, notice, "dismiss")) == (422, "no_reason")
    assert refused(acted(sofia, notice, "edit", subject="dos\nlíneas")) == (422, "invalid")
    assert refused(acted(sofia, notice, "burn")) == (422, "invalid")
    assert refused(acted(sofia, draft(peopled), "approve")) == (422, "no_recipient")
    assert refused(sofia.get("/notices/99")) == (404, "not_found")


def test_the_outbox_shows_what_waits_and_when_asked_everything(api: People, notice: int) -> None:
    sofia = api("sofia")
    assert [one["notice"] for one in sofia.get("/notices").json["notices"]] == [notice]

    acted(sofia, notice, "dismiss", reason="ya se entregó en mano")

    assert sofia.get("/notices").json["notices"] == []
    [one] = sofia.get("/notices?all=true").json["notices"]
    assert (one["state"], one["problem"]) == ("dismissed", "sofia: ya se entregó en mano")


def test_a_notice_is_dismissed_once_under_one_key(api: People, notice: int) -> None:
    body = {"act": "dismiss", "reason": "duplicado"}
    first, again = (api("sofia").post(f"/notices/{notice}/acts", body, Idempotency_Key="k") for _ in range(2))

    assert (first.status_code, again.status_code, first.json) == (201, 201, again.json)


def test_a_mail_becomes_an_incident_as_reading_it_suggests(api: People, peopled: Engine) -> None:
    number, ana = letter(peopled), api("ana")
    [waiting] = ana.get("/mails").json["mails"]
    assert (waiting["mail"], waiting["proposal"]["component"]) == (number, "portal-web")

    decided = ana.post(f"/mails/{number}/decision", {"verdict": "incidencia"})

    assert (decided.status_code, decided.json["incident"], decided.json["decided_by"]) == (201, 1, "ana")
    assert ana.get("/incidents/1").json["component"] == "portal-web"
    assert ana.get("/mails").json["mails"] == []
    assert ana.get("/mails?all=true").json["mails"][0]["verdict"] == "incidencia"


def test_of_a_mail_what_cannot_be_is_named(api: People, peopled: Engine) -> None:
    first, second, ana = letter(peopled), letter(peopled, subject="lo mismo", proposal={}), api("ana")
    assert refused(api("vera").post(f"/mails/{first}/decision", {"verdict": "nada"})) == (403, "wrong_role")
    ana.post(f"/mails/{first}/decision", {"verdict": "incidencia"})

    twice = ana.post(f"/mails/{first}/decision", {"verdict": "nada"})
    attended = ana.post(f"/mails/{second}/decision", {"verdict": "incidencia", "component": "portal-web"})
    nameless = ana.post(f"/mails/{second}/decision", {"verdict": "incidencia"})
    nowhere = ana.post(f"/mails/{second}/decision", {"verdict": "parte"})
    unknown = ana.post(f"/mails/{second}/decision", {"verdict": "parte", "incident": 77})

    assert [refused(one) for one in (twice, attended, nameless, nowhere, unknown)] == [
        (409, "overtaken"), (409, "being_attended"), (422, "invalid"), (422, "invalid"), (404, "not_found"),
    ]  # fmt: skip
    assert refused(ana.get("/mails/99")) == (404, "not_found")
    part = ana.post(f"/mails/{second}/decision", {"verdict": "parte", "incident": 1})
    assert (part.json["verdict"], part.json["incident"]) == ("parte", 1)
