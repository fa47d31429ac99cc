"""The words of the exchange: operators, file types, states of a load, reasons of rejection."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Operator(StrEnum):
    """Who sends files."""

    CLARO = "CLARO"
    MOVISTAR = "MOVISTAR"
    ENTEL = "ENTEL"
    BITEL = "BITEL"
    DOLPHIN = "DOLPHIN"


PLMN = {
    Operator.CLARO: "71610",
    Operator.MOVISTAR: "71606",
    Operator.ENTEL: "71617",
    Operator.BITEL: "71615",
    # A virtual operator has no network of its own: its SIM cards carry the code of its host.
    # No public source names DOLPHIN's host; the simulator decides for Entel.
    Operator.DOLPHIN: "71617",
}

LINE_SHARE = {
    Operator.CLARO: 30,
    Operator.BITEL: 25,
    Operator.MOVISTAR: 23,
    Operator.ENTEL: 22,
    Operator.DOLPHIN: 1,
}


class FileType(StrEnum):
    """What a file reports, in the order in which an operator sends its files."""

    ALTAS = "ALTAS"
    BAJAS = "BAJAS"
    ROBOS = "ROBOS"
    RECUPERADOS = "RECUPERADOS"


class LoadState(StrEnum):
    """The state of a load in the load log."""

    ESPERADO = "ESPERADO"
    RECIBIDO = "RECIBIDO"
    VALIDANDO = "VALIDANDO"
    ENCOLADO = "ENCOLADO"
    PROCESANDO = "PROCESANDO"
    PROCESADO = "PROCESADO"
    PROCESADO_CON_OBSERVACIONES = "PROCESADO_CON_OBSERVACIONES"
    NO_RECIBIDO = "NO_RECIBIDO"
    TARDIO = "TARDIO"
    RECHAZADO = "RECHAZADO"
    ERROR_PROCESO = "ERROR_PROCESO"
    REPROCESO_MANUAL = "REPROCESO_MANUAL"
    REGULARIZADO = "REGULARIZADO"


UNFINISHED = frozenset(
    {LoadState.RECIBIDO, LoadState.TARDIO, LoadState.VALIDANDO, LoadState.ENCOLADO, LoadState.PROCESANDO}
)
TO_VALIDATE = frozenset({LoadState.RECIBIDO, LoadState.TARDIO, LoadState.VALIDANDO})
TO_PROCESS = frozenset({LoadState.ENCOLADO, LoadState.PROCESANDO})


class FileReason(StrEnum):
    """Why a whole file is rejected or, for an unusual count, held."""

    NAME = "F01"
    UNREADABLE = "F02"
    HEADER = "F03"
    TRAILER = "F04"
    CHECKSUM = "F05"
    DUPLICATE = "F06"
    WRONG_OPERATOR = "F07"
    DATE_OUT_OF_RANGE = "F08"
    TOO_MANY_BAD_ROWS = "F09"
    UNUSUAL_COUNT = "F10"


class RowReason(StrEnum):
    """Why one row is left out of an otherwise accepted file."""

    IMEI_LENGTH = "R01"
    LUHN = "R02"
    IMSI = "R03"
    MSISDN = "R04"
    DOCUMENT = "R05"
    DATE = "R06"
    CODE = "R07"
    DUPLICATE = "R08"
    ALREADY_LISTED = "R09"
    NOT_LISTED = "R10"
    MISSING_FIELD = "R11"


@dataclass(frozen=True)
class Load:
    """What one operator owes for one file type and one data day, however many files it takes."""

    operator: Operator
    file_type: FileType
    day: date
