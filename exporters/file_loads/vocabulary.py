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


OUTCOMES = {FileState(outcome.value): outcome for outcome in Outcome}


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
