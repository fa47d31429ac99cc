"""The words of the file-load metrics: closed lists whose values are label values."""

from enum import StrEnum

UNKNOWN = "unknown"
"""The operator or file type of a file whose name cannot be read or is not of the exchange."""


class FileState(StrEnum):
    """Where a file stands; configuration maps the load log's own words to these."""

    EXPECTED = "expected"
    RECEIVED = "received"
    VALIDATING = "validating"
    QUEUED = "queued"
    PROCESSING = "processing"
    PROCESSED = "processed"
    OBSERVED = "observed"
    MISSING = "missing"
    LATE = "late"
    REJECTED = "rejected"
    FAILED = "failed"
    REPROCESSING = "reprocessing"
    REGULARISED = "regularised"
    OTHER = "other"  # a word that configuration does not know


WAITING = frozenset({FileState.RECEIVED, FileState.VALIDATING, FileState.QUEUED})


class Outcome(StrEnum):
    """How the work on a file ended."""

    PROCESSED = "processed"
    OBSERVED = "observed"
    REJECTED = "rejected"
    FAILED = "failed"
    OTHER = "other"  # a word that configuration does not know: counted, never dropped


OUTCOMES = {
    **{FileState(outcome.value): outcome for outcome in Outcome},
    FileState.REGULARISED: Outcome.PROCESSED,  # accepted after the announced deadline is accepted
}
DONE = frozenset({FileState.PROCESSED, FileState.OBSERVED, FileState.REGULARISED})


class Rejection(StrEnum):
    """Why a whole file was rejected or, for F10, held."""

    F01 = "F01"  # name
    F02 = "F02"  # unreadable or encoding
    F03 = "F03"  # header
    F04 = "F04"  # trailer or count
    F05 = "F05"  # checksum
    F06 = "F06"  # duplicate
    F07 = "F07"  # wrong operator
    F08 = "F08"  # date out of range
    F09 = "F09"  # too many bad rows
    F10 = "F10"  # unusual count
    OTHER = "other"


REJECTIONS = {rejection.value: rejection for rejection in Rejection}


class RowResult(StrEnum):
    """What became of one row of a file."""

    LOADED = "loaded"
    REJECTED = "rejected"


class RowError(StrEnum):
    """Why one row was left out of a file."""

    R01 = "R01"  # IMEI length
    R02 = "R02"  # Luhn
    R03 = "R03"  # IMSI or PLMN
    R04 = "R04"  # MSISDN
    R05 = "R05"  # document
    R06 = "R06"  # date
    R07 = "R07"  # code
    R08 = "R08"  # duplicate
    R09 = "R09"  # already listed
    R10 = "R10"  # not listed
    R11 = "R11"  # missing field
    OTHER = "other"


ROW_ERRORS = {error.value: error for error in RowError}


class Finding(StrEnum):
    """What is strange about the log itself; each is counted, none stops the reading."""

    UNKNOWN_STATUS = "unknown_status"
    UNKNOWN_OPERATOR = "unknown_operator"
    UNKNOWN_FILE_TYPE = "unknown_file_type"
    MISSING_VALUE = "missing_value"  # NULL where a value is needed
    BAD_VALUE = "bad_value"  # what is no time, day or number where one is needed
    DUPLICATE = "duplicate"  # two rows for one file


class Break(StrEnum):
    """How a log can lose its past."""

    TRUNCATED = "truncated"  # its first rows, or all of them, are gone
    RESTORED = "restored"  # its newest change is older than one that was seen
    DELETED = "deleted"  # single rows are gone


PROCESSING_BOUNDS = (1, 5, 15, 30, 60, 300, 600, 1800, 3600, 14400, 86400)
"""Upper bounds of the processing-time histogram, in seconds."""
