"""A delivery's body as notifications; what cannot be understood is set aside, alert by alert (semantics 5).

Lenient with what is theirs: the payload gains fields, older senders omit some. Times are cut to the microsecond.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from groundwork.direction_marks import without_marks
from incident_store.domain.episodes import Notification
from incident_store.quarantine import Rejected

LONGEST_IDENTIFIER = 256
IDENTIFYING = ("alertname", "component", "operator", "file_type", "service", "owner", "severity")
PLAUSIBLE_YEARS = range(2000, 2100)
WATCHDOG = "Watchdog"
MOST_ENTRIES = 100
"""Bad alerts of one body that go to quarantine each by itself."""
MOST_TRUNCATED = 10**9
FINGERPRINT = re.compile(r"[0-9A-Za-z_-]+")


class Reason(StrEnum):
    """Why something went to quarantine."""

    NOT_JSON = "not-json"
    NOT_A_DELIVERY = "not-a-delivery"
    BAD_ALERT = "bad-alert"
    MANY_BAD_ALERTS = "many-bad-alerts"


class Alert(BaseModel):
    """One alert of a delivery, as Alertmanager writes it; `endsAt` of year 1 means that there is none."""

    model_config = ConfigDict(extra="ignore", strict=True)

    status: Literal["firing", "resolved"]
    labels: dict[str, str] = Field(min_length=1)
    annotations: dict[str, str] | None = None
    starts_at: datetime = Field(alias="startsAt", strict=False)
    ends_at: datetime | None = Field(alias="endsAt", default=None, strict=False)
    fingerprint: str | None = Field(default=None, max_length=64)

    @field_validator("labels", "annotations")
    @classmethod
    def _storable(cls, words: dict[str, str] | None) -> dict[str, str] | None:
        text = "".join([*words, *words.values()]) if words else ""
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ValueError("holds half a surrogate pair, which is no character") from error
        if "\0" in text:
            raise ValueError("holds a NUL character")
        if words is None or text.isascii():
            return words
        return {without_marks(name): without_marks(value) for name, value in words.items()}

    @field_validator("fingerprint")
    @classmethod
    def _plain(cls, fingerprint: str | None) -> str | None:
        if fingerprint is not None and not FINGERPRINT.fullmatch(fingerprint):
            raise ValueError("is not made of letters and digits")
        return fingerprint

    @field_validator("labels")
    @classmethod
    def _short_identifiers(cls, labels: dict[str, str]) -> dict[str, str]:
        for name in IDENTIFYING:
            if len(labels.get(name, "")) > LONGEST_IDENTIFIER:
                raise ValueError(f"label {name!r} is longer than {LONGEST_IDENTIFIER} characters")
        return labels

    @field_validator("starts_at")
    @classmethod
    def _plausible(cls, moment: datetime) -> datetime:
        if moment.tzinfo is None or moment.year not in PLAUSIBLE_YEARS:
            raise ValueError("is no time with a zone between 2000 and 2100")
        return moment.astimezone(UTC)

    def notification(self) -> Notification:
        """What this alert says, for the domain; raises ValueError for a resolved without a usable end."""
        return Notification(
            fingerprint=self.fingerprint or fingerprint(self.labels),
            starts_at=self.starts_at,
            ends_at=self._end() if self.status == "resolved" else None,
            labels=self.labels,
            annotations=self.annotations or {},
        )

    def _end(self) -> datetime:
        if self.ends_at is None:
            raise ValueError("a resolved alert has no endsAt")
        return self._plausible(self.ends_at)


@dataclass
class Delivery:
    """What a body amounts to. `watchdog` is set when the dead-man's switch was among the alerts."""

    notifications: list[Notification] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    truncated: int = 0
    watchdog: bool = False


def read_delivery(body: bytes) -> Delivery:
    """Everything that can be understood of a body; never raises, whatever the bytes are."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        return Delivery(rejected=[Rejected(Reason.NOT_JSON.value, f"the body is not JSON: {error}", body)])
    alerts = payload.get("alerts") if isinstance(payload, dict) else None
    if not isinstance(alerts, list):
        detail = "the body has no list of alerts: it does not come from Alertmanager"
        return Delivery(rejected=[Rejected(Reason.NOT_A_DELIVERY.value, detail, body)])
    delivery = Delivery(truncated=_count(payload.get("truncatedAlerts")))
    alerts.reverse()
    while alerts:  # a long body is not held twice
        _read_alert(alerts.pop(), delivery)
    delivery.rejected = _few(delivery.rejected)
    return delivery


def _few(rejected: list[Rejected]) -> list[Rejected]:
    """Not more entries than a person would look at: what exceeds them is one entry, a list of the alerts."""
    rest = rejected[MOST_ENTRIES:]
    if not rest:
        return rejected
    detail = f"{len(rest)} more alerts of the same body; the first: {rest[0].detail}"
    body = b"[" + b",".join(entry.body for entry in rest) + b"]"
    return [*rejected[:MOST_ENTRIES], Rejected(Reason.MANY_BAD_ALERTS.value, detail, body)]


def _read_alert(entry: Any, delivery: Delivery) -> None:
    try:
        alert = Alert.model_validate(entry)
        if alert.labels.get("alertname") == WATCHDOG:
            delivery.watchdog = delivery.watchdog or alert.status == "firing"
        else:
            delivery.notifications.append(alert.notification())
    except ValidationError as error:
        detail = "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors())
        delivery.rejected.append(Rejected(Reason.BAD_ALERT.value, detail, json.dumps(entry).encode()))
    except ValueError as error:
        delivery.rejected.append(Rejected(Reason.BAD_ALERT.value, str(error), json.dumps(entry).encode()))


def _count(value: Any) -> int:
    known = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return min(value, MOST_TRUNCATED) if known else 0


def fingerprint(labels: Mapping[str, str]) -> str:
    """The fingerprint that Alertmanager gives these labels: 64-bit FNV-1a over the sorted names and values."""
    digest = 0xCBF29CE484222325
    for name in sorted(labels):
        for byte in b"".join((name.encode(), b"\xff", labels[name].encode(), b"\xff")):
            digest = ((digest ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{digest:016x}"
