"""The monitoring itself."""

from typing import Any

from grafana_foundation_sdk.builders import stat, timeseries
from grafana_foundation_sdk.models import common as common_model

from grafana.board import Board
from grafana.parts import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    YELLOW,
    active_alerts,
    bars,
    described,
    figures,
    lines,
    now,
    queries,
    steps,
    words,
)


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


def since() -> Any:
    return figures(
        "Tareas: tiempo desde la última vez que terminaron",
        "Cada tarea del proceso worker y la conciliación con cada Alertmanager.",
        "s",
        ("time() - (max by (task) (renteseg_job_last_success_timestamp_seconds) > 0)", "{{task}}"),
        (
            "time() - (max by (alertmanager) (renteseg_reconciliation_last_success_timestamp_seconds) > 0)",
            "{{alertmanager}}",
        ),
        limits=[(None, GREEN), (7200, RED)],
        width=24,
    )


def quarantine() -> Any:
    return figures(
        "Cuarentena",
        "Avisos que el receptor no entendió y esperan una decisión.",
        "none",
        ("max(renteseg_quarantine_entries)", "en cuarentena"),
        limits=[(None, GREEN), (1, ORANGE)],
        width=6,
    )


def oldest() -> Any:
    return figures(
        "Historia que guarda Prometheus",
        "Edad del dato más antiguo; para el informe de un mes hacen falta 40 días.",
        "s",
        ("time() - max(prometheus_tsdb_lowest_timestamp_seconds)", "dato más antiguo"),
        limits=[(None, BLUE)],
        width=6,
    )


def deliveries() -> Any:
    return bars(
        "Entregas fallidas de Alertmanager",
        "Entregas que fallaron en cada intervalo, por vía.",
        "none",
        (
            "sum by (integration) (increase(alertmanager_notifications_failed_total[$__rate_interval]))",
            "{{integration}}",
        ),
    )


def rules() -> Any:
    return lines(
        "Duración de las reglas",
        "Cuánto tarda cada grupo de reglas en evaluarse; debe quedar lejos de su intervalo.",
        "s",
        ("max by (rule_group) (prometheus_rule_group_last_duration_seconds)", "{{rule_group}}"),
    )


def lateness() -> Any:
    buckets = "sum by (le) (rate(renteseg_probe_start_lateness_seconds_bucket[$__rate_interval]))"
    return lines(
        "Atraso de las pruebas, percentil 99",
        "Cuánto después de su hora empiezan las pruebas; si crece, el exportador no da abasto.",
        "s",
        (f"histogram_quantile(0.99, {buckets})", "p99"),
    )


def scrapes() -> Any:
    return lines(
        "Duración de las lecturas de Prometheus",
        "Cuánto tarda Prometheus en leer cada proceso.",
        "s",
        ("max by (job) (scrape_duration_seconds)", "{{job}}"),
    )


BOARD = Board(
    uid="renteseg-monitoreo",
    title="Salud del monitoreo",
    description="Si el monitoreo mismo trabaja: sin datos no hay disponibilidad.",
    rooms=[
        ("Procesos", [jobs, ages, quarantine, since]),
        ("Alertas y avisos", [webhook_alerts, oldest, deliveries]),
        ("Mediciones", [rules, lateness, scrapes]),
        ("Alertas", [lambda: active_alerts(',service="monitoreo"')]),
    ],
)
