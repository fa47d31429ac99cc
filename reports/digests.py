"""What the figures rest on, as digests: whether a report can be made again the same, or which input changed."""

import hashlib
import json
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel

from reports.gathering import LIMA, Gathered
from reports.monthly_report import Inputs, MonthlyReport
from reports.reckoning import terms_of


def canonical(document: BaseModel | Any) -> bytes:
    """JSON with one spelling: keys sorted, no spaces, UTF-8."""
    plain = document.model_dump(mode="json") if isinstance(document, BaseModel) else document
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def digest(document: BaseModel | Any) -> str:
    """The SHA-256 (hex) of a document's canonical JSON."""
    return hashlib.sha256(canonical(document)).hexdigest()


def figures_digest(report: MonthlyReport) -> str:
    """The digest of a report, which a signature names."""
    return digest(report)


def inputs_of(gathered: Gathered) -> Inputs:
    """The digests of everything that was gathered, and the versions of what it was judged by."""
    samples = ([name, f"{one.up:x}", f"{one.down:x}"] for name, one in sorted(gathered.seen.items()))
    return Inputs(
        samples=_digest_of(samples),
        incidents=_digest_of(
            [record.number, record.component, len(record.events), [_event(one) for one in record.events]]
            for record in gathered.incidents
        ),
        maintenance=_digest_of(repr(window) for window in gathered.windows),
        loads=_digest_of(load.model_dump(mode="json") for load in gathered.loads),
        policy=hashlib.sha256(gathered.policy_text.encode()).hexdigest(),
        targets=hashlib.sha256(gathered.declared.text.encode()).hexdigest(),
        policy_effective_from=terms_of(gathered).effective_from.astimezone(LIMA).date(),
        holidays_package=version("holidays"),
        program=version("renteseg-monitor"),
    )


def _event(event: Any) -> list[Any]:
    return [event.kind.value, event.at.isoformat(), event.recorded_at.isoformat(), event.author, dict(event.details)]


def _digest_of(parts: Iterable[Any]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(canonical(part))
    return whole.hexdigest()
