"""IMEI arithmetic: fifteen digits = TAC 8 + serial 6 + Luhn digit; two IMEIs are compared on the first 14."""

import re
from enum import StrEnum

FIFTEEN_DIGITS = re.compile(r"[0-9]{15}")
FIRST_TEST_TAC = 101001
"""TAC 00101001, the test TAC; handsets beyond its million serials use the next test TACs, 001010xx."""


class ImeiFault(StrEnum):
    """Why a text is no IMEI."""

    LENGTH = "longitud"
    LUHN = "digito_verificador"
    ZEROS = "ceros"


def imei_fault(text: str) -> ImeiFault | None:
    """What is wrong with the IMEI, or None. All zeros passes Luhn and is invalid all the same."""
    if not FIFTEEN_DIGITS.fullmatch(text):
        return ImeiFault.LENGTH
    if text.count("0") == 15:
        return ImeiFault.ZEROS
    return None if text[14] == luhn_digit(text[:14]) else ImeiFault.LUHN


def luhn_digit(body: str) -> str:
    """The check digit of fourteen digits (3GPP TS 23.003, annex B)."""
    total = 0
    for position, digit in enumerate(body):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def synthetic_imei(number: int) -> str:
    """The synthetic handset `number` (0 to 98,999,999) as a valid IMEI of the test range."""
    tac, serial = divmod(number, 1_000_000)
    body = f"{FIRST_TEST_TAC + tac:08d}{serial:06d}"
    return body + luhn_digit(body)


def masked(imei: str) -> str:
    """The IMEI with its serial hidden: the TAC names a model, the serial a person."""
    return imei[:8] + "*" * (len(imei) - 8)
