"""Times as forms take them: Lima's, to the second, within the years that can be reckoned with."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from wtforms import DateTimeLocalField, ValidationError

LIMA = ZoneInfo("America/Lima")
WRITTEN = "%Y-%m-%dT%H:%M:%S"
YEARS = range(2000, 2100)


class MomentField(DateTimeLocalField):  # type: ignore[misc]
    """A time of Lima; `moment` is the same in UTC, None when nothing was written."""

    def __init__(self, label: str, validators: Any = None, **words: Any) -> None:
        words.setdefault("render_kw", {"step": "1"})
        super().__init__(label, validators, format=[WRITTEN, "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"], **words)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read it; raises ValueError in Spanish for what is no time."""
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError("No es una fecha y hora.") from None

    def pre_validate(self, _form: Any) -> None:
        """Refuse years in which nothing was watched."""
        if self.data is not None and self.data.year not in YEARS:
            raise ValidationError("El año debe estar entre 2000 y 2099.")

    @property
    def moment(self) -> datetime | None:
        """The time in UTC."""
        return None if self.data is None else self.data.replace(tzinfo=LIMA).astimezone(UTC)


def written(moment: datetime) -> datetime:
    """A time as the form shows it: Lima's clock, without zone."""
    return moment.astimezone(LIMA).replace(tzinfo=None, microsecond=0)
