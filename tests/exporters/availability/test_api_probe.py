"""API steps: what one answer gives, the next request carries."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from exporters.availability.probes.result import Reason
from tests.exporters.availability.components import made
from tests.exporters.availability.looking import look_at_peer
from tests.exporters.peers import page

IMEI = "001010010000014"


async def register(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Gives a token for the right password, and answers about an IMEI to whoever shows it."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next((int(line.split(":")[1]) for line in head.splitlines() if line.startswith("Content-Length")), 0)
    body = (await reader.readexactly(length)).decode()
    if head.startswith("POST /login"):
        good = json.loads(body) == {"usuario": "monitor", "clave": 'co"rrecta'}
        answer = page(json.dumps({"token": "t0k3n"})) if good else page("{}", "401 Unauthorized")
    elif "Authorization: Bearer t0k3n" in head and f"/imei/{IMEI}?" in head:
        answer = page(json.dumps({"imei": IMEI, "estado": "BLOQUEADO", "listas": ["negra"], "n": 1}))
    else:
        answer = page("", "403 Forbidden")
    writer.write(answer)
    await writer.drain()


def steps(port: int, **expect: Any) -> list[dict[str, Any]]:
    base = f"http://127.0.0.1:{port}"
    return [
        {
            "url": f"{base}/login",
            "method": "POST",
            "json": {"usuario": "monitor", "clave": "${clave}"},
            "save": {"token": {"json": "token"}},
        },
        {
            "url": f"{base}/imei/${{imei}}?a=1",
            "headers": {"Authorization": "Bearer ${token}"},
            "expect": {"json": [{"query": "estado", "equals": "BLOQUEADO"}], **expect},
        },
    ]


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "clave").write_text('co"rrecta\n')
    return {"clave": tmp_path / "clave"}


def outcome(secrets: dict[str, Path], **expect: Any) -> tuple[Reason | None, str]:
    result = look_at_peer(
        register,
        lambda port: made("api", "2s", secrets=secrets, variables={"imei": IMEI}, steps=steps(port, **expect)),
    )
    assert "t0k3n" not in str(result)
    assert "rrecta" not in str(result)
    return result.reason, result.detail


def test_a_token_is_carried_from_the_login_to_the_query(secrets: dict[str, Path]) -> None:
    assert outcome(secrets) == (None, "")


@pytest.mark.parametrize(
    ("expectation", "reason"),
    [
        ({"query": "listas[0]", "equals": "negra"}, None),
        ({"query": "length(listas)", "equals": 1}, None),
        ({"query": "imei", "matches": r"^\d{15}$"}, None),
        ({"query": "imei"}, None),
        ({"query": "estado", "equals": "LIBRE"}, Reason.VALUE),
        ({"query": "n", "equals": True}, Reason.VALUE),
        ({"query": "absent"}, Reason.VALUE),
        ({"query": "imei", "matches": "^a"}, Reason.VALUE),
        ({"query": "length(n)", "equals": 1}, Reason.VALUE),
    ],
)
def test_json_is_compared_value_by_value(
    secrets: dict[str, Path], expectation: dict[str, Any], reason: Reason | None
) -> None:
    assert outcome(secrets, json=[expectation])[0] is reason


def test_the_step_that_fails_is_named(secrets: dict[str, Path]) -> None:
    assert outcome(secrets, status=[204]) == (Reason.STATUS, "step 2: status 200, expected 204")

    secrets["clave"].write_text("equivocada")
    assert outcome(secrets) == (Reason.STATUS, "step 1: status 401, expected 200")

    secrets["clave"].unlink()
    assert outcome(secrets)[0] is Reason.CONFIGURATION


@pytest.mark.parametrize(
    ("saving", "reason"),
    [
        ({"json": "token"}, None),
        ({"header": "content-length"}, None),
        ({"body_regex": '"token": "(.*?)"'}, None),
        ({"json": "absent"}, Reason.VALUE),
        ({"header": "X-Absent"}, Reason.VALUE),
        ({"body_regex": "absent"}, Reason.VALUE),
    ],
)
def test_an_answer_gives_what_it_has(secrets: dict[str, Path], saving: dict[str, str], reason: Reason | None) -> None:
    def component(port: int) -> Any:
        [login, _] = steps(port)
        return made("api", "2s", secrets=secrets, steps=[{**login, "save": {"it": saving}}])

    assert look_at_peer(register, component).reason is reason


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ([], "is an empty list"),
        ([{"url": "http://a/${token}"}], "nothing before it gives"),
        ([{"url": "ftp://a/"}], "scheme 'ftp' is not supported"),
        ([{"url": "http://a/", "save": {"t": {"json": "[["}}}], "is not a JMESPath query"),
        ([{"url": "http://a/", "save": {"t": {"json": "a", "header": "b"}}}], "needs exactly one"),
        ([{"url": "http://a/", "body": "a", "json": {}}], "write one of them"),
        ([{"url": "http://a/", "headers": {"a b": "c"}}], "is not the name of a header"),
        ([{"url": "http://a/", "headers": {"X-A": "c\r\nX-B: d"}}], "cannot be sent"),
    ],
)
def test_steps_that_cannot_work_are_refused(steps: list[dict[str, Any]], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        made("api", steps=steps)
