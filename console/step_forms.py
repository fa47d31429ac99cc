"""The form of each step: its fields follow from what the step must say and from the incident as it stands."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wtforms import Field, Form, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional, Regexp

from console.api.values import LINE, TEXT
from console.moments import MomentField, written
from incident_store.domain.corrections import open_corrections
from incident_store.domain.incidents import Event, Incident, Kind, corrected, fold
from incident_store.domain.lifecycle import CORRECTIONS, NOT_BEFORE, EventKind
from incident_store.domain.policies import Responsible, Severity
from incident_store.domain.refusals import Step
from incident_store.domain.step_details import Unavailability, decidable
from incident_store.words import EVENTS, RESPONSIBLES, lima

LONGEST_LINE, LONGEST_TEXT = 200, 10_000
MISSING = "Complete este campo."
NOW = "Hora de Lima. Vacío: ahora."


@dataclass(frozen=True)
class Standing:
    """The incident that a form is about, as the person sees it."""

    events: Sequence[Event]
    kind: Kind

    @property
    def incident(self) -> Incident:
        """What its events amount to."""
        return fold(self.events)


class StepForm(Form):  # type: ignore[misc]
    """What all steps share. Fields other than `at` are the step's details."""

    def details(self) -> dict[str, str]:
        """What was said with the step, without what was left empty."""
        said = {field.short_name: _said(field) for field in self if field.short_name != "at"}
        return {name: text for name, text in said.items() if text}

    def step(self, kind: EventKind, now: datetime) -> Step:
        """The step that was written."""
        at = self._fields.get("at")
        return Step(kind, (at.moment if at else None) or now, self.details())


def step_form(kind: EventKind, standing: Standing, given: Any = None) -> StepForm:
    """The form of a step, filled with what was given; its fields carry the step's name as prefix."""
    fields = dict(FIELDS.get(kind, _only_when)(standing))
    made: StepForm = type("StepForm", (StepForm,), fields)(given, prefix=f"{kind.value}-")
    return made


def order_broken(kind: EventKind, at: datetime, events: Sequence[Event]) -> str | None:
    """Which recorded times the step's own time contradicts, in words."""
    earlier = [one for one in corrected(events) if one.kind in NOT_BEFORE.get(kind, ()) and one.at > at]
    told = ", ".join(f"{EVENTS[one.kind]} ({lima(one.at)})" for one in earlier)
    return f"No puede ser anterior a: {told}." if told else None


def text_field(label: str, *, required: bool = True, rows: int = 3, hint: str = "", most: int = LONGEST_TEXT) -> Field:
    """Several lines."""
    checks = [DataRequired(MISSING) if required else Optional(), _longest(most), _written(TEXT)]
    return TextAreaField(label, checks, filters=[_tidy], description=hint, render_kw={"rows": rows})


def line_field(label: str, *, required: bool = True, hint: str = "", most: int = LONGEST_LINE) -> Field:
    """One line."""
    checks = [DataRequired(MISSING) if required else Optional(), _longest(most), _written(LINE)]
    return StringField(label, checks, filters=[_tidy], description=hint)


def _longest(most: int) -> Length:
    return Length(max=most, message=f"Como máximo {most:,} caracteres.".replace(",", " "))


def _written(pattern: str) -> Regexp:
    return Regexp(re.compile(pattern), message="Contiene caracteres de control o de dirección; escríbalo sin ellos.")


def _tidy(text: str | None) -> str | None:
    return None if text is None else text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _said(field: Field) -> str:
    if isinstance(field, MomentField):
        return field.moment.isoformat() if field.moment else ""
    return str(field.data or "")


Fields = Iterator[tuple[str, Field]]


def _at(default: datetime | None = None, *, required: bool = False) -> tuple[str, Field]:
    check = InputRequired(MISSING) if required else Optional()
    hint = "Hora de Lima." if required else NOW
    shown = written(default) if default else None
    return "at", MomentField("Cuándo ocurrió", [check], description=hint, default=shown)


def _only_when(_standing: Standing) -> Fields:
    yield _at()


def _reason(label: str = "Motivo") -> Callable[[Standing], Fields]:
    def fields(_standing: Standing) -> Fields:
        yield "reason", text_field(label)
        yield _at()

    return fields


def responsible_field(default: Responsible) -> Field:
    """Whose fault it is."""
    choices = [SelectChoice(one.value, RESPONSIBLES[one]) for one in Responsible]
    return RadioField("Responsable", [InputRequired("Elija un responsable.")], choices=choices, default=default.value)


def severity_field(default: Severity) -> Field:
    """How grave it is."""
    choices = [SelectChoice(one.value, one.value.capitalize()) for one in Severity]
    return RadioField("Criticidad", [InputRequired("Elija una criticidad.")], choices=choices, default=default.value)


def _diagnosed(standing: Standing) -> Fields:
    incident = standing.incident
    yield "responsible", responsible_field(incident.responsible)
    yield "severity", severity_field(incident.severity)
    yield "cause", text_field("Causa", hint="Qué falló y cómo se comprobó.")
    yield _at()


def _validated(_standing: Standing) -> Fields:
    yield "from", MomentField("Responsable desde", [Optional()], description="Vacío: desde el inicio.")
    yield _at()


def _dispatched(_standing: Standing) -> Fields:
    yield "to", line_field("Derivada a", hint="Empresa o área, como INETUM, OTI o CLARO.")
    yield _at()


def _answered(_standing: Standing) -> Fields:
    yield "text", text_field("Qué respondió", required=False)
    yield _at()


def _restored(standing: Standing) -> Fields:
    yield "tests", text_field("Pruebas de confirmación", hint="Consultas y reenvíos que se hicieron, y su resultado.")
    yield _despite_alerts()
    yield _at(standing.incident.proposed_restoration)


def _despite_alerts() -> tuple[str, Field]:
    hint = "Solo si una alerta sigue activa o terminó después: por qué se da por restablecido."
    return "reason", text_field("Motivo", required=False, rows=2, hint=hint)


def _closed(standing: Standing) -> Fields:
    if standing.kind is Kind.QUESTION:
        yield "text", text_field("Respuesta", required=False)
    else:
        choices = [
            SelectChoice(Unavailability.CONFIRMED.value, "Sí: los pendientes reciben un plazo de regularización"),
            SelectChoice(Unavailability.NONE.value, "No hubo indisponibilidad"),
        ]
        yield (
            "unavailability",
            RadioField("¿Se confirma la indisponibilidad?", [InputRequired(MISSING)], choices=choices),
        )
        yield _despite_alerts()
    yield _at()


def _announced(_standing: Standing) -> Fields:
    yield "text", text_field("A quiénes y cómo", required=False)
    yield _at()


def _correction_proposed(standing: Standing) -> Fields:
    choices = [
        SelectChoice(str(place), f"{place}. {EVENTS[event.kind]} ({lima(event.at)})")
        for place, event in enumerate(standing.events, 1)
        if event.kind not in CORRECTIONS
    ]
    yield "event", SelectField("Hecho", [InputRequired(MISSING)], choices=choices)
    yield _at(required=True)
    yield "reason", text_field("Motivo")


def _corrected(standing: Standing) -> Fields:
    choices = []
    for place, proposed in open_corrections(standing.events).items():
        number = int(proposed.details["event"])
        change = f"{EVENTS[standing.events[number - 1].kind]}: {lima(proposed.at)}"
        choices.append(SelectChoice(str(place), f"{number}. {change}, de {proposed.author}"))
    yield "proposal", SelectField("Propuesta", [InputRequired(MISSING)], choices=choices)


def _noted(_standing: Standing) -> Fields:
    yield "text", text_field("Nota")


def _exclusion_proposed(standing: Standing) -> Fields:
    times = standing.incident.times
    began = times.get(EventKind.FAULT_BEGAN, times[EventKind.DETECTED])
    ended = times.get(EventKind.RESTORED)
    yield "from", MomentField("Desde", [InputRequired(MISSING)], default=written(began), description="Hora de Lima.")
    shown = written(ended) if ended else None
    yield "until", MomentField("Hasta", [InputRequired(MISSING)], default=shown, description="Hora de Lima.")
    yield "reason", text_field("Motivo")


def _exclusion_choice(kind: EventKind, standing: Standing) -> Field:
    found = decidable(standing.events, kind).items()
    choices = [
        SelectChoice(
            str(place),
            f"{lima(one.interval.start)} a {lima(one.interval.end)}, de {one.proposed_by}: {one.reason[:80]}",
        )
        for place, one in found
    ]
    return SelectField("Exclusión", [InputRequired(MISSING)], choices=choices)


def _exclusion_validated(standing: Standing) -> Fields:
    yield "event", _exclusion_choice(EventKind.EXCLUSION_VALIDATED, standing)


def _exclusion_rejected(standing: Standing) -> Fields:
    yield "event", _exclusion_choice(EventKind.EXCLUSION_REJECTED, standing)
    yield "reason", text_field("Motivo")


FIELDS: Mapping[EventKind, Callable[[Standing], Fields]] = {
    EventKind.DIAGNOSED: _diagnosed,
    EventKind.VALIDATED: _validated,
    EventKind.DISPATCHED: _dispatched,
    EventKind.RESPONSIBLE_ANSWERED: _answered,
    EventKind.WAITING_BEGAN: _reason(),
    EventKind.RESTORED: _restored,
    EventKind.CLOSED: _closed,
    EventKind.ANNOUNCED: _announced,
    EventKind.DISCARDED: _reason(),
    EventKind.REOPENED: _reason(),
    EventKind.CORRECTION_PROPOSED: _correction_proposed,
    EventKind.CORRECTED: _corrected,
    EventKind.NOTED: _noted,
    EventKind.EXCLUSION_PROPOSED: _exclusion_proposed,
    EventKind.EXCLUSION_VALIDATED: _exclusion_validated,
    EventKind.EXCLUSION_REJECTED: _exclusion_rejected,
}
"""The fields of each step; one that is not here asks only when it happened."""
