"""Holidays are those of the package, though only one country's file of it is read."""

import subprocess
import sys

import holidays
import pytest

from groundwork.closed_days import KNOWN, YEARS, ClosedDays


@pytest.mark.parametrize("country", ["PE", "PER", "US", "CL", "DE"])
def test_a_country_has_the_holidays_of_the_package(country: str) -> None:
    expected = holidays.country_holidays(country, years=YEARS, language="es")

    assert ClosedDays(holidays=country).closed_days == dict(expected.items())


def test_the_countries_are_those_of_the_package() -> None:
    assert set(holidays.list_supported_countries()) <= KNOWN


def test_only_one_country_is_loaded() -> None:
    words = "from groundwork.closed_days import ClosedDays as C; C(holidays='PE').closed_days"
    told = f"{words}; import sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()

    assert [name for name in loaded if name.startswith("holidays.countries")] == []
