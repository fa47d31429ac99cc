"""Who may administer what: the literal table beside that of an incident's life (`lifecycle.ROLES`)."""

from collections.abc import Mapping
from enum import StrEnum

from incident_store.domain.lifecycle import Role


class Duty(StrEnum):
    """Something to administer; checked by the server wherever it is done."""

    PEOPLE = "people"
    OWN_TOKENS = "own_tokens"
    CONFIGURATION = "configuration"
    QUARANTINE = "quarantine"
    AUDIT = "audit"
    ACCESS_LOG = "access_log"


_OVERSEERS = frozenset({Role.SUPERVISOR, Role.ADMIN})
_ADMIN = frozenset({Role.ADMIN})

DUTIES: Mapping[Duty, frozenset[Role]] = {
    Duty.PEOPLE: _ADMIN,
    Duty.OWN_TOKENS: frozenset(Role),
    Duty.CONFIGURATION: _OVERSEERS,
    Duty.QUARANTINE: _OVERSEERS,
    Duty.AUDIT: _OVERSEERS,
    Duty.ACCESS_LOG: _OVERSEERS,
}


def may(role: Role, duty: Duty) -> bool:
    """Whether somebody of this role may do it."""
    return role in DUTIES[duty]
