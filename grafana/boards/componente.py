"""One component in depth (activity 4): when, why, how slowly, and until when its certificate holds."""

from typing import Any

from grafana_foundation_sdk.builders import common, timeseries
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model

from grafana.board import Board
from grafana.boards.operatividad import component_table, component_timeline
from grafana.parts import (
    GREEN,
    ORANGE,
    RED,
    YELLOW,
    active_alerts,
    choice,
    described,
    figures,
    lines,
    queries,
    steps,
)


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


CHOSEN = '{component=~"$component"}'


def quantiles() -> Any:
    buckets = f"sum by (component, le) (rate(renteseg_probe_duration_seconds_bucket{CHOSEN}[$__rate_interval]))"
    return lines(
        "Tiempo de respuesta, percentiles 50 y 95",
        "La mitad de las pruebas tarda menos que el percentil 50; una de cada veinte, más que el 95.",
        "s",
        (f"histogram_quantile(0.5, {buckets})", "p50 {{component}}"),
        (f"histogram_quantile(0.95, {buckets})", "p95 {{component}}"),
    )


def usual() -> Any:
    return lines(
        "Frente a su propia costumbre",
        "Promedio de cada cuarto de hora y mediana de los últimos siete días; hace falta medio día de historia.",
        "s",
        (f"last_over_time(component:renteseg_probe_duration_seconds:mean15m{CHOSEN}[20m])", "{{component}}"),
        (f"last_over_time(component:renteseg_probe_duration_seconds:usual7d{CHOSEN}[2h])", "usual de {{component}}"),
    )


def phases() -> Any:
    return lines(
        "Fases de la última prueba",
        "Cuánto tardó cada fase: resolve, connect y tls son la red; response es el servidor; query, la base de datos.",
        "s",
        (f"max by (component, phase) (renteseg_probe_phase_seconds{CHOSEN})", "{{component}} {{phase}}"),
    )


def falls() -> Any:
    return figures(
        "Caídas de la última hora",
        "Cuántas veces pasó cada componente de operativo a caído en la última hora; desde cinco se avisa.",
        "none",
        (f"max by (component) (resets(renteseg_component_up{CHOSEN}[1h]))", "{{component}}"),
        limits=[(None, GREEN), (1, YELLOW), (5, RED)],
        width=12,
    )


def certificates() -> Any:
    return figures(
        "Vigencia de los certificados",
        "Tiempo hasta el vencimiento del certificado TLS que cada componente presenta; se avisa desde los 14 días.",
        "s",
        (
            f"min by (component) (renteseg_tls_certificate_expiry_timestamp_seconds{CHOSEN}) - time()",
            "{{component}}",
        ),
        limits=[(None, RED), (0, ORANGE), (1209600, GREEN)],
        width=12,
    )


BOARD = Board(
    uid="renteseg-componente",
    title="Componente del RENTESEG",
    description="Un componente a fondo: estado, motivos, tiempos y certificado (actividad 4).",
    page="/operatividad",
    variables=[choice("component", "Componente", "label_values(renteseg_component_info, component)")],
    rooms=[
        ("Estado", [component_table, component_timeline, falls, certificates]),
        ("Alertas", [lambda: active_alerts(',component=~"$component"')]),
        ("Tiempos y motivos", [latency, quantiles, usual, phases, failure_reasons]),
    ],
)
