"""Which notices a step calls for, and what may happen to a notice. Data and decisions; nothing is sent here."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from incident_store.domain.incidents import Event, Incident, Kind, fold
from incident_store.domain.lifecycle import EventKind, Role
from incident_store.domain.policies import Responsible


class NoticeKind(StrEnum):
    """What a notice is for; the values name the templates."""

    OPERATOR_ANSWER = "operator_answer"
    PROVIDER_TICKET = "provider_ticket"
    OTI_COORDINATION = "oti_coordination"
    FOLLOW_UP = "follow_up"
    RCA_REQUEST = "rca_request"
    RESTORATION = "restoration"
    REGULARISATION = "regularisation"
    MAINTENANCE = "maintenance"
    MONTHLY_REPORT = "monthly_report"


class NoticeState(StrEnum):
    """Where a notice stands: due without text, a draft to be read, approved, being sent, and its ends."""

    DUE = "due"
    DRAFT = "draft"
    APPROVED = "approved"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    DISMISSED = "dismissed"


class Act(StrEnum):
    """What a person may do with a notice."""

    EDIT = "edit"
    REDRAFT = "redraft"
    APPROVE = "approve"
    RETRY = "retry"
    DISMISS = "dismiss"


class Reason(StrEnum):
    """Why something cannot be done with a notice or a mail; steps and windows use the same words."""

    NOT_FOUND = "not_found"
    WRONG_ROLE = "wrong_role"
    OUT_OF_ORDER = "out_of_order"
    OVERTAKEN = "overtaken"
    NO_REASON = "no_reason"
    NO_RECIPIENT = "no_recipient"
    INVALID = "invalid"


ACTS: Mapping[NoticeState, Mapping[Act, NoticeState]] = {
    NoticeState.DUE: {Act.DISMISS: NoticeState.DISMISSED},
    NoticeState.DRAFT: {
        Act.EDIT: NoticeState.DRAFT,
        Act.REDRAFT: NoticeState.DUE,
        Act.APPROVE: NoticeState.APPROVED,
        Act.DISMISS: NoticeState.DISMISSED,
    },
    NoticeState.APPROVED: {Act.RETRY: NoticeState.APPROVED, Act.DISMISS: NoticeState.DISMISSED},
    NoticeState.SENDING: {},
    NoticeState.SENT: {},
    NoticeState.FAILED: {Act.RETRY: NoticeState.APPROVED, Act.DISMISS: NoticeState.DISMISSED},
    NoticeState.DISMISSED: {},
}
"""State × act → state. What is not here is refused."""

_BOTH = frozenset({Role.ANALYST, Role.SUPERVISOR})
_SUPERVISOR = frozenset({Role.SUPERVISOR})
ACTORS: Mapping[Act, frozenset[Role]] = {
    Act.EDIT: _BOTH,
    Act.REDRAFT: _BOTH,
    Act.RETRY: _BOTH,
    Act.APPROVE: _SUPERVISOR,
    Act.DISMISS: _SUPERVISOR,
}
"""An analyst writes and a supervisor sends (activities 4 to 6)."""

DISPATCHES: Mapping[Responsible, NoticeKind] = {
    Responsible.OPERATOR: NoticeKind.OPERATOR_ANSWER,
    Responsible.PROVIDER: NoticeKind.PROVIDER_TICKET,
    Responsible.OTI: NoticeKind.OTI_COORDINATION,
}
"""Activity 6: what is written to whom, by origin."""

BY_MAIL = "correo"
"""The channel of what was reported by mail, and is answered by mail."""


def notices_due(before: Sequence[Event], event: Event, kind: Kind) -> tuple[NoticeKind, ...]:
    """The notices that an event calls for, given what happened before it (activities 6 to 9)."""
    if event.kind not in CAUSES:
        return ()
    notice = _CALLS_FOR[event.kind](before, event, kind)
    return () if notice is None else (notice,)


def _dispatch(before: Sequence[Event], incident: Incident) -> NoticeKind | None:
    """To the responsible; once more, without a new diagnosis between, is a follow-up (activity 7)."""
    notice = DISPATCHES.get(incident.responsible)
    return NoticeKind.FOLLOW_UP if notice and _dispatched(before) else notice


def _dispatched(events: Sequence[Event]) -> bool:
    """Whether the last diagnosis that was validated has been handed over already."""
    last = next((one for one in reversed(events) if one.kind in {EventKind.DISPATCHED, EventKind.VALIDATED}), None)
    return last is not None and last.kind is EventKind.DISPATCHED


def _reported_by_mail(events: Sequence[Event]) -> bool:
    return any(one.kind is EventKind.RECORDED and one.details.get("channel") == BY_MAIL for one in events)


_Call = Callable[[Sequence[Event], Event, Kind], NoticeKind | None]
_CALLS_FOR: Mapping[EventKind, _Call] = {
    EventKind.DISPATCHED: lambda before, event, _kind: _dispatch(before, fold([*before, event])),
    EventKind.REOPENED: lambda before, _event, _kind: NoticeKind.FOLLOW_UP if _dispatched(before) else None,
    EventKind.RCA_ASKED: lambda _before, _event, _kind: NoticeKind.RCA_REQUEST,
    EventKind.CLOSED: lambda _before, _event, kind: (
        NoticeKind.RESTORATION if kind is Kind.INCIDENT else NoticeKind.OPERATOR_ANSWER
    ),
    EventKind.DISCARDED: lambda before, _event, _kind: (
        NoticeKind.OPERATOR_ANSWER if _reported_by_mail(before) else None
    ),
}

CAUSES = frozenset(_CALLS_FOR)
"""The events that may call for a notice. What the monitoring detects is told by Alertmanager's own mails."""
