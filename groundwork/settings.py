"""What differs from one machine to the next, read from the environment and from `.env`.

Everything else is configuration (`config/`), which may name these values as `${RENTESEG_…}`.
"""

from pathlib import Path

from dotenv import load_dotenv
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from groundwork.problems import ConfigurationError, Problem


class Settings(BaseSettings):
    """Addresses, folders and databases. Ports are TCP ports on `host`."""

    model_config = SettingsConfigDict(env_prefix="RENTESEG_", extra="ignore", env_ignore_empty=True)

    host: str = "127.0.0.1"
    state: Path = Path(".state")
    config: Path = Path("config")
    database_url: str = ""
    load_log_url: str = ""
    simulator_database_url: str = ""
    webhook_token_file: Path | None = None
    web_config: Path | None = None

    prometheus_port: int = 9090
    alertmanager_port: int = 9093
    availability_port: int = 9801
    file_loads_port: int = 9802
    incidents_port: int = 9803
    webhook_port: int = 9804
    console_port: int = 8080
    simulator_port: int = 8100
    simulator_tls_port: int = 8101
    simulator_link_port: int = 8102
    smtp_port: int = 1025
    mail_port: int = 8025
    console_url: str = ""
    grafana_url: str = ""

    def model_post_init(self, _context: object) -> None:
        """Databases and secrets live under the state folder unless told otherwise."""
        self.state = self.state.absolute()
        self.config = self.config.absolute()
        self.database_url = self.database_url or f"sqlite:///{self.state}/incidents.db"
        self.simulator_database_url = self.simulator_database_url or f"sqlite:///{self.state}/simulator/renteseg.db"
        self.load_log_url = self.load_log_url or self.simulator_database_url
        self.console_url = self.console_url or f"http://{self.host}:{self.console_port}"
        self.webhook_token_file = self.webhook_token_file or self.state / "secrets" / "webhook-token"

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, for child processes and `${…}` in configuration."""
        given = self.model_dump(exclude_none=True)
        return {f"RENTESEG_{name.upper()}": str(value) for name, value in given.items()}


def read_settings() -> Settings:
    """The settings of this machine; raises ConfigurationError naming the variable at fault.

    What stands in `.env` alone, such as mail addresses, is put into the environment too, where `${…}` finds it.
    """
    load_dotenv(".env")
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigurationError(
            [
                Problem(
                    file=".env",
                    where=f"RENTESEG_{'_'.join(str(part) for part in entry['loc']).upper()}",
                    what=entry["msg"],
                    remedy="correct the value in .env or in the environment",
                )
                for entry in error.errors()
            ]
        ) from error
