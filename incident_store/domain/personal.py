"""Personal data in free text, hidden before it leaves the house: handsets, lines and documents of identity.

What looks like one is hidden, for a hidden number can be asked for and a told one cannot be taken back. The last two
digits stay, so that two people can tell whether they speak of the same one.
"""

import re

PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Not within a digest, whose digits stand among letters up to f.
        r"(?<![0-9a-f])\d{14,20}(?![0-9a-f])",  # IMEI, IMEISV, IMSI, ICCID
        r"(?<!\d)\d{2}[ .-]\d{6}[ .-]\d{6}[ .-]\d{1,2}(?!\d)",  # an IMEI in its groups
        r"(?<![0-9a-f])(?:\+?51[ .-]?)?9\d\d[ .-]?\d{3}[ .-]?\d{3}(?![0-9a-f])",  # a line, as people write it
        r"(?<![0-9a-f])(?:10|15|17|20)\d{9}(?![0-9a-f])",  # RUC
        # Not within a word either, such as the day in CLARO_ROBOS_20260226_01.txt.
        r"(?<!\w)(?:\d{8}|\d{9}|\d{12})(?!\w)",  # DNI, carné de extranjería
    )
)
PASSPORT = re.compile(r"(pasaporte\W{0,3}(?:n\W{0,3})?(?:nro\W{0,3})?)(\w*\d\w*)", re.IGNORECASE)


def masked(text: str) -> str:
    """The text with every number hidden that could be an IMEI, an IMSI, a line or a document of identity."""
    for pattern in PATTERNS:
        text = pattern.sub(lambda match: _hidden(match[0]), text)
    return PASSPORT.sub(lambda match: match[1] + _hidden(match[2]), text)


def _hidden(value: str) -> str:
    return f"[dato oculto …{value[-2:]}]"
