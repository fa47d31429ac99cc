"""Who may do what, when: the literal tables of an incident's life (semantics 10). Data; `steps.py` decides by it."""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What a person may do; checked by the server."""

    ANALYST = "analyst"
    SUPERVISOR = "supervisor"
    VIEWER = "viewer"
    ADMIN = "admin"


class State(StrEnum):
    """Where an incident stands; the values are what people read."""

    DETECTED = "detectada"
    IN_ANALYSIS = "en_analisis"
    VALIDATED = "diagnostico_validado"
    DISPATCHED = "derivada"
    IN_ATTENTION = "en_atencion"
    WAITING = "en_espera"
    RESTORED = "restablecida"
    CLOSED = "cerrada"
    CONSOLIDATED = "consolidada"
    DISCARDED = "descartada"
    REOPENED = "reabierta"


class EventKind(StrEnum):
    """What can happen to an incident; each carries the time it happened (semantics 11)."""

    FAULT_BEGAN = "fault_began"
    DETECTED = "detected"
    RECORDED = "recorded"
    SEVERITY_SET = "severity_set"
    SUSPECTED = "suspected"
    EPISODE_ATTACHED = "episode_attached"
    FLAPPING = "flapping"
    RESTORATION_PROPOSED = "restoration_proposed"
    RESTORATION_WITHDRAWN = "restoration_withdrawn"
    ANALYSIS_BEGAN = "analysis_began"
    DIAGNOSED = "diagnosed"
    VALIDATED = "validated"
    DISPATCHED = "dispatched"
    RESPONSIBLE_ANSWERED = "responsible_answered"
    WAITING_BEGAN = "waiting_began"
    WAITING_ENDED = "waiting_ended"
    RESTORED = "restored"
    RCA_ASKED = "rca_asked"
    RCA_RECEIVED = "rca_received"
    CLOSED = "closed"
    ANNOUNCED = "announced"
    CONSOLIDATED = "consolidated"
    DISCARDED = "discarded"
    REOPENED = "reopened"
    CORRECTION_PROPOSED = "correction_proposed"
    CORRECTED = "corrected"
    NOTED = "noted"
    EXCLUSION_PROPOSED = "exclusion_proposed"
    EXCLUSION_VALIDATED = "exclusion_validated"
    EXCLUSION_REJECTED = "exclusion_rejected"
    ATTACHED = "attached"
    REGULARISATION_ANNOUNCED = "regularisation_announced"
    REGULARISED = "regularised"
    EVIDENCE_TAKEN = "evidence_taken"


_RCA = {EventKind.RCA_ASKED, EventKind.RCA_RECEIVED}


def _stay(state: State, *kinds: EventKind) -> Mapping[EventKind, State]:
    return dict.fromkeys(kinds, state)


TRANSITIONS: Mapping[State, Mapping[EventKind, State]] = {
    State.DETECTED: {
        EventKind.ANALYSIS_BEGAN: State.IN_ANALYSIS,
        EventKind.DISCARDED: State.DISCARDED,
    },
    State.IN_ANALYSIS: {
        EventKind.DIAGNOSED: State.IN_ANALYSIS,
        EventKind.VALIDATED: State.VALIDATED,
        EventKind.RESTORED: State.RESTORED,
        EventKind.DISCARDED: State.DISCARDED,
    },
    State.VALIDATED: {
        EventKind.DIAGNOSED: State.IN_ANALYSIS,
        EventKind.DISPATCHED: State.DISPATCHED,
        EventKind.RESTORED: State.RESTORED,
        EventKind.CLOSED: State.CLOSED,
        EventKind.DISCARDED: State.DISCARDED,
    },
    State.DISPATCHED: {
        EventKind.DISPATCHED: State.DISPATCHED,
        EventKind.RESPONSIBLE_ANSWERED: State.IN_ATTENTION,
        EventKind.WAITING_BEGAN: State.WAITING,
        EventKind.RESTORED: State.RESTORED,
        EventKind.CLOSED: State.CLOSED,
    },
    State.IN_ATTENTION: {
        EventKind.DIAGNOSED: State.IN_ANALYSIS,
        EventKind.DISPATCHED: State.DISPATCHED,
        EventKind.WAITING_BEGAN: State.WAITING,
        EventKind.RESTORED: State.RESTORED,
        EventKind.CLOSED: State.CLOSED,
    },
    State.WAITING: {
        EventKind.WAITING_ENDED: State.IN_ATTENTION,
        EventKind.RESPONSIBLE_ANSWERED: State.WAITING,
        EventKind.RESTORED: State.RESTORED,
    },
    State.RESTORED: {
        EventKind.REOPENED: State.REOPENED,
        EventKind.CLOSED: State.CLOSED,
        **_stay(State.RESTORED, EventKind.DIAGNOSED, EventKind.VALIDATED, EventKind.ANNOUNCED, *_RCA),
    },
    State.REOPENED: {
        EventKind.ANALYSIS_BEGAN: State.IN_ANALYSIS,
        EventKind.DIAGNOSED: State.IN_ANALYSIS,
        EventKind.DISPATCHED: State.DISPATCHED,
        EventKind.RESTORED: State.RESTORED,
    },
    State.CLOSED: {
        EventKind.REOPENED: State.REOPENED,
        EventKind.CONSOLIDATED: State.CONSOLIDATED,
        **_stay(State.CLOSED, EventKind.DIAGNOSED, EventKind.VALIDATED, EventKind.ANNOUNCED, *_RCA),
    },
    State.CONSOLIDATED: _stay(State.CONSOLIDATED, EventKind.RCA_RECEIVED),
    State.DISCARDED: {},
}
"""State × what happened → state. What is not here is refused."""

OPENING = frozenset({EventKind.FAULT_BEGAN, EventKind.DETECTED, EventKind.RECORDED})
"""What an incident begins with, and nothing comes before."""

_MOVING = frozenset(kind for moves in TRANSITIONS.values() for kind in moves)


def following(start: EventKind) -> frozenset[EventKind]:
    """What can still happen to an incident after this; after a restoration or a closing, until it is reopened."""
    if start in _MOVING:
        waiting = {moves[start] for moves in TRANSITIONS.values() if start in moves}
    else:
        waiting = {State.DETECTED} if start in OPENING else set(State)
    ended = {EventKind.REOPENED} if start in {EventKind.RESTORED, EventKind.CLOSED} else set()
    reached: set[State] = set()
    while waiting:
        reached.add(state := waiting.pop())
        waiting |= {to for kind, to in TRANSITIONS[state].items() if kind not in ended} - reached
    moves = frozenset(kind for state in reached for kind in TRANSITIONS[state]) - ended
    return moves | (frozenset(EventKind) - _MOVING - OPENING)


EXCLUSIONS = frozenset({EventKind.EXCLUSION_PROPOSED, EventKind.EXCLUSION_VALIDATED, EventKind.EXCLUSION_REJECTED})
"""How minutes leave the contractual figure; not those of a discarded incident, which has none there."""

CORRECTIONS = frozenset({EventKind.CORRECTION_PROPOSED, EventKind.CORRECTED})
"""How a recorded time gives way to another: one person proposes it and another one confirms it."""

EVERYWHERE = frozenset({EventKind.NOTED, *CORRECTIONS, *EXCLUSIONS})
"""What may be added in any state and changes none."""

SUPERSEDING = frozenset({EventKind.FAULT_BEGAN, EventKind.DETECTED})
"""Facts of which the last one written down replaces those before it."""

_HANDED_OVER = (EventKind.DISPATCHED, EventKind.RESPONSIBLE_ANSWERED, EventKind.WAITING_ENDED)

NOT_BEFORE: Mapping[EventKind, frozenset[EventKind]] = {
    EventKind.DETECTED: frozenset({EventKind.FAULT_BEGAN}),
    EventKind.ANALYSIS_BEGAN: frozenset({EventKind.DETECTED, EventKind.REOPENED}),
    EventKind.DIAGNOSED: frozenset({EventKind.DETECTED, EventKind.ANALYSIS_BEGAN, EventKind.REOPENED}),
    EventKind.VALIDATED: frozenset({EventKind.DETECTED, EventKind.DIAGNOSED}),
    EventKind.DISPATCHED: frozenset({EventKind.DETECTED, EventKind.VALIDATED, EventKind.REOPENED}),
    EventKind.RESPONSIBLE_ANSWERED: frozenset({EventKind.DETECTED, EventKind.DISPATCHED}),
    EventKind.WAITING_BEGAN: frozenset({EventKind.DETECTED, *_HANDED_OVER, EventKind.REOPENED}),
    EventKind.WAITING_ENDED: frozenset({EventKind.DETECTED, EventKind.WAITING_BEGAN}),
    EventKind.RESTORED: frozenset({EventKind.DETECTED, EventKind.REOPENED}),
    EventKind.REOPENED: frozenset({EventKind.DETECTED, EventKind.RESTORED}),
    EventKind.RCA_ASKED: frozenset({EventKind.DETECTED, EventKind.RESTORED}),
    EventKind.RCA_RECEIVED: frozenset({EventKind.DETECTED, EventKind.RESTORED, EventKind.RCA_ASKED}),
    EventKind.CLOSED: frozenset(
        {EventKind.DETECTED, EventKind.VALIDATED, *_HANDED_OVER, EventKind.RESTORED, EventKind.REOPENED}
    ),
    EventKind.ANNOUNCED: frozenset({EventKind.DETECTED, EventKind.RESTORED}),
    EventKind.CONSOLIDATED: frozenset({EventKind.DETECTED, EventKind.CLOSED}),
    EventKind.DISCARDED: frozenset({EventKind.DETECTED}),
}
"""What cannot have happened before what: each step not before those that led to the state it leaves, so that nobody
writes a wait into time in which the responsible had not been called. A restoration alone may well lie before the
dispatch: the service was back before the ticket was written, and nobody had noticed."""

_BOTH = frozenset({Role.ANALYST, Role.SUPERVISOR})
_SUPERVISOR = frozenset({Role.SUPERVISOR})

ROLES: Mapping[EventKind, frozenset[Role]] = {
    EventKind.ANALYSIS_BEGAN: _BOTH,
    EventKind.DIAGNOSED: _BOTH,
    EventKind.VALIDATED: _SUPERVISOR,
    EventKind.DISPATCHED: _SUPERVISOR,
    EventKind.RESPONSIBLE_ANSWERED: _BOTH,
    EventKind.WAITING_BEGAN: _SUPERVISOR,
    EventKind.WAITING_ENDED: _SUPERVISOR,
    EventKind.RESTORED: _BOTH,
    EventKind.RCA_ASKED: _BOTH,
    EventKind.RCA_RECEIVED: _BOTH,
    EventKind.CLOSED: _SUPERVISOR,
    EventKind.ANNOUNCED: _SUPERVISOR,
    EventKind.CONSOLIDATED: _SUPERVISOR,
    EventKind.DISCARDED: _SUPERVISOR,
    EventKind.REOPENED: _SUPERVISOR,
    EventKind.CORRECTION_PROPOSED: _BOTH,
    EventKind.CORRECTED: _SUPERVISOR,
    EventKind.NOTED: _BOTH,
    EventKind.EXCLUSION_PROPOSED: _BOTH,
    EventKind.EXCLUSION_VALIDATED: _SUPERVISOR,
    EventKind.EXCLUSION_REJECTED: _SUPERVISOR,
}
"""Who may do each step. A supervisor may do an analyst's step; nobody else acts on incidents."""

ATTENDED = frozenset(State) - {State.RESTORED, State.CLOSED, State.CONSOLIDATED, State.DISCARDED}
"""States in which the fault is being attended: later alerts of the component belong to the incident (semantics 8)."""

FINAL = frozenset({State.CONSOLIDATED, State.DISCARDED})
"""States that nothing leaves."""
