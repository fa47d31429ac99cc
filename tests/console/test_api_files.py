"""Over the API: files of an incident, its evidence, and the texts drafted from it."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from console.api.files import LARGEST_BODY
from incident_store.database import reading
from incident_store.evidence import keep, wanting
from tests.builders import shipped_policy, tamper
from tests.console.test_api import People, refused, reported, restored
from tests.store.test_drafts import snapshot

LOG = b"2026-10-05 12:00:00 ERROR no responde\n" * 50


def file(content: bytes = LOG, **words: Any) -> dict[str, Any]:
    return {"name": "app.log", "purpose": "log", "content": base64.b64encode(content).decode(), **words}


def test_a_file_comes_back_with_its_bytes_and_stands_in_the_incident(api: People) -> None:
    number = reported(api("ana"))
    answer = api("ana").post(f"/incidents/{number}/attachments", file(), Idempotency_Key="k1")
    again = api("ana").post(f"/incidents/{number}/attachments", file(), Idempotency_Key="k1")
    assert (answer.status_code, again.get_json()) == (201, answer.get_json())
    told = api("vera").get(answer.headers["Location"].removeprefix("/api/v1")).get_json()
    assert base64.b64decode(told["content"]) == LOG
    assert told["sha256"] == hashlib.sha256(LOG).hexdigest()
    assert [one["name"] for one in api("vera").get(f"/incidents/{number}").get_json()["attachments"]] == ["app.log"]


def test_the_providers_report_is_its_receipt(api: People) -> None:
    number = restored(api)
    answer = api("ana").post(f"/incidents/{number}/attachments", file(name="rca.txt", purpose="rca"))
    assert answer.status_code == 201
    assert "rca_received" in api("ana").get(f"/incidents/{number}").get_json()["times"]


def test_a_file_that_cannot_be_taken_is_refused_and_nothing_is_kept(api: People) -> None:
    number = reported(api("ana"))
    for body, expected in (
        (file(b"MZ\x90\x00" + bytes(200), name="captura.png"), (422, "not_taken")),
        (file(purpose="virus"), (422, "invalid")),
        (file(content=b"") | {"content": "this is no base64!"}, (422, "invalid")),
        (file(bytes(LARGEST_BODY)), (413, "too_large")),
        (file(purpose="rca"), (409, "out_of_order")),
        (file(received_at=(datetime.now(UTC) + timedelta(days=1)).isoformat(), purpose="rca"), (409, "out_of_order")),
    ):
        assert refused(api("ana").post(f"/incidents/{number}/attachments", body)) == expected
    assert refused(api("vera").post(f"/incidents/{number}/attachments", file())) == (403, "wrong_role")
    assert refused(api("ana").post("/incidents/99/attachments", file())) == (404, "not_found")
    assert api("ana").get(f"/incidents/{number}").get_json()["attachments"] == []
    assert refused(api("ana").get(f"/incidents/{number}/attachments/1")) == (404, "not_found")


def test_bytes_that_were_changed_are_not_handed_out(api: People, peopled: Engine) -> None:
    number = reported(api("ana"))
    api("ana").post(f"/incidents/{number}/attachments", file())
    tamper(peopled, "UPDATE blob_chunks SET compressed = NOT compressed")
    assert refused(api("ana").get(f"/incidents/{number}/attachments/1")) == (500, "damaged")


def test_evidence_and_drafts_are_told(api: People, peopled: Engine) -> None:
    number = reported(api("ana"))
    assert api("vera").get(f"/incidents/{number}/evidence").get_json() == {"evidence": []}
    with reading(peopled).connect() as connection:
        (opening,) = wanting(connection, datetime.now(UTC) - timedelta(days=1))
    assert keep(peopled, opening, snapshot(), shipped_policy(), datetime.now(UTC))
    (told,) = api("vera").get(f"/incidents/{number}/evidence").get_json()["evidence"]
    assert told["failures"] == [{"reason": "timeout_connect", "times": 30}]
    draft = api("ana").get(f"/incidents/{number}/drafts/preliminary").get_json()
    assert draft["subject"] == f"RENTESEG: informe preliminar de la incidencia N° {number}"
    assert "timeout_connect" in draft["text"]
    assert refused(api("ana").get(f"/incidents/{number}/drafts/rca-request")) == (409, "not_called_for")
    assert refused(api("ana").get(f"/incidents/{number}/drafts/poem")) == (404, "not_found")
    for path in ("evidence", "drafts/preliminary", "attachments/1"):
        assert refused(api("ana").get(f"/incidents/99/{path}")) == (404, "not_found")
