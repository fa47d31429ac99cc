"""Days that are closed whole: a country's holidays, kept by the `holidays` package, and days that no package knows."""

import functools
import importlib.util
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Literal

import holidays as packaged
from holidays.registry import COUNTRIES
from pydantic import Field, field_validator

from groundwork.configuration import Strict

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
YEARS = range(2020, 2051)
"""The years whose holidays are known."""

KNOWN = frozenset(code for _, *codes in COUNTRIES.values() for code in codes)


class ClosedDays(Strict):
    """When a calendar is closed whole: `holidays` names the country, `extra_holidays` the days a decree adds."""

    holidays: str | None = None
    extra_holidays: dict[date, str] = Field(default_factory=dict)

    @field_validator("holidays")
    @classmethod
    def _known_country(cls, country: str | None) -> str | None:
        if country is not None and country not in KNOWN:
            raise ValueError("is no country code that the holidays package knows, such as PE")
        return country

    @functools.cached_property
    def closed_days(self) -> Mapping[date, str]:
        """Every closed day by name; the extra list wins where both name a day."""
        return {**(_holidays_of(self.holidays) if self.holidays else {}), **self.extra_holidays}


@functools.lru_cache(maxsize=8)
def _holidays_of(country: str) -> dict[date, str]:
    return dict(_class_of(country)(years=YEARS, language="es").items())


def _class_of(country: str) -> type[packaged.HolidayBase]:
    """The package's class for a country, from its one file: the package itself would load every country there is."""
    module, names = next((module, names) for module, names in COUNTRIES.items() if country in names[1:])
    file = Path(packaged.__file__).parent / "countries" / f"{module}.py"
    spec = importlib.util.spec_from_file_location(f"{__name__}.{module}", file)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    found: type[packaged.HolidayBase] = getattr(loaded, names[0])
    return found
