"""The evidence of an opening as a document: what the metrics said of the minute at which an incident opened."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from incident_store.domain.attribution import Condition, Seen

BEFORE = timedelta(minutes=30)
"""How much of the component's past belongs to the evidence."""
STEP = timedelta(seconds=15)
"""How far apart its states are looked at: a change shows at the first look after it."""


class Part(BaseModel):
    """A piece of the document; what a later version adds is passed over."""

    model_config = ConfigDict(frozen=True)


class StateStretch(Part):
    """From when until when the component stood so: up, down, unknown, or unseen (no samples at all)."""

    start: datetime
    end: datetime
    state: str


class Latency(Part):
    """The longest probe of the minute that ends at `at`, in seconds."""

    at: datetime
    seconds: float


class Failure(Part):
    """How often probes failed for this reason in the 30 minutes. Documents of before may hold a fraction:
    what Prometheus had extrapolated."""

    reason: str
    times: float


class ComponentSeen(Part):
    """Another component, or the same, at the minute."""

    component: str
    service: str
    owner: str
    link: str
    state: Condition


class LoadSeen(Part):
    """A daily file that was not processed at the minute."""

    operator: str
    file_type: str
    state: str


class RuleValue(Part):
    """One series of the rule's expression at the moment of the opening."""

    labels: dict[str, str]
    value: float | None


class Rule(Part):
    """The rule that fired, as Prometheus holds it, and what its expression gave then."""

    name: str
    group: str
    expression: str
    for_seconds: float
    values: tuple[RuleValue, ...]


class Alert(Part):
    """The alert that opened the incident."""

    started_at: datetime
    labels: dict[str, str]
    annotations: dict[str, str]


class Lack(StrEnum):
    """Why a part could not be had."""

    NO_SAMPLES = "no_samples"
    NO_RULE = "no_rule"
    NO_ALERT = "no_alert"
    REFUSED = "refused"
    NOT_UNDERSTOOD = "not_understood"
    AWAY = "away"


class Missing(Part):
    """A part that could not be had, and why; `detail` is Prometheus's own word, or ours to an engineer."""

    part: str
    why: Lack
    detail: str = ""


class Snapshot(Part):
    """All of it. A part is None when it could not be had; `missing` then says why. `left_out` counts what was too much.

    `moment` is the opening; components and files are seen over the minute around it, from 30 s before to 30 s after.
    """

    version: int = 1
    incident: int
    component: str
    moment: datetime
    taken_at: datetime
    alert: Alert | None = None
    states: tuple[StateStretch, ...] | None = None
    latency: tuple[Latency, ...] | None = None
    failures: tuple[Failure, ...] | None = None
    around: tuple[ComponentSeen, ...] | None = None
    monitor_blind: bool | None = None
    loads: tuple[LoadSeen, ...] | None = None
    rules: tuple[Rule, ...] | None = None
    missing: tuple[Missing, ...] = ()
    left_out: dict[str, int] = Field(default_factory=dict)

    def canonical(self) -> bytes:
        """The document as bytes, the same for the same content: sorted keys, no spaces, UTF-8."""
        return json.dumps(
            self.model_dump(mode="json"), ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
        ).encode("utf-8", "replace")

    def seen(self) -> Sequence[Seen]:
        """The components around, as attribution reads them."""
        return [Seen(one.component, one.owner, one.link, one.state) for one in self.around or ()]
