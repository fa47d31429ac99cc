"""To whom a notice goes: a decision from contacts and facts, or the line that says who is missing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from incident_store.domain.notices import NoticeKind
from incident_store.outbox import Recipient
from mailroom.contacts import Audience, Contacts, Party, PartyKind


class CannotBeWritten(Exception):
    """A notice has to wait; the text says what is missing and where to add it."""


@dataclass(frozen=True)
class Concerned:
    """Whom a notice concerns: what the dispatch says, the component, and who reported by mail."""

    dispatched_to: str = ""
    component: str = ""
    reporter_address: str = ""
    reporter_name: str = ""


def recipients(kind: NoticeKind, concerned: Concerned, contacts: Contacts) -> tuple[Recipient, ...]:
    """Everybody whom `contacts.yml` names for this kind, each address once; raises CannotBeWritten."""
    found: dict[str, Recipient] = {}
    for audience in contacts.notices[kind].to:
        for one in _of_audience(audience, concerned, contacts):
            found.setdefault(one.address, one)
    if not found:
        raise CannotBeWritten(_missing(kind, concerned, contacts))
    return tuple(found.values())


_KINDS: Mapping[Audience, PartyKind] = {
    Audience.OPERATORS: PartyKind.OPERATOR,
    Audience.PROVIDER: PartyKind.PROVIDER,
    Audience.OTI: PartyKind.OTI,
    Audience.INTERNAL: PartyKind.INTERNAL,
    Audience.COMMITTEE: PartyKind.COMMITTEE,
}


def _of_audience(audience: Audience, concerned: Concerned, contacts: Contacts) -> Iterator[Recipient]:
    if audience is Audience.REPORTER:
        if concerned.reporter_address:
            party = contacts.sender_of(concerned.reporter_address)
            yield Recipient(concerned.reporter_address, concerned.reporter_name, party.name if party else "")
    elif audience is Audience.NAMED:
        if party := named(concerned, contacts):
            yield from _addresses(party)
    else:
        for party in contacts.of_kind(_KINDS[audience]):
            yield from _addresses(party)


def named(concerned: Concerned, contacts: Contacts) -> Party | None:
    """The party that the dispatch names, else the operator whose load the component is (`Claro/ALTAS`)."""
    lookup: Callable[[str], Party | None] = contacts.named
    return lookup(concerned.dispatched_to) or lookup(concerned.component.split("/")[0])


def _addresses(party: Party) -> Iterator[Recipient]:
    return (Recipient(address, party.name, party.name) for address in party.addresses)


def _missing(kind: NoticeKind, concerned: Concerned, contacts: Contacts) -> str:
    wanted = contacts.notices[kind].to
    if Audience.NAMED in wanted and concerned.dispatched_to:
        return (
            f"nobody in contacts.yml is called {concerned.dispatched_to!r}: "
            "add it under parties, or to the names of one of them"
        )
    return (
        f"contacts.yml has nobody for {kind.value} ({', '.join(wanted)}): add a party, or change notices.{kind.value}"
    )
