"""`/loads?day=…`: a data day as the report tells it, for the console, which may not read the load log."""

from collections.abc import Callable
from datetime import date

from flask import Flask, Response, jsonify, request

from exporters.file_loads.day_report import DayReport
from exporters.file_loads.rendering import day_json
from exporters.refreshing import SourceError

Read = Callable[[date | None], DayReport]
"""Gives the report of a data day, the current one for None; raises SourceError."""

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)


def add_day_page(app: Flask, read: Read) -> None:
    """Answers 400 for what is no day, 503 while the load log cannot be read."""

    @app.get("/loads")
    def loads() -> tuple[Response, int]:
        asked = request.args.get("day")
        try:
            day = None if asked is None else date.fromisoformat(asked)
        except ValueError:
            return jsonify(error="write /loads?day=2026-10-05"), 400
        if day is not None and not FIRST_DAY <= day <= LAST_DAY:
            return jsonify(error=f"the day lies between {FIRST_DAY} and {LAST_DAY}"), 400
        try:
            return jsonify(day_json(read(day))), 200
        except SourceError as error:
            return jsonify(error=str(error)), 503
