"""How much traffic the simulator makes and how fast its days pass, read from the environment and `.env`."""

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from groundwork.problems import ConfigurationError, Problem


class Options(BaseSettings):
    """`scale` is the share of Peru's real daily volumes; `speed` says how many files a day each load sends.

    A file of each operator and type comes every 86400 / speed seconds. Speed 1 is real time: one file a day,
    delivered between 02:00 and 05:45 in Lima. Above 8640 the processor, at four files a second, could not follow.
    """

    model_config = SettingsConfigDict(
        env_prefix="RENTESEG_SIMULATOR_", env_file=".env", extra="ignore", env_ignore_empty=True
    )

    scale: float = Field(default=0.01, gt=0, le=1, allow_inf_nan=False)
    speed: float = Field(default=96, ge=1, le=8640, allow_inf_nan=False)


def read_options() -> Options:
    """The options of this machine; raises ConfigurationError naming the variable at fault."""
    try:
        return Options()
    except ValidationError as error:
        raise ConfigurationError(_problem(str(entry["loc"][0]), entry["msg"]) for entry in error.errors()) from error


def _problem(name: str, what: str) -> Problem:
    return Problem(
        file=".env",
        where=f"RENTESEG_SIMULATOR_{name.upper()}",
        what=what,
        remedy="correct the value in .env or in the environment",
    )
