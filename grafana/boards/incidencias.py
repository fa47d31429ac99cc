"""Incidents and their clocks (activity 7)."""

from typing import Any

from grafana_foundation_sdk.builders import stat, table
from grafana_foundation_sdk.models import common as common_model

from grafana.board import Board
from grafana.parts import (
    GREEN,
    ORANGE,
    PARTIES,
    RED,
    YELLOW,
    absolute,
    active_alerts,
    bars,
    column,
    columns,
    described,
    figures,
    lines,
    now,
    queries,
    ranking,
    steps,
    words,
)


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
    shown = {"title": "Ficha", "url": "${consola}/incidencias/${__value.raw}", "targetBlank": True}
    column(panel, "Incidencia", links=[shown])
    clocks = {"response": ("Respuesta", None), "resolution": ("Solución", None), "rca": ("Informe técnico (RCA)", None)}
    column(panel, "Reloj", mappings=[words(clocks)])
    column(panel, "Responsable", mappings=[words({letter: (text, None) for letter, text in PARTIES.items()})])
    column(panel, "Queda", unit="s", thresholds=absolute((None, RED), (0, GREEN)), cell=True)
    thresholds = absolute((None, GREEN), (0.75, YELLOW), (1, RED))
    return column(panel, "Consumido", unit="percentunit", thresholds=thresholds, cell=True)


def by_label(label: str, title: str, description: str) -> Any:
    expr = f"sum by ({label}) (max by (kind, severity, responsible, state) (renteseg_incidents_open))"
    return ranking(title, description, "none", (expr, f"{{{{{label}}}}}"))


def by_responsible() -> Any:
    return by_label(
        "responsible", "Abiertas por responsable", "A: operador, B: proveedor, C: OTI; nobody: sin validar."
    )


def by_state() -> Any:
    return by_label("state", "Abiertas por estado", "En qué paso del proceso está cada registro abierto.")


def recorded() -> Any:
    return bars(
        "Registradas en el periodo",
        "Incidencias y consultas nuevas en cada intervalo, por criticidad.",
        "none",
        (
            "sum by (severity) (max by (kind, severity, responsible) ("
            "increase(renteseg_incidents_total[$__rate_interval])))",
            "{{severity}}",
        ),
    )


def waiting() -> Any:
    return figures(
        "Lo que espera a alguien",
        "Avisos por enviar, avisos que no llegaron, correos por decidir y cargas por regularizar.",
        "none",
        ("max(renteseg_notices_pending)", "avisos por enviar"),
        ("max(renteseg_notices_failed)", "avisos que no llegaron"),
        ("max(renteseg_mailbox_unread)", "correos por decidir"),
        ("sum(max by (operator, file_type) (renteseg_regularisations_open))", "por regularizar"),
        limits=[(None, GREEN), (1, YELLOW)],
        width=12,
    )


def consumed() -> Any:
    return lines(
        "Parte consumida de cada plazo",
        "De 0 a 1 es dentro del plazo; desde 1 está vencido. Se avisa al 75 %, al 90 % y al vencer.",
        "percentunit",
        ("max by (incident, clock) (renteseg_incident_sla_consumed_ratio)", "{{incident}} {{clock}}"),
    )


BOARD = Board(
    uid="renteseg-incidencias",
    title="Incidencias y SLA",
    description="Registros abiertos, sus plazos y lo que espera a alguien (actividades 3 a 9).",
    begins="now-24h",
    rooms=[
        ("Ahora", [open_incidents, sla_deadlines, by_responsible, by_state]),
        ("Plazos", [consumed, recorded]),
        ("Pendientes", [waiting]),
        ("Alertas", [lambda: active_alerts(',service=~"atencion-incidencias|correo"')]),
    ],
)
