"""What an HTTP answer must be, and whether it is: status, headers, body, JSON. Shared by `http` and `api`."""

import asyncio
import functools
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

import jmespath
import regex
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, Field, JsonValue, model_validator

from exporters.availability.probes.http_exchange import Answer
from exporters.availability.probes.result import ProbeFailed, Reason
from exporters.availability.watched import not_empty
from groundwork.configuration import Strict

QUICK = 0.01
"""Seconds that a search may hold up the other probes; a longer one goes on in a thread."""
_searching = ThreadPoolExecutor(4, "search")  # of its own: bodies made to keep a search busy hold up no other work


def _compiles(value: str) -> str:
    try:
        regex.compile(value)
    except regex.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return value


def _json_query(value: str) -> str:
    try:
        jmespath.compile(value)
    except JMESPathError as error:
        raise ValueError(f"is not a JMESPath query: {str(error).splitlines()[0]}") from None
    return value


Status = Annotated[int, Field(ge=100, le=599)]
Pattern = Annotated[str, AfterValidator(_compiles)]
JsonQuery = Annotated[str, AfterValidator(_json_query)]


class JsonExpectation(Strict):
    """What a JMESPath query must find: exactly `equals`, text that `matches`, or without both anything but null."""

    query: JsonQuery
    equals: JsonValue | None = None
    matches: Pattern | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> "JsonExpectation":
        if self.equals is not None and self.matches is not None:
            raise ValueError("can be 'equals' or 'matches', not both")
        return self


class HttpExpectation(Strict):
    """The answer that counts as success; the body is looked at up to the limit in `http_exchange.py`."""

    status: Annotated[tuple[Status, ...], AfterValidator(not_empty)] = (200,)
    headers: dict[str, Pattern] = Field(default_factory=dict)
    body_contains: str | None = None
    body_regex: Pattern | None = None
    json_values: tuple[JsonExpectation, ...] = Field(default=(), alias="json")

    def possible_of(self, method: str) -> None:
        """Raises ValueError when an answer to the method can never be so."""
        if method == "HEAD" and (self.body_contains or self.body_regex or self.json_values):
            raise ValueError("expects something of a body, and the answer to HEAD has none: use GET")


async def judge(answer: Answer, expect: HttpExpectation, remaining: float) -> None:
    """Compare the answer with what is expected of it; raises ProbeFailed for the first thing that differs."""
    if answer.status not in expect.status:
        wanted = ", ".join(str(status) for status in expect.status)
        raise ProbeFailed(Reason.STATUS, f"status {answer.status}, expected {wanted}")
    for name, pattern in expect.headers.items():
        if not await found(pattern, answer.headers.get(name.lower(), ""), remaining):
            raise ProbeFailed(Reason.VALUE, f"the header {name} does not match {pattern!r}")
    if expect.body_contains is not None and expect.body_contains not in answer.text:
        raise ProbeFailed(Reason.BODY, f"the body does not contain {expect.body_contains!r}")
    if expect.body_regex is not None and not await found(expect.body_regex, answer.text, remaining):
        raise ProbeFailed(Reason.BODY, f"the body does not match {expect.body_regex!r}")
    if expect.json_values:
        document = json_of(answer)
        for expected in expect.json_values:
            await _judge_json(document, expected, remaining)


def json_of(answer: Answer) -> Any:
    """The body as JSON; raises ProbeFailed when it is none."""
    try:
        return json.loads(answer.text)
    except (ValueError, RecursionError) as error:
        raise ProbeFailed(Reason.BODY, "the body is not JSON") from error


def value_at(document: Any, query: str) -> Any:
    """What the query finds, None when there is nothing; raises ProbeFailed when it cannot be asked of this document."""
    try:
        return jmespath.search(query, document)
    except JMESPathError as error:
        raise ProbeFailed(Reason.VALUE, f"{query} cannot be asked of the answer: {type(error).__name__}") from error


async def found(pattern: str, text: str, remaining: float) -> bool:
    """Whether the pattern is in the text. A search that takes long neither outlives the probe nor stops others."""
    return await first_match(pattern, text, remaining) is not None


async def first_match(pattern: str, text: str, remaining: float) -> "regex.Match[str] | None":
    """Where the pattern first is in the text; raises ProbeFailed when finding out takes too long."""
    expression = regex.compile(pattern)
    try:
        return expression.search(text, timeout=QUICK)
    except TimeoutError:
        pass
    try:
        search = functools.partial(expression.search, text, concurrent=True, timeout=max(remaining, QUICK))
        return await asyncio.get_running_loop().run_in_executor(_searching, search)
    except TimeoutError as error:
        raise ProbeFailed(Reason.BODY, f"comparing with {pattern!r} took too long") from error


async def _judge_json(document: Any, expected: JsonExpectation, remaining: float) -> None:
    value = value_at(document, expected.query)
    if expected.matches is not None:
        if not isinstance(value, str) or not await found(expected.matches, value, remaining):
            raise ProbeFailed(Reason.VALUE, f"{expected.query} does not match {expected.matches!r}")
    elif value is None if expected.equals is None else not _same(value, expected.equals):
        wanted = "there" if expected.equals is None else json.dumps(expected.equals, ensure_ascii=False)
        raise ProbeFailed(Reason.VALUE, f"{expected.query} is not {wanted}")


def _same(value: Any, expected: Any) -> bool:
    """Equal as JSON means it: true is not 1."""
    return json.dumps(value, sort_keys=True) == json.dumps(expected, sort_keys=True)
