"""The report as a workbook: the *Matriz de control de SLAs* and every list behind the figures, whole.

Dates are real dates in Lima's time, spans and minutes are numbers. Text from outside is written as text, whatever it
looks like: no formula and no link comes of it. The same value gives the same bytes.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from typing import Any

import xlsxwriter

from reports import words
from reports.gathering import LIMA
from reports.method import method
from reports.monthly_report import (
    Clock,
    Compliance,
    Component,
    Exclusion,
    Figures,
    Filled,
    Incident,
    Maintenance,
    MonthlyReport,
    Outage,
    Regularisation,
    Service,
    Signature,
)

MOST_ROWS = 1_048_000
WIDEST = 60
PAPER_WIDTH = 220
"""Characters that fit side by side on a printed page and can still be read."""
SECONDS_OF_DAY = 86400

Cell = str | int | float | datetime | date | bool | None


@dataclass(frozen=True)
class Span:
    """Seconds, shown as hours and minutes."""

    seconds: float


@dataclass(frozen=True)
class Percent:
    """A percentage as the report cut it."""

    value: float | None


@dataclass(frozen=True)
class Sheet:
    """A sheet: its name, headings, rows and how many columns stay in sight."""

    name: str
    heads: Sequence[str]
    rows: Sequence[Sequence[Any]]
    fixed: int = 1


def as_xlsx(report: MonthlyReport, signature: Signature | None) -> bytes:
    """The workbook."""
    body = BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(body, {**options, "remove_timezone": False}) as book:
        created = (signature.signed_at if signature else report.as_of).replace(tzinfo=None, microsecond=0)
        book.set_properties({"title": f"Matriz de control de SLAs, {report.month}", "created": created})
        writer = _Writer(book)
        for sheet in _sheets(report, signature):
            writer.write(sheet)
    return body.getvalue()


def _sheets(report: MonthlyReport, signature: Signature | None) -> Iterable[Sheet]:
    yield Sheet("Resumen", ("Dato", "Valor"), _summary(report, signature))
    yield _matrix(report)
    yield Sheet("Cumplimiento", HEADS["compliance"], [_ending(one) for one in report.compliance], 2)
    yield Sheet("Servicios", (*HEADS["service"], *FIGURES), [_service(one) for one in report.services])
    yield Sheet("Componentes", (*HEADS["component"], *FIGURES), [_component(one) for one in report.components])
    yield Sheet("Disponibilidad por día", HEADS["day"], list(_days(report)), 3)
    yield Sheet("Interrupciones", HEADS["outage"], [_outage(one) for one in report.outages])
    yield Sheet("Minutos excluidos", HEADS["exclusion"], [_exclusion(one) for one in report.exclusions])
    yield Sheet("Mantenimientos", HEADS["maintenance"], [_maintenance(one) for one in report.maintenance])
    yield Sheet("Minutos completados", HEADS["filled"], [_filled(one) for one in report.filled])
    yield Sheet("Cargas", HEADS["load"], list(_loads(report)), 2)
    yield Sheet("Conteos de cargas", HEADS["count"], list(_counts(report)), 2)
    owed = [_regularisation(one) for one in report.regularisations]
    yield Sheet("Regularizaciones", HEADS["regularisation"], owed, 2)
    yield Sheet("Método", ("Concepto", "Regla"), method(report))


HEADS = {
    "compliance": ("Plazo", "Criticidad", "Cumplidos", "Vencidos", "En curso", "Sin plazo declarado"),
    "service": ("Servicio", "Necesita", "Componentes"),
    "component": ("Componente", "Servicio", "Responsable", "Tipo", "Declarado", "Conocido desde", "Conocido hasta"),
    "day": ("Clase", "Nombre", "Día", "Operativos", "Caídos", "Desconocidos", "Mantenimiento", "Caídos excluidos"),
    "outage": (
        *("Componente", "Servicio", "Desde", "Hasta", "Minutos", "En mantenimiento", "Excluidos"),
        *("Unidos por recaída", "Incidencia", "Responsable", "Validado", "Causa"),
    ),
    "exclusion": (
        *("Componente", "Desde", "Hasta", "Minutos caídos", "Incidencia", "Responsable", "Motivo", "Validó"),
    ),
    "maintenance": (
        *("Componente", "Desde", "Hasta", "Minutos", "Ventana", "Motivo", "Aprobó", "Motivo de aprobación tardía"),
    ),
    "filled": ("Componente", "Desde", "Hasta", "Minutos", "Estado"),
    "load": ("Operador", "Tipo", "Día de datos", "Estado"),
    "count": ("Operador", "Tipo", "Concepto", "Cantidad"),
    "regularisation": ("Operador", "Tipo", "Día", "Incidencia", "Plazo", "Regularizada", "Tardía"),
}

Row = tuple[Any, ...]


def _ending(one: Compliance) -> Row:
    counts = (one.met, one.breached, one.open, one.without_target)
    return (words.clock(one.clock), one.severity.capitalize(), *counts)


def _service(one: Service) -> Row:
    how = words.combination(one.combination, one.needed, len(one.components))
    return (one.name, how, ", ".join(one.components), *_figures(one.figures))


def _component(one: Component) -> Row:
    known = (one.known_from, one.known_until)
    return (one.name, one.service, one.owner, one.kind, one.declared, *known, *_figures(one.figures))


def _outage(one: Outage) -> Row:
    minutes = (one.minutes, one.maintenance, one.excluded, one.joined_before)
    whose = (words.responsible(one.responsible), one.validated) if one.incident else (None, None)
    return (one.component, one.service, one.starts_at, one.ends_at, *minutes, one.incident, *whose, one.cause)


def _exclusion(one: Exclusion) -> Row:
    whose = words.responsible(one.responsible)
    when = (one.starts_at, one.ends_at)
    return (one.component, *when, one.down, one.incident, whose, one.reason, one.approved_by)


def _maintenance(one: Maintenance) -> Row:
    when = (one.starts_at, one.ends_at, one.minutes)
    return (one.component, *when, one.window, one.reason, one.approved_by, one.approval_reason)


def _filled(one: Filled) -> Row:
    return (one.component, one.starts_at, one.ends_at, one.minutes, words.MINUTE_STATES[one.state])


def _loads(report: MonthlyReport) -> Iterable[Row]:
    for load in report.loads:
        for one in load.days:
            yield load.operator, load.file_type, one.day, words.word(words.LOAD_STATES, one.state)


def _counts(report: MonthlyReport) -> Iterable[Row]:
    for load in report.loads:
        for outcome, count in load.outcomes.items():
            yield load.operator, load.file_type, words.word(words.OUTCOMES, outcome), count
        for reason, count in load.rejections.items():
            yield load.operator, load.file_type, f"rechazo {reason}", count


def _regularisation(one: Regularisation) -> Row:
    when = (one.due_at, one.settled_at)
    return (one.operator, one.file_type, one.day, one.incident, *when, one.late)


def _summary(report: MonthlyReport, signature: Signature | None) -> list[tuple[str, Any]]:
    signed: list[tuple[str, Any]] = [("Firma", "sin firma")]
    if signature:
        signed = [
            ("Versión", signature.version),
            ("Firmado por", signature.signed_by),
            ("Firmado el", signature.signed_at),
            ("Motivo de la corrección", signature.reason or None),
            ("Huella de las cifras (SHA-256)", signature.figures),
        ]
    return [
        ("Mes", words.month_name(report.month)),
        ("Estado", words.STATUSES[report.status]),
        ("Desde", report.starts_at),
        ("Hasta", report.ends_at),
        ("Minutos del mes", report.minutes),
        ("Datos leídos el", report.as_of),
        *signed,
        *(
            (
                f"Veredicto de {one.name or '(sin servicio)'}",
                f"{words.VERDICTS[one.figures.verdict]}: {words.percent(one.figures.contractual.percent)}, meta "
                f"{words.target(one.figures.target_percent, contractual=one.figures.target_is_contractual)}",
            )
            for one in report.services
        ),
        *(("Nota", words.note_text(note)) for note in report.notes),
        ("Acuerdo vigente desde", report.inputs.policy_effective_from),
        ("Huella de sla.yml", report.inputs.policy),
        ("Huella de targets.yml", report.inputs.targets),
        ("Huella de los minutos", report.inputs.samples),
        ("Huella de las incidencias", report.inputs.incidents),
        ("Huella de los mantenimientos", report.inputs.maintenance),
        ("Huella de las cargas", report.inputs.loads),
    ]


CLOCKS = ("response", "resolution", "rca")
CLOCK_PARTS = (
    "meta", "horas que corren", "origen de la meta", "transcurrido", "en pausa", "restablecida antes de la recaída",
    "vence", "veredicto",
)  # fmt: skip


def _matrix(report: MonthlyReport) -> Sheet:
    heads = [
        "N°", "Componente", "Servicio", "Tipo", "Título", "Criticidad", "Responsable", "Validado", "Estado",
        "Viene de otro mes", "Recaídas", *words.TIMES.values(),
    ]  # fmt: skip
    for name in CLOCKS:
        heads += [f"{words.clock(name)}: {part}" for part in CLOCK_PARTS]
    heads += ["Pausas", "Causa", "Derivada a", "Pruebas de restablecimiento", "Minutos caídos en el mes"]
    return Sheet("Matriz de control de SLAs", heads, [_matrix_row(one) for one in report.incidents], 2)


def _matrix_row(one: Incident) -> list[Any]:
    clocks = {clock.name: clock for clock in one.clocks}
    row: list[Any] = [
        one.number, one.component, one.service, one.kind, one.title, one.severity.capitalize(),
        words.responsible(one.responsible), one.validated, words.state(one.state), one.carried_over, one.relapses,
        *(one.times.get(name) for name in words.TIMES),
    ]  # fmt: skip
    for name in CLOCKS:
        row += _clock(clocks.get(name), missing=name in one.without_target)
    pauses = {
        f"{words.local(pause.starts_at)} a {words.local(pause.ends_at)}: {pause.reason}"
        for clock in one.clocks
        for pause in clock.pauses
    }
    return [*row, "; ".join(sorted(pauses)) or None, one.cause, one.dispatched_to, one.tests, one.down_minutes]


def _clock(clock: Clock | None, *, missing: bool) -> list[Any]:
    if clock is None:
        return [*[None] * (len(CLOCK_PARTS) - 1), "sin plazo declarado" if missing else "no corre"]
    source = "contrato" if clock.contractual else words.DEFAULT
    hours = "hábiles" if clock.working_hours else "todas"
    spans = [Span(clock.elapsed_seconds), Span(clock.paused_seconds), Span(clock.restored_seconds)]
    return [Span(clock.target_seconds), hours, source, *spans, clock.due_at, words.clock_state(clock.state)]


FIGURES = (
    "Bruta %", "Bruta % si lo desconocido fue caída", "Bruta % si lo desconocido fue operativo", "Cobertura %",
    "Contractual %", "Contractual % si lo desconocido fue caída", "Contractual % si lo desconocido fue operativo",
    "Cobertura contractual %", "Meta %", "Origen de la meta", "Veredicto",
    "Minutos operativos", "Minutos caídos", "Minutos desconocidos", "Minutos de mantenimiento", "Aún no transcurridos",
    "Caídos excluidos", "Unidos por recaída", "Completados", "Interrupciones", "Interrupción más larga (min)",
)  # fmt: skip


def _figures(one: Figures) -> list[Any]:
    minutes, shares = one.minutes, (one.gross, one.contractual)
    percents = [
        Percent(value)
        for share in shares
        for value in (
            share.percent,
            share.percent_if_unknown_down,
            share.percent_if_unknown_up,
            share.coverage_percent,
        )
    ]
    source = "contrato" if one.target_is_contractual else words.DEFAULT
    return [
        *percents, Percent(one.target_percent), source, words.VERDICTS[one.verdict], minutes.up, minutes.down,
        minutes.unknown, minutes.maintenance, minutes.pending, one.excluded, one.joined, one.filled, one.outages,
        one.longest_outage,
    ]  # fmt: skip


def _days(report: MonthlyReport) -> Iterable[tuple[Any, ...]]:
    named = [("Servicio", one.name, one.figures) for one in report.services]
    named += [("Componente", one.name, one.figures) for one in report.components]
    for kind, name, figures in named:
        for one in figures.days:
            yield kind, name, one.day, one.up, one.down, one.unknown, one.maintenance, one.excluded


class _Writer:
    """Writes sheets of one book, every cell by its kind."""

    def __init__(self, book: xlsxwriter.Workbook) -> None:
        self._book = book
        self._head = book.add_format(
            {"bold": True, "font_color": "white", "bg_color": "#1B2A3A", "text_wrap": True, "valign": "top"}
        )
        self._formats = {
            datetime: book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss", "align": "left"}),
            date: book.add_format({"num_format": "dd/mm/yyyy", "align": "left"}),
            Span: book.add_format({"num_format": "[h]:mm:ss"}),
            Percent: book.add_format({"num_format": "0.0000"}),
            int: book.add_format({"num_format": "#,##0"}),
        }

    def write(self, sheet: Sheet) -> None:
        """One sheet with filters and the headings always in sight."""
        page = self._book.add_worksheet(sheet.name)
        page.freeze_panes(1, sheet.fixed)
        page.set_landscape()
        page.set_paper(9)  # A4
        page.repeat_rows(0)
        page.repeat_columns(0, max(sheet.fixed, 1) - 1)
        rows, whole_width = sheet.rows[:MOST_ROWS], 0
        for column, head in enumerate(sheet.heads):
            width = self._width(head, [row[column] for row in rows[:200]])
            page.write_string(0, column, head, self._head)
            page.set_column(column, column, width)
            whole_width += width
        page.fit_to_pages(math.ceil(whole_width / PAPER_WIDTH), 0)
        for number, row in enumerate(rows, 1):
            for column, cell in enumerate(row):
                self._cell(page, number, column, cell)
        page.autofilter(0, 0, max(len(rows), 1), len(sheet.heads) - 1)

    def _cell(self, page: Any, row: int, column: int, cell: Any) -> None:
        match cell:
            case None:
                return
            case bool():
                page.write_string(row, column, "sí" if cell else "no")
            case datetime():
                local = cell.astimezone(LIMA).replace(tzinfo=None)
                page.write_datetime(row, column, local, self._formats[datetime])
            case date():
                page.write_datetime(row, column, datetime(cell.year, cell.month, cell.day), self._formats[date])  # noqa: DTZ001
            case Span():
                page.write_number(row, column, cell.seconds / SECONDS_OF_DAY, self._formats[Span])
            case Percent():
                if cell.value is not None:
                    page.write_number(row, column, cell.value, self._formats[Percent])
            case int():
                page.write_number(row, column, cell, self._formats[int])
            case float():
                page.write_number(row, column, cell)
            case _:
                page.write_string(row, column, words.plain(str(cell)))

    @staticmethod
    def _width(head: str, cells: Iterable[Any]) -> int:
        lengths = (19 if isinstance(cell, datetime) else len(str(cell)) for cell in cells if cell is not None)
        longest = max(lengths, default=0)
        return min(WIDEST, max(11, longest + 2, min(len(head), 18)))
