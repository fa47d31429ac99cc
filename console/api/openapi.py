"""OpenAPI 3.1 of the API, made from the operations and the models that check them: it cannot say anything else."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema

from console.api.access import CSRF_HEADER
from console.api.models import EventTold
from console.api.operations import KEY, KEY_HEADER, PREFIX, VERSION_TAG, Nothing, Operation
from console.api.problems import KINDS, MEDIA_TYPE, Problem, Trouble
from console.api.values import Told
from incident_store.given import LARGEST_NUMBER

Json = dict[str, Any]
PLACE = re.compile(r"<(?:(\w+):)?(\w+)>")

EVERY = (Trouble.UNAUTHENTICATED, Trouble.TOO_MANY_REQUESTS, Trouble.AWAY)
"""What any operation may answer instead."""

WRITING = (
    Trouble.MALFORMED,
    Trouble.FORGED,
    Trouble.TOO_LARGE,
    Trouble.NOT_JSON,
    Trouble.INVALID,
    Trouble.KEY_TAKEN,
    Trouble.UNSTORABLE,
)
"""What any operation that writes may answer instead."""

HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "how to say who asks"},
    429: {"Retry-After": "seconds to wait"},
    503: {"Retry-After": "seconds to wait"},
}
"""Headers of problems, by status."""

DESCRIPTION = f"""Incidents, their SLA clocks and their life, with the rights of the person who asks.
A browser session may read; to write it also sends `{CSRF_HEADER}`. Times are UTC in answers and carry an offset in
requests. What is refused is answered as RFC 9457; `type` is stable and names the reason."""


class FieldError(Told):
    """A field that does not say what is needed."""

    field: str
    message: str


class ProblemTold(Told):
    """RFC 9457. `errors` names fields; `since` is what happened since the version that was sent; `incident` is the
    number of the one that stands in the way; `near` are the known names that are like one that is not."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(pattern="^urn:renteseg:problem:[a-z_]+$")
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldError] = Field(default=[])
    since: list[EventTold] = Field(default=[])
    near: list[str] = Field(default=[])
    incident: int = Field(default=0)


def describe(operations: Sequence[Operation], version: str) -> Json:
    """The whole document."""
    schemas = _Schemas(operations)
    paths: dict[str, Json] = {}
    for operation in operations:
        paths.setdefault(_path(operation), {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "RENTESEG: incidents and their clocks", "version": version, "description": DESCRIPTION},
        "servers": [{"url": PREFIX}],
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.shared,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "made by `renteseg token add`"},
                "session": {"type": "apiKey", "in": "cookie", "name": "session", "description": "from the login page"},
            },
        },
    }


class _Schemas:
    """The JSON schemas of all models: of queries their properties, of the others a place among the shared ones."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        asked = {operation.body for operation in operations} | {operation.query for operation in operations}
        told = {operation.gives for operation in operations} | {ProblemTold}
        inputs = [*((model, "validation") for model in asked), *((model, "serialization") for model in told)]
        inputs.sort(key=lambda one: one[0].__name__)
        self._places, definitions = models_json_schema(inputs, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
        self.shared: dict[str, Json] = definitions["$defs"]
        self._queries = {model: self.shared.pop(model.__name__) for model in {one.query for one in operations}}

    def of(self, model: type[BaseModel]) -> Json:
        """Where the schema of a body or an answer stands."""
        return next(place for (known, _), place in self._places.items() if known is model)

    def parameters(self, model: type[BaseModel]) -> Iterator[Json]:
        """The parameters of a query."""
        schema = self._queries[model]
        for name, value in schema.get("properties", {}).items():
            required = name in schema.get("required", ())
            description = value.pop("description", "")
            yield {
                "name": name,
                "in": "query",
                "required": required,
                "description": description,
                "schema": _some(value),
            }


def _some(value: Json) -> Json:
    """The schema without the null that stands for a parameter which is not there."""
    if value.get("default", ...) is None:
        del value["default"]
    choices = [choice for choice in value.pop("anyOf", ()) if choice != {"type": "null"}]
    return {**value, **choices[0]} if len(choices) == 1 else value


def _path(operation: Operation) -> str:
    return PLACE.sub(r"{\2}", operation.path)


def _operation(operation: Operation, schemas: _Schemas) -> Json:
    described: Json = {
        "operationId": operation.view.__name__,
        "summary": operation.summary,
        "description": operation.view.__doc__,
        "parameters": [*_places(operation), *schemas.parameters(operation.query), *_headers(operation)],
        "responses": _responses(operation, schemas),
    }
    if operation.writes:
        content: Json = {"schema": schemas.of(operation.body)}
        if operation.sends:
            content["example"] = operation.sends
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    return described


def _places(operation: Operation) -> Iterator[Json]:
    for kind, name in PLACE.findall(operation.path):
        number = {"type": "integer", "minimum": 1, "maximum": LARGEST_NUMBER}
        schema = number if kind == "int" else {"type": "string", "minLength": 1}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _headers(operation: Operation) -> Iterator[Json]:
    if operation.writes:
        key = {"type": "string", "pattern": _header(KEY)}
        description = "the same request under the same key is done once and answered the same for seven days"
        yield {"name": KEY_HEADER, "in": "header", "required": False, "description": description, "schema": key}
    if Trouble.PRECONDITION_FAILED in operation.refusals:
        tag = {"type": "string", "pattern": _header(rf"{VERSION_TAG}|\*")}
        description = "the ETag that the decision was made on"
        yield {"name": "If-Match", "in": "header", "required": False, "description": description, "schema": tag}


def _header(value: str) -> str:
    """The pattern of a header field: its value, and the blanks around it that HTTP takes off (RFC 9110, 5.5)."""
    return f"^[ \\t]*({value})[ \\t]*$"


def _responses(operation: Operation, schemas: _Schemas) -> Json:
    content: Json = {"schema": schemas.of(operation.gives)}
    if operation.example:
        content["example"] = operation.example
    done = {
        "description": operation.gives.__doc__,
        "headers": _described(operation.headers),
        "content": {"application/json": content},
    }
    return {str(operation.status): done, **_refusals(refusals_of(operation), _path(operation), schemas)}


def refusals_of(operation: Operation) -> list[StrEnum]:
    """Every kind of problem that this operation may answer."""
    kinds: list[StrEnum] = [*EVERY, *operation.refusals, *(WRITING if operation.writes else ())]
    if operation.query is not Nothing:
        kinds.append(Trouble.INVALID)
    if "<" in operation.path:
        kinds.append(Trouble.NOT_FOUND)
    return sorted(set(kinds), key=lambda kind: (KINDS[kind][0], kind.value))


def _refusals(kinds: Iterable[StrEnum], path: str, schemas: _Schemas) -> Json:
    responses: Json = {}
    for kind in kinds:
        status, title = KINDS[kind]
        response = responses.setdefault(
            str(status),
            {
                "description": HTTPStatus(status).phrase,
                "headers": _described(HEADERS.get(status, {})),
                "content": {MEDIA_TYPE: {"schema": schemas.of(ProblemTold), "examples": {}}},
            },
        )
        example = Problem(kind, "what would have been accepted").document(f"{PREFIX}{path}")
        response["content"][MEDIA_TYPE]["examples"][kind.value] = {"summary": title, "value": example}
    return responses


def _described(headers: Mapping[str, str]) -> Json:
    return {name: {"description": text, "schema": {"type": "string"}} for name, text in headers.items()}
