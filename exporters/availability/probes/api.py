"""API steps: several requests that share variables, such as logging in, asking and checking the answer.

`${name}` in a URL, header or body stands for a variable: one of `variables`, the content of one of `secrets`, or what
an earlier step saved of its answer.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote

from pydantic import AfterValidator, Field, JsonValue, model_validator

from exporters.availability.probes.connection import secret
from exporters.availability.probes.http import REASONS as HTTP_REASONS
from exporters.availability.probes.http import Headers, Method, Web
from exporters.availability.probes.http_exchange import Answer, Ask, asked
from exporters.availability.probes.http_expectations import (
    HttpExpectation,
    JsonQuery,
    Pattern,
    first_match,
    json_of,
    judge,
    value_at,
)
from exporters.availability.probes.result import Attempt, Phase, ProbeFailed, Reason
from exporters.availability.watched import not_empty, web_address, web_endpoint
from groundwork.configuration import Strict

FIRST_PHASE = Phase.RESOLVE
REASONS = HTTP_REASONS
VARIABLE = re.compile(r"\$\{([a-z][a-z0-9_]*)\}")
Variables = Mapping[str, str]


class Saving(Strict):
    """Where a variable comes from: one of a JMESPath query, a header, a pattern's first group."""

    json_value: JsonQuery | None = Field(default=None, alias="json")
    header: str | None = None
    body_regex: Pattern | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if sum(value is not None for value in (self.json_value, self.header, self.body_regex)) != 1:
            raise ValueError("needs exactly one of 'json', 'header' and 'body_regex'")
        return self


class Step(Strict):
    """One request; `json` is a body that is sent as JSON."""

    url: str
    method: Method = "GET"
    headers: Headers = Field(default_factory=dict)
    body: str = ""
    json_body: JsonValue | None = Field(default=None, alias="json")
    expect: HttpExpectation = HttpExpectation()
    save: dict[str, Saving] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        web_address(VARIABLE.sub("x", self.url))
        self.expect.possible_of(self.method)
        if self.body and self.json_body is not None:
            raise ValueError("has a 'body' and a 'json': write one of them")
        return self

    def mentioned(self) -> set[str]:
        """The variables that it needs."""
        texts = (self.url, self.body, json.dumps(self.json_body), *self.headers.values())
        return {name for text in texts for name in VARIABLE.findall(text)}


class ApiComponent(Web):
    """An API that must answer several requests, one after the other."""

    kind: Literal["api"]
    steps: Annotated[tuple[Step, ...], AfterValidator(not_empty)]
    variables: dict[str, str] = Field(default_factory=dict)
    secrets: dict[str, Path] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _knows_its_variables(self) -> Self:
        known = {*self.variables, *self.secrets}
        for number, step in enumerate(self.steps, 1):
            if missing := sorted(step.mentioned() - known):
                raise ValueError(f"step {number} needs ${{{missing[0]}}}, which nothing before it gives")
            known |= set(step.save)
        web_address(self.steps[0].url if self.proxy is None else self.proxy)
        return self

    @property
    def endpoint(self) -> tuple[str, int]:
        """Host and port of the first step."""
        return web_endpoint(self.proxy or VARIABLE.sub("x", self.steps[0].url))


async def probe(component: ApiComponent, attempt: Attempt) -> None:
    """Go through the steps; raises ProbeFailed, naming the step."""
    variables = component.variables | {name: secret(file) for name, file in component.secrets.items()}
    way, identity = component.way(), component.identity()
    for number, step in enumerate(component.steps, 1):
        try:
            answer = await asked(_filled(step, variables, identity), way, attempt)
            await judge(answer, step.expect, attempt.remaining)
            variables |= {name: await _saved(saving, answer, attempt) for name, saving in step.save.items()}
        except ProbeFailed as failure:
            raise ProbeFailed(failure.reason, f"step {number}: {failure.detail}") from failure


def _filled(step: Step, variables: Variables, identity: Mapping[str, str]) -> Ask:
    url = VARIABLE.sub(lambda match: quote(variables[match[1]], safe=""), step.url)
    headers = {name: _put_in(value, variables) for name, value in step.headers.items()}
    body = _put_in(step.body, variables)
    if step.json_body is not None:
        headers = {"Content-Type": "application/json", **headers}
        body = json.dumps(_put_in_json(step.json_body, variables), ensure_ascii=False)
    return Ask(step.method, url, {**identity, **headers}, body.encode())


def _put_in(text: str, variables: Variables) -> str:
    return VARIABLE.sub(lambda match: variables[match[1]], text)


def _put_in_json(value: Any, variables: Variables) -> Any:
    if isinstance(value, str):
        return _put_in(value, variables)
    if isinstance(value, dict):
        return {key: _put_in_json(entry, variables) for key, entry in value.items()}
    return [_put_in_json(entry, variables) for entry in value] if isinstance(value, list) else value


async def _saved(saving: Saving, answer: Answer, attempt: Attempt) -> str:
    """The variable's value; raises ProbeFailed when the answer has none."""
    for value in await _candidates(saving, answer, attempt):
        if value is not None and value != "":
            return value if isinstance(value, str) else json.dumps(value)
    raise ProbeFailed(Reason.VALUE, f"the answer has nothing for {saving.model_dump(exclude_none=True, by_alias=True)}")


async def _candidates(saving: Saving, answer: Answer, attempt: Attempt) -> Iterator[Any]:
    if saving.json_value is not None:
        return iter([value_at(json_of(answer), saving.json_value)])
    if saving.header is not None:
        return iter([answer.headers.get(saving.header.lower())])
    assert saving.body_regex is not None
    match = await first_match(saving.body_regex, answer.text, attempt.remaining)
    return iter([match[min(1, len(match.groups()))]] if match else [])
