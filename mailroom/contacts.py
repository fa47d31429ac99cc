"""Reads `config/contacts.yml`: who is told what, and by which servers mail leaves and comes."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, Field, field_validator, model_validator

from groundwork.configuration import Strict, read
from groundwork.durations import Seconds
from incident_store.domain.notices import NoticeKind

FILE = "contacts.yml"
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
ADDRESS = re.compile(rf"[a-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{LABEL}(?:\.{LABEL})*", re.IGNORECASE)
HOST = re.compile(rf"@{LABEL}(?:\.{LABEL})*", re.IGNORECASE)
MEBIBYTE = 1024 * 1024


def _address(text: str) -> str:
    """An address in lower case; anything that a header could read as more than one address is refused."""
    if not ADDRESS.fullmatch(text):
        raise ValueError("is not a mail address such as mesa@inetum.example")
    return text.lower()


def _line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("must be one line of text")
    return text


def _sender(text: str) -> str:
    """A whole address, or `@host` for everybody there."""
    if HOST.fullmatch(text):
        return text.lower()
    return _address(text)


MailAddress = Annotated[str, AfterValidator(_address)]
Sender = Annotated[str, AfterValidator(_sender)]
Line = Annotated[str, AfterValidator(_line)]
Security = Literal["none", "starttls", "tls"]


class PartyKind(StrEnum):
    """What somebody is to the process; `unknown` is nobody of contacts.yml."""

    OPERATOR = "operator"
    PROVIDER = "provider"
    OTI = "oti"
    INTERNAL = "internal"
    COMMITTEE = "committee"
    STATE = "state"
    UNKNOWN = "unknown"


class Audience(StrEnum):
    """To whom a kind of notice goes: who reported by mail, the party that the dispatch or the component names, or all
    parties of a kind."""

    REPORTER = "reporter"
    NAMED = "named"
    OPERATORS = "operators"
    PROVIDER = "provider"
    OTI = "oti"
    INTERNAL = "internal"
    COMMITTEE = "committee"


class Approval(StrEnum):
    """Whether a supervisor reads a notice before it leaves."""

    PERSON = "person"
    AUTOMATIC = "automatic"


class Login(Strict):
    """Who logs in, with the password in a file that is read at each connection."""

    user: Line
    password_file: Path


class Server(Strict):
    """Where a mail server is and how it is spoken to."""

    host: Line
    port: int = Field(ge=1, le=65535)
    security: Security = "starttls"
    ca_file: Path | None = None
    login: Login | None = None
    timeout: Seconds = 30

    @model_validator(mode="after")
    def _no_password_in_clear(self) -> Self:
        if self.login is not None and self.security == "none" and self.host not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError("would send the password in clear: write security: starttls or tls")
        return self


class Outgoing(Server):
    """The server that takes our mail. A notice larger than `largest_mb` is not sent."""

    connections: int = Field(default=4, ge=1, le=32)
    per_minute: int = Field(default=1200, ge=1)
    largest_mb: int = Field(default=20, ge=1, le=1024)
    give_up_after: Seconds = 2 * 86400


class Incoming(Server):
    """The mailbox that is read. `move_to` names the folder for what has been stored; without it nothing is moved."""

    login: Login
    folder: Line = "INBOX"
    move_to: Line | None = None
    poll: Seconds = 30
    largest_mb: int = Field(default=50, ge=1, le=1024)
    attachment_mb: int = Field(default=25, ge=1, le=1024)
    attachments: int = Field(default=50, ge=0, le=1000)


class Tickets(Strict):
    """The provider's ticket system: one HTTP call a ticket. `body` and `url` are templates; `number` is the JMESPath of
    the ticket's number in the answer. After `tries` failures the ticket goes by mail."""

    url: Line
    method: Literal["POST", "PUT"] = "POST"
    headers: dict[str, Line] = Field(default_factory=dict)
    token_file: Path | None = None
    ca_file: Path | None = None
    body: dict[str, str]
    number: str
    timeout: Seconds = 20
    tries: int = Field(default=5, ge=1)

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if not self.url.startswith(("https://", "http://")):
            raise ValueError("url must begin with https:// (or http:// on a network of your own)")
        try:
            jmespath.compile(self.number)
        except JMESPathError as error:
            raise ValueError(f"number is no JMESPath: {str(error).splitlines()[0]}") from error
        return self


class Party(Strict):
    """Somebody who takes part. `names` are the other words for it in dispatches and components; mail from `senders` and
    from `addresses` is recognised as its own."""

    name: Line
    kind: PartyKind
    addresses: list[MailAddress] = Field(min_length=1)
    names: list[Line] = Field(default_factory=list)
    senders: list[Sender] = Field(default_factory=list)

    @property
    def words(self) -> set[str]:
        """Every name of it, as compared."""
        return {word.casefold() for word in (self.name, *self.names)}


class NoticeRule(Strict):
    """To whom a kind of notice goes, and whether a supervisor approves it."""

    to: list[Audience] = Field(min_length=1)
    approval: Approval = Approval.PERSON


class Hint(Strict):
    """Words of a mail that suggest what it is about; compared without accents and case."""

    words: list[Line] = Field(min_length=1)
    kind: Literal["incidencia", "consulta"] | None = None
    component: Line | None = None
    service: Line | None = None
    severity: Literal["alta", "media", "baja"] | None = None


class Identity(Strict):
    """Who we are: the sender of everything that leaves, and the domain of our Message-IDs."""

    name: Line
    address: MailAddress
    aliases: list[MailAddress] = Field(default_factory=list)

    @property
    def domain(self) -> str:
        """The domain of our Message-IDs."""
        return self.address.rsplit("@", 1)[1]


class Contacts(Strict):
    """`config/contacts.yml`."""

    sender: Identity
    smtp: Outgoing
    imap: Incoming | None = None
    tickets: Tickets | None = None
    parties: list[Party] = Field(min_length=1)
    notices: dict[NoticeKind, NoticeRule]
    hints: list[Hint] = Field(default_factory=list)

    @field_validator("imap", mode="before")
    @classmethod
    def _none_without_host(cls, given: object) -> object:
        """An entry whose host is left empty stands for no mailbox."""
        return None if isinstance(given, dict) and given.get("host", "?") in {"", None} else given

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if missing := [kind.value for kind in NoticeKind if kind not in self.notices]:
            raise ValueError(f"notices says nothing of {', '.join(missing)}")
        words: dict[str, str] = {}
        for party in self.parties:
            for word in sorted(party.words | set(party.addresses) | set(party.senders)):
                if words.setdefault(word, party.name) != party.name:
                    raise ValueError(f"{word!r} belongs to {words[word]} and to {party.name}")
        if len({party.name for party in self.parties}) != len(self.parties):
            raise ValueError("two parties have the same name")
        return self

    def ours(self) -> frozenset[str]:
        """The addresses that mail of ours comes from."""
        return frozenset({self.sender.address, *self.sender.aliases})

    def of_kind(self, kind: PartyKind) -> Iterator[Party]:
        """Every party of a kind, in the file's order."""
        return (party for party in self.parties if party.kind is kind)

    def named(self, word: str) -> Party | None:
        """The party that this word names."""
        return next((party for party in self.parties if word.casefold() in party.words), None)

    def sender_of(self, address: str) -> Party | None:
        """The party that writes from this address: the address itself counts before its domain."""
        exact, at, host = address.lower(), *address.lower().rpartition("@")[1:]
        by_sender: Mapping[str, Party] = {
            word: party for party in self.parties for word in (*party.senders, *party.addresses)
        }
        return (by_sender.get(exact) or by_sender.get(at + host)) if at else None


def read_contacts(config: Path) -> Contacts:
    """The contacts of this configuration folder; raises ConfigurationError naming file, line and remedy."""
    return read(config / FILE, Contacts)
