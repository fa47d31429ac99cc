"""What a probe finds: the phases it went through and, if it failed, the one reason why."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Phase(StrEnum):
    """A stretch of a probe; the phases of a probe follow one another without gaps."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    BANNER = "banner"  # the greeting of the peers that speak first
    REQUEST = "request"
    RESPONSE = "response"
    QUERY = "query"
    HANDSHAKE = "handshake"  # SSH's
    LOGIN = "login"
    LIST = "list"
    WRITE = "write"


class Reason(StrEnum):
    """Why a probe failed: the label value and the log word. The list is closed and stays within 20."""

    RESOLVE = "resolve"  # the name has no address, or nobody said in time
    REFUSED = "refused"
    UNREACHABLE = "unreachable"  # no route, or no database file
    RESET = "reset"  # the peer closed or reset before it had answered
    TIMEOUT_CONNECT = "timeout_connect"
    TIMEOUT_TLS = "timeout_tls"
    TIMEOUT_RESPONSE = "timeout_response"
    TLS_HANDSHAKE = "tls_handshake"  # also an SSH handshake
    TLS_EXPIRED = "tls_expired"  # the certificate's dates: expired, or not valid yet
    TLS_UNTRUSTED = "tls_untrusted"  # also an SSH host key
    TLS_NAME = "tls_name"
    PROTOCOL = "protocol"  # the answer is not of the expected protocol
    STATUS = "status"  # the peer answered, and said no: HTTP status, SMTP code, DNS response code
    BODY = "body"  # the text of the answer
    LOGIN = "login"  # user, password, key or client certificate refused
    QUERY = "query"  # what was asked for could not be done: SQL, a folder's listing
    VALUE = "value"  # one value of the answer: JSON, header, first column, DNS record
    CONFIGURATION = "configuration"  # a file the component names cannot be used; the peer was not asked
    INTERNAL = "internal"  # a fault of the probe itself, logged with its trace


TIMEOUTS = dict.fromkeys(Phase, Reason.TIMEOUT_RESPONSE) | {
    Phase.RESOLVE: Reason.RESOLVE,
    Phase.CONNECT: Reason.TIMEOUT_CONNECT,
    Phase.TLS: Reason.TIMEOUT_TLS,
}

OUR_FAULTS = frozenset({Reason.CONFIGURATION, Reason.INTERNAL})
"""The probe failed and says nothing of the component: its state is unknown, not down."""

REACHING = frozenset({Reason.RESOLVE, Reason.REFUSED, Reason.UNREACHABLE, Reason.TIMEOUT_CONNECT})
TLS_REASONS = frozenset(
    {Reason.TIMEOUT_TLS, Reason.TLS_HANDSHAKE, Reason.TLS_EXPIRED, Reason.TLS_UNTRUSTED, Reason.TLS_NAME, Reason.LOGIN}
)
ANSWERING = frozenset({Reason.RESET, Reason.TIMEOUT_RESPONSE, Reason.PROTOCOL})


class ProbeFailed(Exception):
    """The component did not do what is expected of it. `detail` is for people: no secrets, no bodies."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class ProbeResult:
    """One look at a component; `phases` are seconds and sum to the duration. Without reason it succeeded.

    `account` is the story for people, told only when it was asked for: seconds since the beginning and words.
    """

    phases: Mapping[Phase, float]
    reason: Reason | None = None
    detail: str = ""
    certificate_expires_at: datetime | None = None
    certificate_begins_at: datetime | None = None
    account: tuple[tuple[float, str], ...] = ()

    @property
    def success(self) -> bool:
        """Whether everything was as expected."""
        return self.reason is None

    @property
    def duration(self) -> float:
        """Seconds from the beginning to the verdict."""
        return sum(self.phases.values())


class Attempt:
    """A probe under way: which phase it is in, how long each took, what it saw of the certificate."""

    def __init__(self, first: Phase, timeout: float, *, told: bool = False) -> None:
        self.phase = first
        self.certificate_expires_at: datetime | None = None
        self.certificate_begins_at: datetime | None = None
        self._began = self._phase_began = time.monotonic()
        self._timeout = timeout
        self._seconds: dict[Phase, float] = {}
        self._told = told
        self._account: list[tuple[float, str]] = []

    @property
    def remaining(self) -> float:
        """Seconds until the deadline, never below zero."""
        return max(0.0, self._began + self._timeout - time.monotonic())

    def enter(self, phase: Phase) -> None:
        """The phase so far ends here and the next begins."""
        now = time.monotonic()
        self._seconds[self.phase] = self._seconds.get(self.phase, 0.0) + now - self._phase_began
        self.phase, self._phase_began = phase, now

    def tell(self, words: str, *values: object) -> None:
        """A line of the account, with %-values; costs next to nothing when nobody asked for it."""
        if self._told:
            self._account.append((time.monotonic() - self._began, words % values))

    def saw_certificate(self, begins_at: datetime, expires_at: datetime) -> None:
        """The dates of the certificate that the peer showed."""
        self.certificate_begins_at, self.certificate_expires_at = begins_at, expires_at

    def result(self, reason: Reason | None = None, detail: str = "") -> ProbeResult:
        """The probe is over."""
        self.tell("works" if reason is None else f"fails: {reason}: %s", *([] if reason is None else [detail]))
        self.enter(self.phase)
        return ProbeResult(
            dict(self._seconds),
            reason,
            detail,
            self.certificate_expires_at,
            self.certificate_begins_at,
            tuple(self._account),
        )
