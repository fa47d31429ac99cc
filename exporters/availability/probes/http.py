"""HTTP and HTTPS: one request, the redirects that are allowed, and an answer to compare."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urljoin, urlsplit

from pydantic import AfterValidator, Field, model_validator

from exporters.availability.probes.connection import secret
from exporters.availability.probes.http_exchange import Answer, Ask, Way, asked
from exporters.availability.probes.http_expectations import HttpExpectation, judge
from exporters.availability.probes.result import ANSWERING, REACHING, TLS_REASONS, Attempt, Phase, ProbeFailed, Reason
from exporters.availability.probes.securing import context_of
from exporters.availability.watched import Login, Secured, WebAddress, web_address, web_endpoint

FIRST_PHASE = Phase.RESOLVE
REASONS = REACHING | TLS_REASONS | ANSWERING | {Reason.STATUS, Reason.BODY, Reason.VALUE}
REDIRECTS = (301, 302, 303, 307, 308)
ONLY_THERE = frozenset({"authorization", "cookie", "host"})
OURS = frozenset({"host", "content-length", "transfer-encoding", "connection"})


def _sendable(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not name or not name.replace("-", "").isalnum() or not name.isascii():
            raise ValueError(f"{name!r} is not the name of a header")
        if not value.isprintable():
            raise ValueError(f"the value of {name} has characters that cannot be sent")
        if name.lower() in OURS - {"host"}:
            raise ValueError(f"{name} is written by the probe itself: take it out")
    return headers


def _proxy(value: str) -> str:
    if not value.startswith("http://"):
        raise ValueError("is not the http:// address of a proxy")
    return web_address(value)


Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
Headers = Annotated[dict[str, str], AfterValidator(_sendable)]
Proxy = Annotated[str, AfterValidator(_proxy)]


class Web(Secured):
    """What `http` and `api` share: who we are and through what we go. Secrets are read from files at each probe."""

    proxy: Proxy | None = None
    basic: Login | None = None
    bearer_file: Path | None = None

    @model_validator(mode="after")
    def _has_one_identity(self) -> Self:
        if self.basic and self.bearer_file:
            raise ValueError("can log in with 'basic' or with 'bearer_file', not both")
        return self

    def way(self) -> Way:
        """How its servers are reached; raises ProbeFailed when a file cannot be used."""
        return Way(context_of(self), self.server_name, self.proxy)

    def identity(self) -> dict[str, str]:
        """The header that says who we are; raises ProbeFailed when its file cannot be read."""
        if self.bearer_file:
            return {"Authorization": f"Bearer {secret(self.bearer_file)}"}
        if self.basic:
            credentials = f"{self.basic.user}:{secret(self.basic.password_file)}".encode()
            return {"Authorization": f"Basic {base64.b64encode(credentials).decode()}"}
        return {}


class HttpComponent(Web):
    """A page or API."""

    kind: Literal["http"]
    url: WebAddress
    method: Method = "GET"
    headers: Headers = Field(default_factory=dict)
    body: str = ""
    redirects: Annotated[int, Field(ge=0, le=20)] = 0
    expect: HttpExpectation = HttpExpectation()

    @model_validator(mode="after")
    def _expects_what_can_be(self) -> Self:
        self.expect.possible_of(self.method)
        return self

    @property
    def endpoint(self) -> tuple[str, int]:
        """Host and port that are connected to."""
        return web_endpoint(self.proxy or self.url)


async def probe(component: HttpComponent, attempt: Attempt) -> None:
    """Ask for the URL and compare the answer with what is expected; raises ProbeFailed."""
    way = component.way() if component.url.startswith("https") or component.redirects else _plain(component)
    ask = Ask(component.method, component.url, component.headers | component.identity(), component.body.encode())
    answer = await followed(ask, way, component.redirects, attempt)
    await judge(answer, component.expect, attempt.remaining)


async def followed(ask: Ask, way: Way, redirects: int, attempt: Attempt) -> Answer:
    """The answer after as many redirects as are allowed; one more is the answer itself, when none are."""
    for _ in range(redirects):
        answer = await asked(ask, way, attempt)
        if answer.status not in REDIRECTS or "location" not in answer.headers:
            return answer
        ask = _next(ask, answer)
    answer = await asked(ask, way, attempt)
    if redirects and answer.status in REDIRECTS:
        raise ProbeFailed(Reason.STATUS, f"more than {redirects} redirects")
    return answer


def _plain(component: HttpComponent) -> Way:
    return Way(None, proxy=component.proxy)


def _next(ask: Ask, answer: Answer) -> Ask:
    """The request that a redirect asks for (RFC 9110, 15.4). Another host does not learn who we are."""
    try:
        url = web_address(urljoin(ask.url, answer.headers["location"]))
    except ValueError as error:
        raise ProbeFailed(Reason.PROTOCOL, f"redirected to what {error}") from error
    method, body = ask.method, ask.body
    if answer.status == 303 or (answer.status in (301, 302) and method == "POST"):
        method, body = "GET", b""
    return Ask(method, url, _carried(ask, url), body)


def _carried(ask: Ask, url: str) -> Mapping[str, str]:
    before, after = urlsplit(ask.url), urlsplit(url)
    if (before.scheme, before.netloc) == (after.scheme, after.netloc):
        return ask.headers
    return {
        name: value for name, value in ask.headers.items() if name.lower() not in ("authorization", "cookie", "host")
    }
