"""What a clock says, in Spanish for people: its verdict, each stretch that counted or not, and why."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from incident_store.domain.incident_clocks import Clock, EarlierDue
from incident_store.words import CLOCK_STATES, CLOCKS, REASONS, RESPONSIBLES, lima

DEFAULT = "valor por defecto, no contractual"


def verdict(clock: Clock) -> str:
    """One clock in a line."""
    return ", ".join(standing_and_time(clock))


def standing_and_time(clock: Clock) -> tuple[str, str]:
    """How one clock stands and when it is due; what has passed of how much."""
    reading = clock.reading
    due = f"vence {lima(reading.due)}" if reading.due else f"sin hora de vencimiento, {_left(reading.remaining)}"
    source = "" if clock.target.contractual else f" ({DEFAULT})"
    times = f"transcurrido {span(reading.elapsed)} de {span(clock.target.target)}"
    return f"{CLOCKS[clock.name]}: {CLOCK_STATES[reading.state]}, {due}", f"{times}{source}"


def explanation(clock: Clock, earlier: Sequence[EarlierDue]) -> Iterator[str]:
    """The stretches of a clock, whose time it was, and when it was due before it was judged anew (semantics 16, 19)."""
    for stretch in clock.reading.explanation:
        start, end = stretch.interval.start, stretch.interval.end
        counts = "cuenta" if stretch.counts else f"no cuenta: {REASONS.get(stretch.reason, stretch.reason)}"
        yield f"{lima(start)} → {lima(end)}  {span(end - start):>17}  {counts}"
    shares = [f"{RESPONSIBLES[who]} {span(share)}" for who, share in clock.by_responsible.items()]
    if shares:
        yield f"tiempo por responsable: {', '.join(shares)}"
    for one in earlier:
        if one.clock is clock.name:
            judged = f"{one.severity.value.capitalize()}, {RESPONSIBLES[one.responsible]}"
            yield f"antes vencía {lima(one.due)} ({judged}), hasta el cambio registrado {lima(one.until)}"


def span(length: timedelta) -> str:
    """A length of whole seconds as `4 h 05 min 30 s`."""
    minutes, rest = divmod(int(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min {rest:02} s" if hours else f"{minutes} min {rest:02} s"


def _left(remaining: timedelta) -> str:
    return f"quedan {span(remaining)}" if remaining >= timedelta() else f"pasado por {span(-remaining)}"
