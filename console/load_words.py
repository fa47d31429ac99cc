"""The Spanish words for the daily files; a test holds them against those of the exporter, whose package is not ours."""

from collections.abc import Mapping

STATES: Mapping[str, tuple[str, str]] = {
    "expected": ("esperado", "secondary"),
    "received": ("recibido", "info"),
    "validating": ("en validación", "info"),
    "queued": ("encolado", "warning"),
    "processing": ("en proceso", "info"),
    "processed": ("procesado", "success"),
    "observed": ("con observaciones", "success"),
    "missing": ("no recibido", "danger"),
    "late": ("tardío", "warning"),
    "rejected": ("rechazado", "danger"),
    "failed": ("error de proceso", "danger"),
    "reprocessing": ("reproceso manual", "warning"),
    "regularised": ("regularizado", "success"),
    "other": ("otro", "secondary"),
}
"""Word and look of each state."""

REASONS: Mapping[str, str] = {
    "F01": "nombre",
    "F02": "ilegible o codificación",
    "F03": "cabecera",
    "F04": "cierre o conteo",
    "F05": "suma de verificación",
    "F06": "duplicado",
    "F07": "operador equivocado",
    "F08": "fecha fuera de rango",
    "F09": "más de 5 % de filas malas",
    "F10": "cantidad inusual (retenido)",
    "R01": "longitud del IMEI",
    "R02": "dígito Luhn",
    "R03": "IMSI o PLMN",
    "R04": "MSISDN",
    "R05": "documento",
    "R06": "fecha",
    "R07": "código",
    "R08": "duplicado",
    "R09": "ya está en la lista",
    "R10": "no está en la lista",
    "R11": "campo faltante",
    "unknown_status": "estado que la configuración no conoce",
    "unknown_operator": "operador que no es del intercambio",
    "unknown_file_type": "tipo de archivo que no es del intercambio",
    "missing_value": "falta un dato necesario",
    "bad_value": "una fecha o cantidad que no se entiende",
}
KINDS: Mapping[str, str] = {
    "missing": "falta",
    "late": "tardío",
    "queued": "en cola demasiado tiempo",
    "rejected": "rechazado",
    "held": "retenido",
    "failed": "error de proceso",
    "row_errors": "errores de formato",
    "unusual": "cantidad inusual",
    "duplicate": "dos filas para un archivo",
    "strange": "dato extraño en el registro",
}
