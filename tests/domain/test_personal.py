"""No IMEI, line or document of identity leaves in clear, and what is none of these is still read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_store.domain.personal import masked


@pytest.mark.parametrize(
    "number",
    [
        "001010100000014",
        "00101010000001",
        "0010101000000148",
        "00 101010 000001 4",
        "00-101010-000001-4",
        "716101234567890",
        "8951061234567890123",
        "51987654321",
        "+51987654321",
        "+51 987 654 321",
        "987654321",
        "987-654-321",
        "987.654.321",
        "45678912",
        "001234567",
        "000123456789",
        "20512345678",
        "10456789123",
    ],
)
@pytest.mark.parametrize(
    "around", ["{}", "el {} falló", "({})", "IMEI:{},", '"{}"', "nº {}.", "={};", "\n{}\n", "{}/x"]
)
def test_a_number_of_a_person_is_hidden_wherever_it_stands(number: str, around: str) -> None:
    shown = masked(around.format(number))
    digits = "".join(character for character in number if character.isdigit())
    assert "dato oculto" in shown
    assert digits[:-2] not in "".join(character for character in shown if character.isdigit())
    assert shown.startswith(around.split("{}", maxsplit=1)[0])


@pytest.mark.parametrize("text", ["pasaporte AB123456", "Pasaporte N° 1234567", "pasaporte: x9y8z7"])
def test_a_passport_is_hidden_where_it_is_called_one(text: str) -> None:
    assert masked(text).endswith(f"[dato oculto …{text[-2:]}]")


@pytest.mark.parametrize(
    "text",
    [
        "CLARO_ROBOS_20260226_01.txt",
        "05/10/2026 12:00:01",
        "2026-10-05T17:00:00Z",
        "ticket INC-004512, error F09, 5 % de 4000 filas",
        "tardó 12.345 s, HTTP 503",
        "10.20.30.40:8443",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "puerto 9801 y 1025",
        "1759683600",
        "",
    ],
)
def test_what_is_no_number_of_a_person_is_left(text: str) -> None:
    assert masked(text) == text


@given(st.text(max_size=80), st.from_regex(r"[0-9]{14,17}", fullmatch=True), st.text(max_size=80))
def test_whatever_stands_around_it_no_handset_is_told_as_a_word(before: str, number: str, after: str) -> None:
    assert f" {number} " not in masked(f"{before} {number} {after}")


@given(st.text(max_size=200))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    assert masked(masked(text)) == masked(text)
