"""What the pages ask of the month's reports; `renteseg console` hands in what answers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Engine

from incident_store.domain.months import Month
from incident_store.domain.steps import Actor


class Signature(Protocol):
    """Who signed which version of a month, when and why."""

    @property
    def version(self) -> int: ...
    @property
    def signed_by(self) -> str: ...
    @property
    def signed_at(self) -> datetime: ...
    @property
    def reason(self) -> str: ...


class MonthReports(Protocol):
    """Signed months as kept, and drafts, which take seconds to reckon: None stands for one that is not ready."""

    @property
    def forms(self) -> Sequence[str]:
        """The kinds of file, by the ending of their names."""

    def signed(self, connection: Connection) -> Sequence[tuple[str, Signature]]:
        """Every signed version with its month."""

    def signed_page(self, connection: Connection, month: Month, version: int | None) -> Mapping[str, Any] | None:
        """Words and figures of a signed version, the last for None."""

    def draft_page(self, connection: Connection, month: Month, now: datetime) -> Mapping[str, Any] | None:
        """The same of the month as it would be signed now, with its `mark` and its `changes` since it was signed."""

    def signed_file(self, connection: Connection, month: Month, version: int, form: str) -> tuple[str, bytes] | None:
        """Name and bytes of a file as it was signed."""

    def draft_file(self, month: Month, form: str, now: datetime) -> tuple[str, bytes] | None:
        """Name and bytes of a file of the draft."""

    def sign(self, engine: Engine, month: Month, actor: Actor, now: datetime, reason: str, mark: str) -> int:
        """Freeze the figures that bear this mark; returns the version. Raises SigningRefused."""

    def send(self, connection: Connection, month: Month, actor: Actor, note: str, now: datetime) -> int:
        """Write the notice to the committee with the signed files; returns its number. Raises Refused."""
