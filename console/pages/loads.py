"""Cargas: the daily files of a data day, operator by type, and what is wrong with them."""

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, render_template, request
from flask_login import login_required

from console.api.loads import DayTold, InconsistencyTold, LoadsAway, LoadTold, read_day
from console.api.problems import Problem

load_pages = Blueprint("loads", __name__)

AWAY = "El exportador de cargas no responde o no puede leer el registro de cargas: el estado del día no se conoce."
NO_DAY = "No es un día que se pueda mostrar; elija otro."


@load_pages.get("/cargas")
@login_required  # type: ignore[untyped-decorator]
def loads() -> Any:
    """A data day: yesterday's in Lima, unless the address says another."""
    asked = request.args.get("dia", "")
    try:
        told = read_day(date.fromisoformat(asked) if asked else None)
    except (ValueError, Problem):
        return _page(None, asked, NO_DAY), 422
    except LoadsAway:
        return _page(None, asked, AWAY), 503
    return _page(told, told.day.isoformat(), None)


def _page(told: DayTold | None, asked: str, trouble: str | None) -> str:
    loads = told.loads if told else []
    return render_template(
        "loads.html",
        told=told,
        asked=asked,
        trouble=trouble,
        table=_table(loads),
        rejected=_rejected(told.inconsistencies if told else []),
        types=list(dict.fromkeys(load.file_type for load in loads)),
        days=(told.day - timedelta(days=1), told.day + timedelta(days=1)) if told else None,
        queued=[load for load in loads if load.state == "queued"],
    )


def _rejected(found: list[InconsistencyTold]) -> dict[tuple[str, str], list[str]]:
    """Why files of each operator and type were turned away or held, each reason once."""
    reasons: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for one in found:
        if one.kind in {"rejected", "held"} and one.reason:
            reasons[one.operator, one.file_type][one.reason] = None
    return defaultdict(list, {place: list(names) for place, names in reasons.items()})


def _table(loads: list[LoadTold]) -> dict[str, dict[str, LoadTold]]:
    table: dict[str, dict[str, LoadTold]] = {}
    for load in loads:
        table.setdefault(load.operator, {})[load.file_type] = load
    return table
