"""The report as PDF: words and places for `templates/monthly.typ`, which sets them.

The same value gives the same bytes: the document's date is that of the signature, or of the figures.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import typst

from reports import words
from reports.method import method
from reports.monthly_report import Component, Day, Figures, MonthlyReport, Outage, Service, Share, Signature, Status

TEMPLATE = files("reports") / "templates" / "monthly.typ"
FONTS = str(files("fontpkg_source_sans_3") / "files")
MOST_ROWS = 300
"""Rows of a list on paper; the workbook has them all."""
MOST_NAMES = 60
LEVELS = (0, 1, 5, 15, 60, 240)
"""From how many minutes down on a day's field is darker."""

Row = list[str]


def as_pdf(report: MonthlyReport, signature: Signature | None) -> bytes:
    """The report in A4."""
    moment = signature.signed_at if signature else report.as_of
    shown = json.dumps(page_of(report, signature), ensure_ascii=False)
    made = typst.compile(
        TEMPLATE.read_bytes(),
        format="pdf",
        font_paths=typst.Fonts(include_system_fonts=False, font_paths=[FONTS]),
        sys_inputs={"report": shown, "moment": moment.strftime("%Y,%m,%d,%H,%M,%S")},
    )
    return bytes(made)


def page_of(report: MonthlyReport, signature: Signature | None) -> dict[str, Any]:
    """The words and figures of the report by place, as text; `docs/schemas` promises nothing about them."""
    cut = {
        "outages": _longest(_outages(report)),
        "incidents": _longest(_incidents(report)),
        "maintenance": _longest(_maintenance(report)),
        "exclusions": _longest(_exclusions(report)),
        "filled": _longest(_filled(report)),
        "regularisations": _longest(_regularisations(report)),
    }
    return {
        "title": "Informe mensual de disponibilidad",
        "month": words.month_name(report.month),
        "status": words.STATUSES[report.status] if report.status is not Status.FINAL or signature else "borrador",
        "final": report.status == "final",
        "signature": _signature(report, signature),
        "signed": signature is not None,
        "period": f"{words.local(report.starts_at)} a {words.local(report.ends_at)}, hora de Lima "
        f"({words.whole(report.minutes)} minutos); datos leídos el {words.local(report.as_of)}",
        "notes": [words.note_text(note) for note in report.notes[:MOST_ROWS]],
        "verdicts": [_verdict(service) for service in report.services],
        "days": [str(one.day.day) for one in _days(report)],
        "heat": [
            *(_heat(service.name, service.figures.days, strong=True) for service in report.services),
            *(_heat(one.name, one.figures.days, strong=False) for one in report.components),
        ],
        "services": [_service(service) for service in report.services],
        "components": [_component(component) for component in report.components],
        "compliance": _compliance(report),
        "loads": _loads(report),
        "load_counts": _load_counts(report),
        "load_legend": _load_legend(report),
        "method": [[words.plain(head), text] for head, text in method(report)],
        "defaults": _defaults(report),
        "inputs": _inputs(report),
        **{name: rows for name, (rows, _) in cut.items()},
        "more": {name: more for name, (_, more) in cut.items()},
    }


def _longest(rows: Sequence[Row]) -> tuple[list[Row], int]:
    return list(rows[:MOST_ROWS]), max(0, len(rows) - MOST_ROWS)


def _signature(report: MonthlyReport, signature: Signature | None) -> str:
    if signature is None:
        return f"Borrador sin firma, para revisión ({words.STATUSES[report.status]})"
    reason = f"; corrige la anterior: {words.plain(signature.reason)}" if signature.reason else ""
    signed = f"firmada por {words.plain(signature.signed_by)} el {words.local(signature.signed_at)}"
    return f"Versión {signature.version}, {signed}{reason}"


def _verdict(service: Service) -> dict[str, str]:
    figures = service.figures
    return {
        "name": words.plain(service.name) or "(sin servicio)",
        "verdict": words.VERDICTS[figures.verdict],
        "kind": figures.verdict.value,
        "contractual": words.percent(figures.contractual.percent),
        "target": words.target(figures.target_percent, contractual=figures.target_is_contractual),
        "gross": words.percent(figures.gross.percent),
        "coverage": words.percent(figures.gross.coverage_percent),
        "range": f"{words.percent(figures.contractual.percent_if_unknown_down)} a "
        f"{words.percent(figures.contractual.percent_if_unknown_up)}",
        "down": words.whole(figures.contractual.down),
        "unknown": words.whole(figures.contractual.unknown),
    }


def _named(report: MonthlyReport) -> list[tuple[str, Figures]]:
    """Services and components by name."""
    services = [(words.plain(one.name), one.figures) for one in report.services]
    return services + [(words.plain(one.name), one.figures) for one in report.components]


def _days(report: MonthlyReport) -> tuple[Day, ...]:
    return next((figures.days for _, figures in _named(report)), ())


def _heat(name: str, days: Sequence[Day], *, strong: bool) -> dict[str, Any]:
    return {"name": words.plain(name) or "—", "strong": strong, "days": [_field(one) for one in days]}


def _field(one: Day) -> dict[str, Any]:
    """A day's field: how dark, what stands in it, whether it is mostly unknown."""
    level = sum(one.down >= least for least in LEVELS[1:])
    total = one.up + one.down + one.unknown + one.maintenance
    return {"level": level, "text": str(one.down) if one.down else "", "blind": one.unknown * 2 > total > 0}


def _share(share: Share) -> Row:
    shares = (share.percent, share.percent_if_unknown_down, share.coverage_percent)
    return [words.percent(one).removesuffix(" %") for one in shares]


def _figures(figures: Figures) -> Row:
    minutes = figures.minutes
    counts = (minutes.up, minutes.down, minutes.unknown, minutes.maintenance, figures.excluded, figures.joined)
    return [*_share(figures.gross), *_share(figures.contractual), *(words.whole(one) for one in counts)]


def _service(service: Service) -> Row:
    how = words.combination(service.combination, service.needed, len(service.components))
    return [words.plain(service.name) or "—", how, *_figures(service.figures)]


def _component(component: Component) -> Row:
    return [words.plain(component.name), words.plain(component.service) or "—", *_figures(component.figures)]


def _outages(report: MonthlyReport) -> list[Row]:
    found = sorted(report.outages, key=lambda one: (-one.minutes, one.starts_at, one.component))
    return [
        [
            words.plain(one.component), words.local(one.starts_at)[:16], words.local(one.ends_at)[:16],
            words.whole(one.minutes), words.whole(one.maintenance + one.excluded), words.whole(one.joined_before),
            f"N° {one.incident}" if one.incident else "—",
            words.responsible(one.responsible) + ("" if one.validated else " (sin validar)") if one.incident else "—",
            words.plain(one.cause) or _without_cause(one),
        ]
        for one in found
    ]  # fmt: skip


def _without_cause(one: Outage) -> str:
    if one.incident is not None:
        return "sin diagnóstico"
    return "mantenimiento aprobado" if one.maintenance == one.minutes else "sin incidencia registrada"


def _incidents(report: MonthlyReport) -> list[Row]:
    rows = []
    for one in report.incidents:
        clocks = {clock.name: clock for clock in one.clocks}
        cells = [
            f"{words.span(clocks[name].elapsed_seconds)} de {words.clock_target(clocks[name])}: "
            f"{words.clock_state(clocks[name].state)}"
            if name in clocks
            else ("sin plazo declarado" if name in one.without_target else "—")
            for name in ("response", "resolution", "rca")
        ]
        rows.append([
            str(one.number), words.plain(one.component), one.severity.capitalize(),
            words.responsible(one.responsible) + ("" if one.validated else " (sin validar)"),
            words.state(one.state), words.local(one.times.get("detected"))[:16],
            words.local(one.times.get("restored"))[:16] or "sin restablecer", *cells,
        ])  # fmt: skip
    return rows


def _maintenance(report: MonthlyReport) -> list[Row]:
    return [
        [
            words.plain(one.component), words.local(one.starts_at)[:16], words.local(one.ends_at)[:16],
            words.whole(one.minutes), f"N° {one.window}", words.plain(one.reason), words.plain(one.approved_by),
            words.plain(one.approval_reason) or "—",
        ]
        for one in report.maintenance
    ]  # fmt: skip


def _exclusions(report: MonthlyReport) -> list[Row]:
    return [
        [
            words.plain(one.component), words.local(one.starts_at)[:16], words.local(one.ends_at)[:16],
            words.whole(one.down), f"N° {one.incident}", words.responsible(one.responsible),
            words.plain(one.reason) or "—", words.plain(one.approved_by),
        ]
        for one in report.exclusions
    ]  # fmt: skip


def _filled(report: MonthlyReport) -> list[Row]:
    return [
        [
            words.plain(one.component), words.local(one.starts_at)[:16], words.local(one.ends_at)[:16],
            words.whole(one.minutes), words.MINUTE_STATES[one.state],
        ]
        for one in report.filled
    ]  # fmt: skip


def _regularisations(report: MonthlyReport) -> list[Row]:
    return [
        [
            words.plain(one.operator), words.plain(one.file_type), words.day(one.day), f"N° {one.incident}",
            words.local(one.due_at)[:16] or "—", words.local(one.settled_at)[:16] or "pendiente",
            "tardía" if one.late else "en plazo",
        ]
        for one in report.regularisations
    ]  # fmt: skip


def _compliance(report: MonthlyReport) -> list[Row]:
    return [
        [
            words.clock(one.clock), one.severity.capitalize(),
            *(words.whole(count) for count in (one.met, one.breached, one.open, one.without_target)),
        ]
        for one in report.compliance
    ]  # fmt: skip


def _loads(report: MonthlyReport) -> list[dict[str, Any]]:
    numbers = [one.day for one in _days(report)]
    found = []
    for load in report.loads:
        states = {one.day: one.state for one in load.days}
        signs = [words.LOAD_SIGNS.get(states[day], "?") if day in states else "" for day in numbers]
        found.append({"name": f"{words.plain(load.operator)} {words.plain(load.file_type)}", "days": signs})
    return found


def _load_counts(report: MonthlyReport) -> list[Row]:
    return [
        [
            f"{words.plain(load.operator)} {words.plain(load.file_type)}",
            *(words.whole(load.outcomes[name]) if name in load.outcomes else "—" for name in words.OUTCOMES),
            ", ".join(f"{words.plain(reason)}: {count}" for reason, count in load.rejections.items()) or "—",
        ]
        for load in report.loads
        if load.outcomes
    ]


def _load_legend(report: MonthlyReport) -> str:
    shown = {one.state for load in report.loads for one in load.days}
    return ", ".join(f"{words.LOAD_SIGNS[one]} {name}" for one, name in words.LOAD_STATES.items() if one in shown)


def _defaults(report: MonthlyReport) -> list[str]:
    """Which figures rest on something that no contract says."""
    names: dict[float, list[str]] = defaultdict(list)
    for name, figures in _named(report):
        if not figures.target_is_contractual and name not in names[figures.target_percent]:
            names[figures.target_percent].append(name)
    targets = [
        f"Meta de disponibilidad de {words.target(target, contractual=True)}: {', '.join(found[:MOST_NAMES])}"
        + ("…" if len(found) > MOST_NAMES else "")
        for target, found in sorted(names.items())
        if found
    ]
    clocks = {
        f"{words.clock(clock.name)}, criticidad {row.severity}: {words.clock_target(clock)}"
        for row in report.incidents
        for clock in row.clocks
        if not clock.contractual
    }
    return targets + sorted(clocks)


def _inputs(report: MonthlyReport) -> list[Row]:
    inputs = report.inputs
    return [
        ["Acuerdo de servicio (sla.yml), vigente desde", f"{words.day(inputs.policy_effective_from)}  {inputs.policy}"],
        ["Feriados", f"paquete holidays {inputs.holidays_package}"],
        ["Componentes (targets.yml)", inputs.targets],
        ["Minutos observados", inputs.samples],
        ["Incidencias", inputs.incidents],
        ["Mantenimientos", inputs.maintenance],
        ["Cargas", inputs.loads],
        ["Programa", f"renteseg-monitor {inputs.program}"],
    ]
