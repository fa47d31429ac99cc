"""The daily files (activity 2): what came, what waits, what was turned away and why."""

from typing import Any

from grafana_foundation_sdk.builders import bargauge, table
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model

from grafana.board import Board
from grafana.parts import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    RED,
    YELLOW,
    absolute,
    active_alerts,
    bars,
    choice,
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


CHOSEN = '{operator=~"$operator"}'


def queue_history() -> Any:
    return lines(
        "Archivos en cola",
        "Archivos recibidos que aún no se procesan, por operador y tipo.",
        "none",
        (f"max by (operator, file_type) (renteseg_file_queue_files{CHOSEN})", "{{operator}} {{file_type}}"),
    )


def rejected_share() -> Any:
    return figures(
        "Archivos rechazados en 24 horas",
        "Parte de los archivos de cada operador que se rechazó en 24 horas; se avisa desde el 20 % y tres.",
        "percentunit",
        (
            f"operator:renteseg_file_loads:rejected1d{CHOSEN} / (operator:renteseg_file_loads:ended1d > 0)",
            "{{operator}}",
        ),
        limits=[(None, GREEN), (0.1, YELLOW), (0.2, RED)],
        width=12,
    )


def row_errors() -> Any:
    return ranking(
        "Errores de formato por motivo",
        "Registros que quedaron fuera en el periodo elegido, por motivo (R01 a R11).",
        "none",
        (f"round(sum by (reason) (increase(renteseg_file_row_errors_total{CHOSEN}[$__range]))) > 0", "{{reason}}"),
    )


def rows() -> Any:
    return lines(
        "Registros del archivo más reciente y lo usual",
        "Registros del último archivo de cada operador y tipo frente a la mediana de cuatro semanas.",
        "none",
        (f"max by (operator, file_type) (renteseg_file_newest_rows{CHOSEN})", "{{operator}} {{file_type}}"),
        (f"max by (operator, file_type) (renteseg_file_usual_rows{CHOSEN})", "usual {{operator}} {{file_type}}"),
    )


def processing() -> Any:
    buckets = "sum by (file_type, le) (rate(renteseg_file_processing_seconds_bucket[$__rate_interval]))"
    return lines(
        "Tiempo de procesamiento, percentil 95",
        "Desde que un archivo entra en la cola hasta que termina, por tipo.",
        "s",
        (f"histogram_quantile(0.95, {buckets})", "{{file_type}}"),
    )


def ended() -> Any:
    return bars(
        "Archivos terminados por resultado",
        "Archivos que terminaron en cada intervalo: procesados, observados, rechazados o con error de proceso.",
        "none",
        (
            "sum by (outcome) (max by (operator, file_type, outcome) ("
            f"increase(renteseg_file_loads_total{CHOSEN}[$__rate_interval])))",
            "{{outcome}}",
        ),
    )


def source() -> Any:
    return figures(
        "Lectura del registro de cargas",
        "Hace cuánto se leyó el registro de cargas; con más de 2 minutos, el estado de los archivos no se conoce.",
        "s",
        ("time() - max(renteseg_file_loads_refresh_timestamp_seconds)", "última lectura"),
        limits=[(None, GREEN), (60, YELLOW), (120, RED)],
        width=12,
    )


BOARD = Board(
    uid="renteseg-cargas",
    title="Cargas diarias",
    description="Los archivos diarios de las empresas operadoras: plazos, colas, rechazos y errores (actividad 2).",
    page="/cargas",
    begins="now-24h",
    variables=[choice("operator", "Operador", "label_values(renteseg_file_loads, operator)")],
    rooms=[
        ("Hoy", [load_matrix, deadlines, rejected_share, source]),
        ("Cola", [queue, queue_history]),
        ("Resultados", [ended, processing, rejections, row_errors, rows]),
        ("Alertas", [lambda: active_alerts(',operator=~"$operator"')]),
    ],
)
