"""What the API can do, as data: an operation says what it takes and gives, and the same words check and document it."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from flask import Blueprint, Response, request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy import Connection

from console.api.access import READING, who_asks
from console.api.problems import Problem, Trouble
from console.api.values import EXPECTED
from console.desk import desk
from groundwork.json_objects import RepeatedName, each_name_once
from incident_store.answers import Answer, Request, answer_once
from incident_store.database import reading
from incident_store.domain.steps import Actor
from incident_store.given import LARGEST_NUMBER
from incident_store.transactions import in_transaction

PREFIX = "/api/v1"
LARGEST_BODY = 256 * 1024
LONGEST_KEY = 255
KEY_HEADER = "Idempotency-Key"
KEY = f"[!-~]{{1,{LONGEST_KEY}}}"
"""What the header holds; blanks around it belong to HTTP and not to the value (RFC 9110, 5.5)."""
VERSION_TAG = '"[0-9]{1,18}"'
"""An incident's version as an ETag."""

Q = TypeVar("Q")
B = TypeVar("B")


class Nothing(BaseModel):
    """An operation without query, or without body."""


@dataclass(frozen=True)
class Call(Generic[Q, B]):
    """One request, checked. `connection` is in the transaction that ends with the answer; `now` is UTC."""

    actor: Actor
    now: datetime
    connection: Connection
    query: Q
    body: B
    place: Mapping[str, Any]


@dataclass(frozen=True)
class Reply:
    """What an operation answers when it could be done: a value for its model, and headers."""

    value: Mapping[str, Any] | BaseModel
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One method on one path. `path` is written as Flask does; `refusals` are those that not every operation has;
    `largest_body` is in bytes; `sends` and `example` are a request and its answer."""

    method: str
    path: str
    summary: str
    gives: type[BaseModel]
    view: Callable[[Call[Any, Any]], Reply]
    query: type[BaseModel] = Nothing
    body: type[BaseModel] = Nothing
    refusals: tuple[StrEnum, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    largest_body: int = LARGEST_BODY
    sends: Mapping[str, Any] | None = None
    example: Mapping[str, Any] | None = None

    @property
    def writes(self) -> bool:
        """Whether it may change anything."""
        return self.method not in READING

    @property
    def status(self) -> int:
        """What is answered when it could be done."""
        return 201 if self.writes else 200

    def register(self, api: Blueprint) -> None:
        """Put it into the blueprint."""
        api.add_url_rule(self.path, self.view.__name__, self._respond, methods=[self.method])

    def _respond(self, **place: Any) -> Response:
        now = datetime.now(UTC)
        actor = who_asks(now)
        _check_place(place)
        query = _read_query(self.query)
        body = _read_body(self.body, self.largest_body) if self.writes else Nothing()

        def work(connection: Connection) -> Answer:
            reply = self.view(Call(actor, now, connection, query, body, place))
            value = self.gives.model_validate(reply.value)
            return Answer(self.status, reply.headers, value.model_dump_json(exclude_unset=True))

        if self.writes:
            return self._write(work, actor, now)
        with reading(desk().engine).connect() as connection:
            return _response(work(connection))

    def _write(self, work: Callable[[Connection], Answer], actor: Actor, now: datetime) -> Response:
        key = request.headers.get(KEY_HEADER)
        if key is None:
            return _response(in_transaction(desk().engine, work))
        if not re.fullmatch(KEY, key):
            raise invalid(KEY_HEADER, f"must be 1 to {LONGEST_KEY} visible ASCII characters, without spaces")
        answer, again = answer_once(desk().engine, Request(actor.name, key, _digest()), work, now)
        response = _response(answer)
        if again:
            response.headers["Idempotency-Replayed"] = "true"
        return response


def invalid(field_name: str, message: str) -> Problem:
    """The refusal of one field."""
    return _invalid([{"field": field_name, "message": message}])


def _invalid(errors: list[dict[str, str]]) -> Problem:
    detail = "; ".join(f"{error['field']}: {error['message']}" for error in errors)
    return Problem(Trouble.INVALID, detail, {"errors": errors})


def _check_place(place: Mapping[str, Any]) -> None:
    if any(isinstance(part, int) and part > LARGEST_NUMBER for part in place.values()):
        raise Problem(Trouble.NOT_FOUND, "no number is that large")


def _read_query(model: type[BaseModel]) -> BaseModel:
    given = {name: values[0] if len(values) == 1 else values for name, values in request.args.lists()}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise _invalid(_errors(error)) from error


def _read_body(model: type[BaseModel], largest: int) -> BaseModel:
    if request.mimetype != "application/json":
        raise Problem(Trouble.NOT_JSON, "send the body with Content-Type: application/json")
    request.max_content_length = largest
    _demand_each_name_once(request.get_data())
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as error:
        errors = _errors(error)
        if error.errors()[0]["type"] == "json_invalid":
            raise Problem(Trouble.MALFORMED, errors[0]["message"]) from error
        raise _invalid(errors) from error


def _demand_each_name_once(body: bytes) -> None:
    try:
        json.loads(body, object_pairs_hook=each_name_once)
    except RepeatedName as error:
        raise invalid(error.name, "is given more than once") from error
    except (ValueError, RecursionError):
        return  # what is no JSON at all the model says, and where


def _errors(error: ValidationError) -> list[dict[str, str]]:
    return [
        {"field": ".".join(str(part) for part in one["loc"]) or "body", "message": _message(one)}
        for one in error.errors(include_url=False, include_input=False)
    ]


def _message(error: ErrorDetails) -> str:
    pattern = error.get("ctx", {}).get("pattern", "")
    return EXPECTED.get(pattern, error["msg"].removeprefix("Value error, "))


def _digest() -> str:
    """The same for the same request, whoever sends it."""
    parts = (request.method, request.full_path, request.headers.get("If-Match", ""))
    return hashlib.sha256("\n".join(parts).encode() + b"\n" + request.get_data()).hexdigest()


def _response(answer: Answer) -> Response:
    headers = {**answer.headers, "Cache-Control": "no-store"}
    return Response(answer.body, answer.status, headers, content_type="application/json")
