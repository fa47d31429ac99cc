"""The provider's ticket system: one HTTP call for each ticket, told apart by its key however often it is made."""

from collections.abc import Mapping

import httpx
import jmespath
from jinja2 import TemplateError

from groundwork.problems import ConfigurationError
from incident_store.mail_ways import Trouble
from incident_store.outbox import Notice
from mailroom.contacts import Tickets
from mailroom.desk import secret
from mailroom.facts import Fields, plain
from mailroom.ways import WayClosed, one_line
from mailroom.wording import Wording

LARGEST_ANSWER = 1024 * 1024
LONGEST_NUMBER = 100
AGAIN = {408, 409, 423, 425, 429}
"""Answers below 500 after which the same call may succeed."""


class TicketRefused(Exception):
    """The ticket system does not take this ticket; trying again changes nothing."""


def open_ticket(tickets: Tickets, notice: Notice, fields: Fields, wording: Wording) -> str:
    """Ask for a ticket; returns its number.

    Raises WayClosed when it may work later, TicketRefused when it will not.
    """
    values = {**fields, "subject": notice.subject, "text": notice.text}
    try:
        body = {name: wording.line(template, values) for name, template in tickets.body.items()}
        headers = {**tickets.headers, "Idempotency-Key": notice.token, **_authorization(tickets)}
    except (TemplateError, ConfigurationError) as error:
        raise WayClosed(Trouble.CONFIGURATION, tickets.url, str(error)) from error
    answer = _call(tickets, headers, body)
    if answer.status_code in {401, 403}:
        raise WayClosed(Trouble.LOGIN, tickets.url, f"it answers {answer.status_code}: the token is not accepted")
    if answer.status_code >= 500 or answer.status_code in AGAIN:
        raise WayClosed(Trouble.REFUSED, tickets.url, f"it answers {answer.status_code}")
    if not answer.is_success:
        raise TicketRefused(f"{tickets.url} answers {answer.status_code}: {one_line(answer.text)}")
    return _number(tickets, answer)


def _authorization(tickets: Tickets) -> Mapping[str, str]:
    return {} if tickets.token_file is None else {"Authorization": f"Bearer {secret(tickets.token_file)}"}


def _call(tickets: Tickets, headers: Mapping[str, str], body: Mapping[str, str]) -> httpx.Response:
    verify: object = str(tickets.ca_file) if tickets.ca_file else True
    try:
        with httpx.Client(timeout=tickets.timeout, verify=verify, follow_redirects=False) as client:  # type: ignore[arg-type]
            request = client.build_request(tickets.method, tickets.url, headers=dict(headers), json=dict(body))
            answer = client.send(request, stream=True)
            content = b""
            for piece in answer.iter_bytes():
                content += piece
                if len(content) > LARGEST_ANSWER:
                    raise TicketRefused(f"{tickets.url} answers more than {LARGEST_ANSWER:,} bytes")
            return httpx.Response(answer.status_code, content=content)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        trouble = Trouble.TLS if "certificate" in str(error).lower() else Trouble.UNREACHABLE
        raise WayClosed(trouble, tickets.url, str(error) or type(error).__name__) from error


def _number(tickets: Tickets, answer: httpx.Response) -> str:
    try:
        found = jmespath.search(tickets.number, answer.json())
    except ValueError as error:
        raise TicketRefused(f"{tickets.url} answers no JSON: {one_line(answer.text)}") from error
    number = plain(str(found if found is not None else ""))[:LONGEST_NUMBER]
    if not number:
        raise TicketRefused(f"{tickets.url} answers without a number at {tickets.number}: {one_line(answer.text)}")
    return number
