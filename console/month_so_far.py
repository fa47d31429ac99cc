"""The month until now, out of the monthly report's own document: the page and the report say the same."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from console.board import Month, MonthSoFar, minutes_left

ReadReport = Callable[[datetime], Mapping[str, Any]]
"""Gives the report's document of the month until a moment; it takes seconds."""


def read_month(document: Mapping[str, Any]) -> Month:
    """The month of every service and component of a report (docs/schemas/monthly-report.json)."""
    minutes = document["minutes"]
    return Month(
        as_of=document["as_of"],
        services={one["name"]: _so_far(one["figures"], minutes) for one in document["services"]},
        components={one["name"]: _so_far(one["figures"], minutes) for one in document["components"]},
        needed={one["name"]: one["needed"] for one in document["services"]},
    )


def _so_far(figures: Mapping[str, Any], minutes: int) -> MonthSoFar:
    gross, contractual = figures["gross"], figures["contractual"]
    counted = minutes - figures["minutes"]["maintenance"] - figures["excluded"]
    return MonthSoFar(
        gross=gross["percent"],
        contractual=contractual["percent"],
        coverage=gross["coverage_percent"],
        target=figures["target_percent"],
        contractual_target=figures["target_is_contractual"],
        left=minutes_left(counted, contractual["down"], figures["target_percent"]),
    )
