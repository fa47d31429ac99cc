"""What people read of the daily files: Spanish words for states, reasons and kinds of inconsistency."""

from exporters.file_loads.vocabulary import FileState

STATES = {
    FileState.EXPECTED: "esperado",
    FileState.RECEIVED: "recibido",
    FileState.VALIDATING: "en validación",
    FileState.QUEUED: "encolado",
    FileState.PROCESSING: "en proceso",
    FileState.PROCESSED: "procesado",
    FileState.OBSERVED: "con observaciones",
    FileState.MISSING: "no recibido",
    FileState.LATE: "tardío",
    FileState.REJECTED: "rechazado",
    FileState.FAILED: "error de proceso",
    FileState.REPROCESSING: "reproceso manual",
    FileState.REGULARISED: "regularizado",
    FileState.OTHER: "otro",
}
SYMBOLS = {
    FileState.EXPECTED: "·",
    FileState.RECEIVED: "r",
    FileState.VALIDATING: "v",
    FileState.QUEUED: "c",
    FileState.PROCESSING: "p",
    FileState.PROCESSED: "✓",
    FileState.OBSERVED: "o",
    FileState.MISSING: "F",
    FileState.LATE: "t",
    FileState.REJECTED: "R",
    FileState.FAILED: "E",
    FileState.REPROCESSING: "m",
    FileState.REGULARISED: "✓",
    FileState.OTHER: "?",
}
FILE_REASONS = {
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
}
ROW_REASONS = {
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
}
KINDS = {
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
FINDINGS = {
    "unknown_status": "estado que la configuración no conoce",
    "unknown_operator": "operador que no es del intercambio",
    "unknown_file_type": "tipo de archivo que no es del intercambio",
    "missing_value": "falta un dato necesario",
    "bad_value": "una fecha o cantidad que no se entiende",
}
COLUMNS = {
    "kind": "clase",
    "operator": "operador",
    "file_type": "tipo",
    "sequence": "N.º",
    "state": "estado",
    "reason": "motivo",
    "rows": "registros",
    "usual": "usual",
    "received": "recibido",
    "detail": "detalle",
}
DEFAULT_NOTE = "plazos: valor por defecto, no contractual"
