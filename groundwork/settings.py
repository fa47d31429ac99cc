"""What differs from one machine to the next, read from the environment and from `.env`.

Everything else is configuration (`config/`), which may name these values as `${RENTESEG_…}`.
"""

import re
from pathlib import Path
from typing import Annotated

from dotenv import load_dotenv
from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL

from groundwork.problems import ConfigurationError, Problem

UNFIT = re.compile(r"""[\x00-\x1f\x7f\ud800-\udfff%?#:;"'\\*\[\]{}]""")


def _fit(path: Path) -> Path:
    """A path that keeps its meaning in YAML, in database addresses, in file patterns and in supervisord's file."""
    if found := UNFIT.search(str(path.absolute())):
        raise ValueError(
            f"{str(path.absolute())!r} holds {found[0]!r}, which some file or program would read otherwise"
        )
    return path


Port = Annotated[int, Field(ge=1, le=65535)]
Kept = Annotated[Path, AfterValidator(_fit)]
"""A path that is written into configuration and addresses."""


class Settings(BaseSettings):
    """Addresses, folders and databases. Ports are TCP ports on `host`."""

    model_config = SettingsConfigDict(env_prefix="RENTESEG_", extra="ignore", env_ignore_empty=True)

    host: str = "127.0.0.1"
    state: Kept = Path(".state")
    config: Path = Path("config")
    database_url: str = ""
    load_log_url: str = ""
    simulator_database_url: str = ""
    webhook_token_file: Kept | None = None
    imap_password_file: Kept | None = None
    prometheus_url: str = ""
    alertmanager_urls: str = ""
    alertmanager_receiver: str = "webhook"
    poll_seconds: float = Field(default=30, ge=1)
    watchdog_seconds: float = Field(default=60, ge=1)
    bodies_kept_days: int = Field(default=90, ge=1)
    evidence_patience_days: int = Field(default=15, ge=1)
    attachment_megabytes: int = Field(default=25, ge=1, le=2048)
    api_requests_per_minute: int = Field(default=600, ge=1)
    web_config: Path | None = None

    prometheus_port: Port = 9090
    alertmanager_port: Port = 9093
    availability_port: Port = 9801
    file_loads_port: Port = 9802
    incidents_port: Port = 9803
    webhook_port: Port = 9804
    worker_port: Port = 9805
    console_port: Port = 8080
    simulator_port: Port = 8100
    simulator_tls_port: Port = 8101
    simulator_link_port: Port = 8102
    smtp_port: Port = 1025
    imap_port: Port = 1143
    mail_port: Port = 8025
    imap_host: str = ""
    mailroom_from: str = "renteseg@osiptel.example"
    console_url: str = ""
    console_proxies: int = Field(default=0, ge=0, le=9)
    oidc_issuer: str = ""
    oidc_client: str = ""
    oidc_secret_file: Kept | None = None
    oidc_ca_file: Kept | None = None
    oidc_claim: str = "preferred_username"
    oidc_name: str = "la cuenta institucional"
    grafana_url: str = ""
    prometheus_public_url: str = ""
    alertmanager_public_url: str = ""
    file_loads_url: str = ""

    def model_post_init(self, _context: object) -> None:
        """Databases and secrets live under the state folder unless told otherwise."""
        self.state = self.state.absolute()
        self.config = self.config.absolute()
        self.database_url = self.database_url or _sqlite(self.state / "incidents.db")
        self.simulator_database_url = self.simulator_database_url or _sqlite(self.state / "simulator" / "renteseg.db")
        self.load_log_url = self.load_log_url or self.simulator_database_url
        self.prometheus_url = self.prometheus_url or f"http://{self.host}:{self.prometheus_port}"
        self.alertmanager_urls = self.alertmanager_urls or f"http://{self.host}:{self.alertmanager_port}"
        self.file_loads_url = (self.file_loads_url or f"http://{self.host}:{self.file_loads_port}").rstrip("/")
        self.console_url = self.console_url or f"http://{self.host}:{self.console_port}"
        self.webhook_token_file = self.webhook_token_file or self.state / "secrets" / "webhook-token"
        self.imap_password_file = self.imap_password_file or self.state / "secrets" / "imap-password"

    @property
    def alertmanagers(self) -> list[str]:
        """The addresses of the Alertmanagers that post to the receiver."""
        return [url.strip().rstrip("/") for url in self.alertmanager_urls.split(",") if url.strip()]

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, for child processes and `${…}` in configuration."""
        given = self.model_dump(exclude_none=True)
        return {f"RENTESEG_{name.upper()}": str(value) for name, value in given.items()}


def _sqlite(file: Path) -> str:
    return URL.create("sqlite", database=str(file)).render_as_string(hide_password=False)


def read_settings() -> Settings:
    """The settings of this machine; raises ConfigurationError naming the variable at fault.

    What stands in `.env` alone, such as mail addresses, is put into the environment too, where `${…}` finds it.
    """
    try:
        load_dotenv(".env")
        return Settings()
    except ValidationError as error:
        raise ConfigurationError(
            Problem(
                file=".env",
                where=f"RENTESEG_{'_'.join(str(part) for part in entry['loc']).upper()}",
                what=entry["msg"].removeprefix("Value error, "),
                remedy="correct the value in .env or in the environment",
            )
            for entry in error.errors()
        ) from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            [Problem(".env", f"cannot be read: {error}", "make it readable UTF-8 text")]
        ) from error
