"""The month in Lima (activity 10): availability, coverage, margin."""

from typing import Any

from grafana_foundation_sdk.builders import table

from grafana.board import Board
from grafana.parts import (
    GREEN,
    MONTH,
    ORANGE,
    RED,
    YELLOW,
    absolute,
    choice,
    column,
    columns,
    described,
    figures,
    lines,
    queries,
)

MINUTES = 'component:renteseg_component_up:minute{component=~"$component"}'


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


LABELS = "component, service, owner"
TARGET = 'component:renteseg_availability_target:ratio{component=~"$component"}'
DOWN = 'component:renteseg_component_down:minute{component=~"$component"}'


def margin() -> Any:
    panel = figures(
        "Margen que queda del mes",
        "Parte que queda del tiempo que la meta mensual (por defecto, no contractual) permite estar caído, contada "
        "sobre los minutos conocidos fuera de mantenimiento. Negativo: la meta ya no se cumple.",
        "percentunit",
        (
            f"1 - sum by ({LABELS}) (sum_over_time({DOWN}[$__range])) / on ({LABELS}) "
            f"((1 - {TARGET}) * on ({LABELS}) sum by ({LABELS}) (count_over_time({DOWN}[$__range])))",
            "{{component}}",
        ),
        limits=[(None, RED), (0, ORANGE), (0.25, YELLOW), (0.5, GREEN)],
        width=24,
    )
    return panel.time_from(MONTH)


def burning() -> Any:
    return lines(
        "Ritmo al que se consume el margen",
        "1 es el ritmo que la meta admite; con 14,4 el margen del mes dura dos días.",
        "none",
        (f"avg_over_time({DOWN}[1h]) / on ({LABELS}) (1 - {TARGET})", "1 h {{component}}"),
        (f"avg_over_time({DOWN}[6h]) / on ({LABELS}) (1 - {TARGET})", "6 h {{component}}"),
    )


def daily_minutes() -> Any:
    return lines(
        "Minutos caídos por día",
        "Minutos caídos en las 24 horas anteriores a cada punto.",
        "m",
        (f"sum by (component) (sum_over_time({DOWN}[1d]))", "{{component}}"),
    )


def coverage() -> Any:
    return lines(
        "Minutos sin medición por hora",
        "Minutos de la última hora de los que no hay dato: ni disponibles ni caídos.",
        "m",
        (f"60 - clamp_max(sum by (component) (count_over_time({MINUTES}[1h])), 60)", "{{component}}"),
        width=24,
    )


BOARD = Board(
    uid="renteseg-disponibilidad",
    title="Disponibilidad mensual",
    description="El mes calendario de Lima hasta ahora (actividad 10). La cifra contractual es la del informe mensual.",
    page="/reportes",
    begins=MONTH,
    refresh="1m",
    variables=[choice("component", "Componente", "label_values(renteseg_component_info, component)")],
    rooms=[
        ("Mes en curso", [month_so_far, margin]),
        ("Cómo se llegó a eso", [burning, daily_minutes, coverage]),
    ],
)
