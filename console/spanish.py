"""The Spanish words and the times of Lima that templates use."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Flask
from flask_login import current_user

from incident_store.words import CLOCK_STATES, CLOCKS, EVENTS, RESPONSIBLES, STATES, details_in_words

LIMA = ZoneInfo("America/Lima")


def prepare_words(app: Flask) -> None:
    """Filters and words of the templates."""
    app.jinja_env.filters.update(
        lima=lima, span=span, in_words=details_in_words, utc=lambda moment: moment.astimezone(UTC).isoformat()
    )
    app.jinja_env.globals.update(
        CLOCKS=CLOCKS,
        CLOCK_STATES=CLOCK_STATES,
        EVENTS=EVENTS,
        RESPONSIBLES=RESPONSIBLES,
        STATES=STATES,
        person=current_user,
    )


def lima(moment: datetime) -> str:
    """A time as people in Lima write it, to the second."""
    return moment.astimezone(LIMA).strftime("%d/%m/%Y %H:%M:%S")


def span(length: timedelta) -> str:
    """A length without its sign, as `4 h 05 min` or `5 min 30 s`, that is not broken over two lines."""
    minutes, seconds = divmod(abs(int(length.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    words = f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"
    return words.replace(" ", "\u00a0")
