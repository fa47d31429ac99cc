"""Writes `dashboards/operatividad.json`: `python -m grafana.build`; with `--check` only says whether it is current.

What people read is Spanish and stands here, because a dashboard is nothing but what people read. Every panel says what
it shows, in which unit and what an empty answer means; ratios are formed from sums, last (semantics 27).
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

TARGET = Path(__file__).parent / "dashboards" / "operatividad.json"
SOURCE = model.DataSourceRef("prometheus", "${fuente}")
NO_VALUE = "sin datos"
MONTH = "now/M"  # from the month's first minute in the dashboard's own time zone, America/Lima

RED, ORANGE, YELLOW, GREEN, BLUE, GREY = "red", "orange", "yellow", "green", "blue", "#808080"

Panel = TypeVar("Panel", bound=Any)

COMPONENT_STATES = {1: ("Operativo", GREEN), 0: ("Caído", RED), -1: ("Sin datos", GREY)}

LOAD_STATES = [
    # (state of renteseg_file_loads, what people read, colour); where two hold at once, the later one is shown
    ("other", "Otro", GREY),
    ("expected", "Esperado", GREY),
    ("processed", "Procesado", GREEN),
    ("observed", "Con observaciones", YELLOW),
    ("regularised", "Regularizado", GREEN),
    ("received", "Recibido", BLUE),
    ("validating", "Validando", BLUE),
    ("queued", "Encolado", BLUE),
    ("processing", "Procesando", BLUE),
    ("reprocessing", "Reproceso manual", BLUE),
    ("late", "Tardío", YELLOW),
    ("missing", "No recibido", ORANGE),
    ("failed", "Error de proceso", RED),
    ("rejected", "Rechazado", RED),
]

COMPONENT_STATE = (
    'max by (component, service, owner) (renteseg_component_up{component=~"$component"}) '
    'or on (component) -max by (component, service, owner) (renteseg_component_info{component=~"$component"})'
)
MINUTES = 'component:renteseg_component_up:minute{component=~"$component"}'


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


# --- now ------------------------------------------------------------------------------------------------------


def components_down() -> Any:
    panel = described(
        stat.Panel(),
        "Componentes caídos",
        "Componentes cuyas pruebas fallan ahora mismo. Los que no tienen datos no se cuentan aquí.",
        unit="none", width=4, height=4,
    )  # fmt: skip
    seen = 'max by (component) (renteseg_component_up{component=~"$component"})'
    expr = f"count({seen} == 0) or 0 * count({seen})"
    return panel.targets(now(expr)).thresholds(steps((None, GREEN), (1, RED))).color_mode(
        common_model.BigValueColorMode.BACKGROUND
    ).graph_mode(common_model.BigValueGraphMode.NONE)  # fmt: skip


def components_unknown() -> Any:
    panel = described(
        stat.Panel(),
        "Componentes sin datos",
        "Componentes configurados de los que no hay resultado: no cuentan como disponibles.",
        unit="none", width=4, height=4,
    )  # fmt: skip
    known = 'max by (component) (renteseg_component_info{component=~"$component"})'
    expr = f"count({known} unless on (component) renteseg_component_up) or 0 * count({known})"
    return panel.targets(now(expr)).thresholds(steps((None, GREEN), (1, ORANGE))).color_mode(
        common_model.BigValueColorMode.BACKGROUND
    ).graph_mode(common_model.BigValueGraphMode.NONE)  # fmt: skip


def services_now() -> Any:
    panel = described(
        stat.Panel(),
        "Servicios ahora",
        "El peor componente de cada servicio, ahora. La regla contractual de cada servicio (todos, alguno, quórum) se "
        "aplica en el informe mensual, no aquí.",
        unit="none", width=16, height=4,
    )  # fmt: skip
    expr = "min by (service) (renteseg_component_up) or on (service) -max by (service) (renteseg_component_info)"
    return (
        panel.targets(now((expr, "{{service}}")))
        .mappings([words(COMPONENT_STATES)])
        .thresholds(steps((None, GREY), (0, RED), (1, GREEN)))
        .color_mode(common_model.BigValueColorMode.BACKGROUND)
        .graph_mode(common_model.BigValueGraphMode.NONE)
        .text_mode(common_model.BigValueTextMode.VALUE_AND_NAME)
    )


def component_table() -> Any:
    panel = described(
        table.Panel(),
        "Estado de los componentes",
        "Estado actual, desde cuándo, duración de la última prueba y hace cuánto se ejecutó.",
        unit="none", width=24, height=8,
    )  # fmt: skip
    chosen = '{component=~"$component"}'
    panel.targets(
        queries(
            COMPONENT_STATE,
            f"1000 * max by (component) (renteseg_component_state_since_timestamp_seconds{chosen})",
            f"max by (component) (renteseg_probe_last_duration_seconds{chosen})",
            f"time() - max by (component) (renteseg_probe_last_run_timestamp_seconds{chosen})",
            instant=True,
        )
    ).transformations(
        columns(
            component="Componente", service="Servicio", owner="A cargo de", Value_A="Estado", Value_B="Desde",
            Value_C="Última prueba", Value_D="Ejecutada hace",
        )
    )  # fmt: skip
    column(panel, "Estado", mappings=[words(COMPONENT_STATES)], cell=True)
    column(panel, "Desde", unit="dateTimeAsIso")
    column(panel, "Última prueba", unit="s")
    return column(panel, "Ejecutada hace", unit="s", thresholds=absolute((None, GREEN), (120, RED)), cell=True)


def component_timeline() -> Any:
    panel = described(
        statetimeline.Panel(),
        "Estado en las últimas 24 horas",
        "Cada franja es un componente: verde operativo, rojo caído, gris sin datos.",
        unit="none", width=24, height=8,
    )  # fmt: skip
    return (
        panel.targets(queries((COMPONENT_STATE, "{{component}}")))
        .time_from("24h")
        .mappings([words(COMPONENT_STATES)])
        .thresholds(steps((None, GREY), (0, RED), (1, GREEN)))
        .show_value(common_model.VisibilityMode.NEVER)
        .merge_values(True)
    )


# --- probes ---------------------------------------------------------------------------------------------------


def latency() -> Any:
    panel = described(
        timeseries.Panel(),
        "Tiempo de respuesta y su límite",
        "Duración de la última prueba de cada componente; la línea de trazos es el límite desde el que se considera "
        "lento.",
        unit="s", width=12, height=8,
    )  # fmt: skip
    return (
        panel.targets(
            queries(
                ('max by (component) (renteseg_probe_last_duration_seconds{component=~"$component"})', "{{component}}"),
                (
                    'max by (component) (renteseg_component_slow_after_seconds{component=~"$component"})',
                    "límite de {{component}}",
                ),
            )
        )
        .min(0)
        .thresholds(steps((None, GREEN)))
        .override_by_query("B", [model.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [8, 8]})])
    )


def failure_reasons() -> Any:
    panel = described(
        timeseries.Panel(),
        "Pruebas fallidas por motivo",
        "Pruebas que fallaron en cada intervalo, por componente y motivo.",
        unit="none", width=12, height=8,
    )  # fmt: skip
    expr = (
        "sum by (component, reason) (increase("
        'renteseg_probe_failures_total{component=~"$component"}[$__rate_interval])) > 0'
    )
    return (
        panel.targets(queries((expr, "{{component}}: {{reason}}")))
        .min(0)
        .thresholds(steps((None, RED)))
        .draw_style(common_model.GraphDrawStyle.BARS)
        .fill_opacity(60)
        .stacking(common.StackingConfig().mode(common_model.StackingMode.NORMAL))
    )


# --- daily files ----------------------------------------------------------------------------------------------


def load_states() -> str:
    """One number for each operator and type: the position of its state in LOAD_STATES."""
    numbered = " or ".join(
        f'renteseg_file_loads{{operator=~"$operator",state="{state}"}} * {number}'
        for number, (state, _, _) in enumerate(LOAD_STATES, 1)
    )
    return f"max by (operator, file_type) ({numbered})"


def load_matrix() -> Any:
    panel = described(
        table.Panel(),
        "Carga diaria: operador por tipo de archivo",
        "Estado de la carga del día de datos en curso. Un archivo rechazado lo reenvía el operador; un error de "
        "proceso lo resuelve el proveedor.",
        unit="none", width=12, height=8,
    )  # fmt: skip
    matrix = {"columnField": "file_type", "rowField": "operator", "valueField": "Value", "emptyValue": "null"}
    states = {number: (text, colour) for number, (_, text, colour) in enumerate(LOAD_STATES, 1)}
    panel.targets(queries(load_states(), instant=True)).transformations(
        [model.DataTransformerConfig(id_val="groupingToMatrix", options=matrix)]
    ).mappings([words(states)]).thresholds(steps((None, GREY)))
    panel.cell_options(common_model.TableColoredBackgroundCellOptions())
    return column(panel, "operator\\file_type", displayName="Operador", **{"custom.cellOptions": {"type": "auto"}})


def queue() -> Any:
    panel = described(
        table.Panel(),
        "Archivos en cola",
        "Archivos recibidos que aún no se procesan, y hace cuánto espera el más antiguo. Se avisa desde los 10 "
        "minutos.",
        unit="none", width=12, height=8,
    )  # fmt: skip
    panel.targets(
        queries(
            'max by (operator, file_type) (renteseg_file_queue_files{operator=~"$operator"}) > 0',
            "time() - min by (operator, file_type) "
            '(renteseg_file_queue_oldest_timestamp_seconds{operator=~"$operator"})',
            instant=True,
        )
    ).transformations(
        columns(operator="Operador", file_type="Tipo", Value_A="Archivos", Value_B="Espera del más antiguo")
    )
    thresholds = absolute((None, GREEN), (300, YELLOW), (600, RED))
    return column(panel, "Espera del más antiguo", unit="s", thresholds=thresholds, cell=True)


def rejections() -> Any:
    panel = described(
        bargauge.Panel(),
        "Rechazos por motivo",
        "Archivos rechazados en el periodo elegido, por motivo (F01 a F10).",
        unit="none", width=12, height=8,
    )  # fmt: skip
    expr = (
        "round(sum by (reason) (max by (operator, file_type, reason) ("
        'increase(renteseg_file_rejections_total{operator=~"$operator"}[$__range])))) > 0'
    )
    return panel.targets(now((expr, "{{reason}}"))).min(0).thresholds(steps((None, ORANGE)))


def deadlines() -> Any:
    panel = described(
        table.Panel(),
        "Plazo, recepción y procesamiento",
        "De cada archivo del día de datos en curso: hora límite, hora de recepción y hora de fin del procesamiento.",
        unit="dateTimeAsIso", width=12, height=8,
    )  # fmt: skip
    return panel.targets(
        queries(
            *(
                f'1000 * max by (operator, file_type) (renteseg_file_{name}_timestamp_seconds{{operator=~"$operator"}})'
                for name in ("deadline", "received", "processed")
            ),
            instant=True,
        )
    ).transformations(
        columns(
            operator="Operador", file_type="Tipo", Value_A="Plazo", Value_B="Recibido", Value_C="Procesado",
        )
    )  # fmt: skip


# --- incidents ------------------------------------------------------------------------------------------------


def open_incidents() -> Any:
    panel = described(
        stat.Panel(),
        "Incidencias abiertas por criticidad",
        "Registros abiertos (incidencias y consultas) por criticidad.",
        unit="none", width=8, height=8,
    )  # fmt: skip
    expr = "sum by (severity) (max by (kind, severity, responsible, state) (renteseg_incidents_open))"
    return (
        panel.targets(now((expr, "{{severity}}")))
        .thresholds(steps((None, GREEN), (1, ORANGE)))
        .graph_mode(common_model.BigValueGraphMode.NONE)
        .text_mode(common_model.BigValueTextMode.VALUE_AND_NAME)
    )


def sla_deadlines() -> Any:
    panel = described(
        table.Panel(),
        "Plazos SLA en curso",
        "Tiempo que le queda a cada reloj y parte consumida del plazo; negativo es vencido. Un reloj en pausa no tiene "
        "hora de vencimiento.",
        unit="none", width=16, height=8,
    )  # fmt: skip
    labels = "incident, clock, severity, responsible"
    panel.targets(
        queries(
            f"max by ({labels}) (renteseg_incident_sla_deadline_timestamp_seconds) - time()",
            f"max by ({labels}) (renteseg_incident_sla_consumed_ratio)",
            instant=True,
        )
    ).transformations(
        columns(
            incident="Incidencia", clock="Reloj", severity="Criticidad", responsible="Responsable", Value_A="Queda",
            Value_B="Consumido",
        )
    )  # fmt: skip
    clocks = {"response": ("Respuesta", None), "resolution": ("Solución", None)}
    column(panel, "Reloj", mappings=[words(clocks)])
    parties = {"A": "A: operador", "B": "B: proveedor", "C": "C: OTI", "nobody": "por determinar"}
    column(panel, "Responsable", mappings=[words({letter: (text, None) for letter, text in parties.items()})])
    column(panel, "Queda", unit="s", thresholds=absolute((None, RED), (0, GREEN)), cell=True)
    thresholds = absolute((None, GREEN), (0.75, YELLOW), (1, RED))
    return column(panel, "Consumido", unit="percentunit", thresholds=thresholds, cell=True)


# --- the month ------------------------------------------------------------------------------------------------


def month_so_far() -> Any:
    panel = described(
        table.Panel(),
        "Disponibilidad del mes en curso",
        "Mes calendario de Lima hasta ahora: minutos operativos entre minutos conocidos (disponibilidad bruta), y "
        "cobertura, los minutos conocidos entre los transcurridos. La cifra contractual, con exclusiones, es la del "
        "informe mensual.",
        unit="none", width=24, height=8,
    )  # fmt: skip
    labels = "component, service, owner"
    up = f"sum by ({labels}) (sum_over_time({MINUTES}[$__range]))"
    known = f"sum by ({labels}) (count_over_time({MINUTES}[$__range]))"
    slow = (
        f'sum by ({labels}) (sum_over_time(component:renteseg_probe_slow:minute{{component=~"$component"}}[$__range]))'
    )
    panel.targets(
        queries(f"{up} / {known}", f"{known} - {up}", slow, f"{known} / ($__range_s / 60)", instant=True)
    ).time_from(MONTH).transformations(
        columns(
            component="Componente", service="Servicio", owner="A cargo de", Value_A="Disponibilidad bruta",
            Value_B="Tiempo caído", Value_C="Tiempo lento", Value_D="Cobertura",
        )
    )  # fmt: skip
    thresholds = absolute((None, RED), (0.995, YELLOW), (0.999, GREEN))
    column(panel, "Disponibilidad bruta", unit="percentunit", decimals=3, thresholds=thresholds, cell=True)
    column(panel, "Tiempo caído", unit="m")
    column(panel, "Tiempo lento", unit="m")
    return column(panel, "Cobertura", unit="percentunit", decimals=2)


# --- the monitoring itself ------------------------------------------------------------------------------------


def jobs() -> Any:
    panel = described(
        stat.Panel(),
        "Procesos del monitoreo",
        "Si Prometheus obtiene las métricas de cada proceso. Lo que un proceso caído vigila está sin monitoreo.",
        unit="none", width=12, height=5,
    )  # fmt: skip
    states = {1: ("En marcha", GREEN), 0: ("Sin respuesta", RED)}
    return (
        panel.targets(now(("min by (job) (up)", "{{job}}")))
        .mappings([words(states)])
        .thresholds(steps((None, RED), (1, GREEN)))
        .color_mode(common_model.BigValueColorMode.BACKGROUND)
        .graph_mode(common_model.BigValueGraphMode.NONE)
        .text_mode(common_model.BigValueTextMode.VALUE_AND_NAME)
    )


def ages() -> Any:
    panel = described(
        stat.Panel(),
        "Señal de vida y lectura del registro",
        "Hace cuánto llegó al receptor la última señal de vida (se espera cada minuto) y hace cuánto se leyó el "
        "registro de cargas.",
        unit="s", width=6, height=5,
    )  # fmt: skip
    return (
        panel.targets(
            now(
                ("time() - (max(renteseg_webhook_watchdog_timestamp_seconds) > 0)", "señal de vida"),
                ("time() - max(renteseg_file_loads_refresh_timestamp_seconds)", "registro de cargas"),
            )
        )
        .thresholds(steps((None, GREEN), (90, YELLOW), (120, RED)))
        .graph_mode(common_model.BigValueGraphMode.NONE)
        .text_mode(common_model.BigValueTextMode.VALUE_AND_NAME)
    )


def webhook_alerts() -> Any:
    panel = described(
        timeseries.Panel(),
        "Alertas en el receptor",
        "Alertas recibidas en cada intervalo según lo que se hizo con ellas; las que van a cuarentena deben revisarse.",
        unit="none", width=6, height=5,
    )  # fmt: skip
    expr = "sum by (outcome) (increase(renteseg_webhook_alerts_total[$__rate_interval]))"
    return panel.targets(queries((expr, "{{outcome}}"))).min(0).thresholds(steps((None, GREEN)))


LAYOUT: list[tuple[str, list[Any]]] = [
    (
        "Ahora (actividad 1)",
        [components_down, components_unknown, services_now, component_table, component_timeline],
    ),
    ("Pruebas (actividad 4)", [latency, failure_reasons]),
    ("Archivos diarios (actividad 2)", [load_matrix, queue, deadlines, rejections]),
    ("Incidencias y plazos (actividad 7)", [open_incidents, sla_deadlines]),
    ("Mes en curso (actividad 10)", [month_so_far]),
    ("Salud del monitoreo", [jobs, ages, webhook_alerts]),
]


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


def operatividad() -> dashboard.Dashboard:
    """The dashboard; the panels' ids follow from their order, so that two runs agree."""
    board = (
        dashboard.Dashboard("Operatividad del RENTESEG")
        .uid("renteseg-operatividad")
        .description("Monitoreo y control de la operatividad del RENTESEG (PM06.01).")
        .tags(["renteseg"])
        .timezone("America/Lima")
        .time("now-6h", "now")
        .refresh("10s")
        .readonly()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("fuente").label("Fuente").type("prometheus"))
        .with_variable(choice("component", "Componente", "label_values(renteseg_component_info, component)"))
        .with_variable(choice("operator", "Operador", "label_values(renteseg_file_loads, operator)"))
    )
    number = 0
    for title, panels in LAYOUT:
        number += 1
        board.with_row(dashboard.Row(title).id(number))
        for panel in panels:
            number += 1
            board.with_panel(panel().id(number))
    return board


def render() -> str:
    """The dashboard as it is committed."""
    return json.dumps(operatividad().build(), cls=JSONEncoder, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the dashboard, or with `--check` compare it: 0 when it is current, 1 when it is not."""
    if list(arguments) not in ([], ["--check"]):
        print("usage: python -m grafana.build [--check]", file=sys.stderr)
        return 2
    text = render()
    if not arguments:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text:
        return 0
    print(f"{TARGET.name} is not what grafana/build.py makes; run python -m grafana.build", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
