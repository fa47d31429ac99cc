"""`/owed?from=…&to=…`: the loads that an outage left unprocessed, for whoever keeps the regularisations."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, jsonify, request

from exporters.file_loads.owed import LONGEST_OUTAGE, Outage, OwedLoad
from exporters.refreshing import SourceError

Read = Callable[[Outage], list[OwedLoad]]
"""Gives the loads that an outage left unprocessed; raises SourceError."""


def add_owed_page(app: Flask, read: Read) -> None:
    """Answers 400 for times that are none, 503 while the load log cannot be read."""

    @app.get("/owed")
    def owed() -> tuple[Response, int]:
        outage = _outage(request.args.get("from", ""), request.args.get("to", ""))
        if isinstance(outage, str):
            return jsonify(error=outage), 400
        try:
            loads = read(outage)
        except SourceError as error:
            return jsonify(error=str(error)), 503
        return jsonify(loads=[_json(load) for load in loads]), 200


def _outage(start: str, end: str) -> Outage | str:
    """The outage asked about, or what is wrong with the question."""
    try:
        first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
    except ValueError:
        return "write /owed?from=2026-10-05T10:00:00Z&to=2026-10-05T12:00:00Z"
    if first.tzinfo is None or last.tzinfo is None:
        return "both times need their offset, such as Z or -05:00"
    if not first < last <= first + LONGEST_OUTAGE:
        return f"the outage ends after it begins, within {LONGEST_OUTAGE.days} days"
    try:
        return Outage(first.astimezone(UTC), last.astimezone(UTC))
    except OverflowError:
        return "the times lie outside the years that can be reckoned with"


def _json(load: OwedLoad) -> dict[str, Any]:
    return {
        "operator": load.operator,
        "file_type": load.file_type,
        "data_day": load.data_day.isoformat(),
        "deadline_at": load.deadline_at.astimezone(UTC).isoformat(),
        "state": load.state.value,
        "owed": load.owed,
        "processed_at": load.processed_at and load.processed_at.astimezone(UTC).isoformat(),
    }
