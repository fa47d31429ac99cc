"""What every panel is made of: queries, thresholds, words for values, columns; and the variables to choose by."""

from collections.abc import Mapping
from typing import Any, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = model.DataSourceRef("prometheus", "${fuente}")
NO_VALUE = "sin datos"
MONTH = "now/M"  # from the month's first minute in the dashboard's own time zone, America/Lima

RED, ORANGE, YELLOW, GREEN, BLUE, GREY = "red", "orange", "yellow", "green", "blue", "#808080"

Panel = TypeVar("Panel", bound=Any)

COMPONENT_STATES = {1: ("Operativo", GREEN), 0: ("Caído", RED), -1: ("Sin datos", GREY)}
PARTIES = {"A": "A: operador", "B": "B: proveedor", "C": "C: OTI", "nobody": "por determinar"}


def queries(*exprs: str | tuple[str, str], instant: bool = False) -> list[Any]:
    """One target for each expression, or for each (expression, legend); instant ones come as a table."""
    targets = []
    for letter, entry in zip("ABCDEFGH", exprs, strict=False):
        expr, legend = entry if isinstance(entry, tuple) else (entry, "")
        target = prometheus.Dataquery().ref_id(letter).datasource(SOURCE).expr(expr).legend_format(legend or "__auto")
        targets.append(target.instant().format(PromQueryFormat.TABLE) if instant else target.range())
    return targets


def now(*exprs: str | tuple[str, str]) -> list[Any]:
    """Targets that ask for the present value alone, kept as series so that their legends hold."""
    return [target.instant().format(PromQueryFormat.TIME_SERIES) for target in queries(*exprs)]


def described(panel: Panel, title: str, description: str, *, unit: str, width: int, height: int) -> Panel:
    """What no panel goes without."""
    panel.title(title).description(description).unit(unit).no_value(NO_VALUE).datasource(SOURCE)
    panel.span(width).height(height)
    return panel


def steps(*thresholds: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Colours from a value on; the first begins at None, below everything."""
    return (
        dashboard.ThresholdsConfig()
        .mode(model.ThresholdsMode.ABSOLUTE)
        .steps([model.Threshold(value, colour) for value, colour in thresholds])
    )


def words(values: Mapping[int, tuple[str, str]] | Mapping[str, tuple[str, str | None]]) -> model.ValueMap:
    """Values shown as words."""
    return model.ValueMap(
        {
            str(value): model.ValueMappingResult(text=text, color=colour, index=index)
            for index, (value, (text, colour)) in enumerate(values.items())
        }
    )


def columns(**names: str) -> list[model.DataTransformerConfig]:
    """Merge the queries of a table into one row an entity and name its columns, in this order; others are left out."""
    renamed = {key.replace("Value_", "Value #"): name for key, name in names.items()}
    return [
        model.DataTransformerConfig(id_val="merge", options={}),
        model.DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": list(renamed)}}),
        model.DataTransformerConfig(
            id_val="organize",
            options={"indexByName": {key: index for index, key in enumerate(renamed)}, "renameByName": renamed},
        ),
    ]


def column(panel: Panel, name: str, **properties: object) -> Panel:
    """Properties of one column; `cell` colours it, the others carry Grafana's own names."""
    values = [model.DynamicConfigValue(key, value) for key, value in properties.items() if key != "cell"]
    if properties.get("cell"):
        values.append(model.DynamicConfigValue("custom.cellOptions", {"type": "color-background", "mode": "basic"}))
    panel.override_by_name(name, values)
    return panel


def absolute(*thresholds: tuple[float | None, str]) -> dict[str, object]:
    """Thresholds as an override's value."""
    return {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in thresholds]}


def choice(name: str, label: str, query: str) -> dashboard.QueryVariable:
    """A list to choose from, all of it at first."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query({"query": query, "refId": name})
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(model.VariableOption(selected=True, text=["Todos"], value=["$__all"]))
    )


# --- whole panels of the usual shapes --------------------------------------------------------------------------


def lines(title: str, description: str, unit: str, *exprs: str | tuple[str, str], width: int = 12) -> Any:
    """How something went over time."""
    panel = described(timeseries.Panel(), title, description, unit=unit, width=width, height=8)
    return panel.targets(queries(*exprs)).min(0).thresholds(steps((None, GREEN)))


def bars(title: str, description: str, unit: str, *exprs: str | tuple[str, str], width: int = 12) -> Any:
    """Amounts of one interval each, one upon the other."""
    stacked = common.StackingConfig().mode(common_model.StackingMode.NORMAL)
    panel = lines(title, description, unit, *exprs, width=width).draw_style(common_model.GraphDrawStyle.BARS)
    return panel.fill_opacity(60).stacking(stacked)


def figures(
    title: str,
    description: str,
    unit: str,
    *exprs: str | tuple[str, str],
    limits: list[tuple[float | None, str]],
    width: int = 8,
) -> Any:
    """Present values in large type."""
    panel = described(stat.Panel(), title, description, unit=unit, width=width, height=5)
    panel.targets(now(*exprs)).thresholds(steps(*limits)).graph_mode(common_model.BigValueGraphMode.NONE)
    return panel.text_mode(common_model.BigValueTextMode.VALUE_AND_NAME)


def ranking(title: str, description: str, unit: str, *exprs: tuple[str, str], width: int = 12) -> Any:
    """Present values side by side."""
    panel = described(bargauge.Panel(), title, description, unit=unit, width=width, height=8)
    return panel.targets(now(*exprs)).min(0).thresholds(steps((None, ORANGE)))


def active_alerts(matchers: str, width: int = 24) -> Any:
    """The alerts that fire now, with their runbooks."""
    panel = described(
        table.Panel(),
        "Alertas activas",
        "Alertas que están activas ahora, desde cuándo, y la guía de cada una en la consola.",
        unit="none", width=width, height=8,
    )  # fmt: skip
    chosen = f'{{alertname!="Watchdog"{matchers}}}'
    panel.targets(
        queries(f"1000 * max by (alertname, component, operator, file_type) (ALERTS_FOR_STATE{chosen})", instant=True)
    )
    panel.transformations(
        columns(alertname="Alerta", component="Componente", operator="Operador", file_type="Tipo", Value="Desde")
    )
    column(panel, "Alerta", links=[{"title": "Guía", "url": "${consola}/runbooks/${__value.raw}", "targetBlank": True}])
    return column(panel, "Desde", unit="dateTimeAsIso")
