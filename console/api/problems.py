"""What is answered when something cannot be done: RFC 9457 problems, one type for each named reason."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from flask import Response, json, request

from incident_store.domain.maintenance_steps import Reason as WindowReason
from incident_store.domain.notices import Reason as MailReason
from incident_store.domain.steps import Reason

MEDIA_TYPE = "application/problem+json"


class Trouble(StrEnum):
    """Reasons of the API itself; those of the process are `Reason` and, of maintenance, `WindowReason`."""

    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"
    FORGED = "forged"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    BEING_ATTENDED = "being_attended"
    OVERTAKEN = "overtaken"
    PRECONDITION_FAILED = "precondition_failed"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    INVALID = "invalid"
    NOT_TAKEN = "not_taken"
    NOT_CALLED_FOR = "not_called_for"
    DAMAGED = "damaged"
    KEY_TAKEN = "key_taken"
    UNSTORABLE = "unstorable"
    TOO_MANY_REQUESTS = "too_many_requests"
    BROKEN = "broken"
    BEING_RECKONED = "being_reckoned"
    AWAY = "away"


KINDS: Mapping[StrEnum, tuple[int, str]] = {
    Trouble.MALFORMED: (400, "The body is not JSON"),
    Trouble.UNAUTHENTICATED: (401, "Nobody is known to ask"),
    Trouble.FORGED: (403, "A browser session needs its token against forgery to write"),
    Trouble.NOT_FOUND: (404, "There is no such thing"),
    Trouble.METHOD_NOT_ALLOWED: (405, "This cannot be done with it"),
    Trouble.BEING_ATTENDED: (409, "The component has an incident being attended"),
    Trouble.OVERTAKEN: (409, "Somebody was faster"),
    Trouble.PRECONDITION_FAILED: (412, "It is no longer at that version"),
    Trouble.TOO_LARGE: (413, "The body is too large"),
    Trouble.NOT_JSON: (415, "The body must be JSON"),
    Trouble.INVALID: (422, "The request does not say what is needed"),
    Trouble.NOT_TAKEN: (422, "The file is of a kind that is not taken"),
    Trouble.NOT_CALLED_FOR: (409, "The incident does not call for this"),
    Trouble.DAMAGED: (500, "The bytes are no longer what was attached"),
    Trouble.KEY_TAKEN: (422, "The key belongs to another request"),
    Trouble.UNSTORABLE: (422, "The store cannot hold a value"),
    Trouble.TOO_MANY_REQUESTS: (429, "Too many requests"),
    Trouble.BROKEN: (500, "The program failed"),
    Trouble.BEING_RECKONED: (503, "The figures are being reckoned"),
    Trouble.AWAY: (503, "Something that is needed is away"),
    Reason.WRONG_ROLE: (403, "The role may not do this"),
    Reason.OWN_CHANGE: (403, "Another person validates this"),
    Reason.OUT_OF_ORDER: (409, "The step cannot follow now"),
    Reason.NO_DIAGNOSIS: (409, "The diagnosis is missing"),
    Reason.NOT_RESTORED: (409, "The restoration is not confirmed"),
    Reason.STILL_FIRING: (409, "The alerts say otherwise"),
    Reason.WAS_RESTORED: (409, "It was real and restored"),
    Reason.NOTHING_PROPOSED: (409, "Nothing was proposed"),
    Reason.QUESTION: (409, "A consulta has no restoration"),
    Reason.FUTURE: (422, "The time is in the future"),
    Reason.BEFORE_DETECTION: (422, "The time is before the detection"),
    Reason.WRONG_ORDER: (422, "The time is before that of what went before"),
    Reason.MISSING_DETAIL: (422, "A detail is missing"),
    Reason.UNKNOWN_COMPONENT: (422, "Nothing of this name is known"),
    Reason.BAD_DETAIL: (422, "A detail is not what it must be"),
    WindowReason.OWN_PLAN: (403, "Another supervisor approves this"),
    WindowReason.CANCELLED: (409, "The window was cancelled"),
    WindowReason.BAD_SPAN: (422, "The span cannot be that of a window"),
    WindowReason.NO_REASON: (422, "The reason is missing"),
    WindowReason.NO_COMPONENT: (422, "No component is named"),
    MailReason.NO_RECIPIENT: (422, "Nobody is named to whom it would go"),
}
"""Each reason's status and title."""


@dataclass
class Problem(Exception):
    """A request ends here. `detail` says what would have been accepted; `more` are members beside the standard ones."""

    kind: StrEnum
    detail: str
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return KINDS[self.kind][0]

    def document(self, instance: str) -> dict[str, Any]:
        """The problem as RFC 9457 wants it."""
        return {
            "type": problem_type(self.kind),
            "title": KINDS[self.kind][1],
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            **self.more,
        }

    def response(self) -> Response:
        """The answer to the request at hand."""
        body = json.dumps(self.document(request.path), ensure_ascii=False)
        return Response(body, self.status, {**self.headers, "Cache-Control": "no-store"}, content_type=MEDIA_TYPE)


def problem_type(kind: StrEnum) -> str:
    """The stable name of a kind of problem, which programs may compare."""
    return f"urn:renteseg:problem:{kind.value}"
