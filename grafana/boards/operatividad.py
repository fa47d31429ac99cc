"""The first look of the day (activity 1): what is down, what is late, what is due."""

from typing import Any

from grafana_foundation_sdk.builders import stat, statetimeline, table
from grafana_foundation_sdk.models import common as common_model

from grafana.board import Board
from grafana.boards.cargas import load_matrix, queue
from grafana.boards.incidencias import open_incidents, sla_deadlines
from grafana.boards.monitoreo import ages, jobs
from grafana.parts import (
    COMPONENT_STATES,
    GREEN,
    GREY,
    ORANGE,
    RED,
    absolute,
    active_alerts,
    choice,
    column,
    columns,
    described,
    now,
    queries,
    steps,
    words,
)

COMPONENT_STATE = (
    'max by (component, service, owner) (renteseg_component_up{component=~"$component"}) '
    'or on (component) -max by (component, service, owner) (renteseg_component_info{component=~"$component"})'
)


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
    to_board = {"title": "Tablero del componente", "url": "/d/renteseg-componente?var-component=${__value.raw}"}
    column(panel, "Componente", links=[to_board])
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


BOARD = Board(
    uid="renteseg-operatividad",
    title="Operatividad del RENTESEG",
    description="Monitoreo y control de la operatividad del RENTESEG (PM06.01).",
    page="/operatividad",
    variables=[
        choice("component", "Componente", "label_values(renteseg_component_info, component)"),
        choice("operator", "Operador", "label_values(renteseg_file_loads, operator)"),
    ],
    rooms=[
        (
            "Ahora (actividad 1)",
            [
                components_down, components_unknown, services_now,
                lambda: active_alerts(""), component_table, component_timeline,
            ],
        ),
        ("Archivos diarios (actividad 2)", [load_matrix, queue]),
        ("Incidencias y plazos (actividad 7)", [open_incidents, sla_deadlines]),
        ("Salud del monitoreo", [jobs, ages]),
    ],
)  # fmt: skip
