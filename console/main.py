"""The process `renteseg console`."""

import secrets
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from console.app import create_app
from console.configuration_loaded import LoadedConfiguration
from console.desk import LoadNames, Replay, Watched
from console.identity_provider import IdentityProvider
from console.links import Places
from console.month_reports import MonthReports
from console.month_so_far import ReadReport
from console.pages.incident_files import MEBIBYTE
from groundwork.logs import configure_logs
from groundwork.problems import Refused
from groundwork.secret_files import write_secret
from groundwork.serving import serve
from groundwork.settings import Settings
from incident_store.database import open_store
from incident_store.policy_file import read_policy

Read = TypeVar("Read")
SHORTEST_KEY = 32
REMEMBERED_SECONDS = 15
LEAST_BODY = 16
"""Megabytes of a request that are read at all; what is larger than a view takes is refused in words before that."""


def run(
    settings: Settings,
    watched: Watched,
    read_report: ReadReport,
    reports: MonthReports,
    replay: Replay,
    loads: LoadNames,
) -> None:
    """Serve until ended; `watched` reads the components anew, `read_report` reckons the month until a moment;
    `reports` answers for whole months, `replay` reads a quarantine entry again, `loads` says what loads are called.

    Raises ConfigurationError before listening when the configuration is unusable.
    """
    configure_logs("console")
    app = create_app(
        open_store(settings.database_url),
        read_policy(settings.config),
        session_key(settings.state / "secrets" / "session-key"),
        watched=remembered(watched),
        loads=remembered(loads),
        file_loads_url=settings.file_loads_url,
        prometheus_url=settings.prometheus_url,
        read_report=read_report,
        reports=reports,
        places=Places(settings.grafana_url, settings.prometheus_public_url, settings.alertmanager_public_url),
        requests_per_minute=settings.api_requests_per_minute,
        largest_file=settings.attachment_megabytes * 1024 * 1024,
        replay=replay,
        configuration=LoadedConfiguration(settings.config),
        console_url=settings.console_url,
        proxies=settings.console_proxies,
        identity_provider=identity_provider(settings),
    )
    largest = max(LEAST_BODY, settings.attachment_megabytes * 4 // 3 + 2)  # a file in Base64, as the API takes it
    serve(app, settings.host, settings.console_port, max_body=largest * MEBIBYTE)


def remembered(read: Callable[[], Sequence[Read]]) -> Callable[[], Sequence[Read]]:
    """What was read last, for a few seconds: ten thousand components take a while to read."""

    @lru_cache(maxsize=1)
    def at(_moment: int) -> Sequence[Read]:
        return read()

    return lambda: at(int(time.monotonic() / REMEMBERED_SECONDS))


def identity_provider(settings: Settings) -> IdentityProvider | None:
    """The provider that the settings name, None for none; raises Refused for settings that are not whole."""
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_client or settings.oidc_secret_file is None:
        raise Refused("RENTESEG_OIDC_ISSUER needs RENTESEG_OIDC_CLIENT and RENTESEG_OIDC_SECRET_FILE beside it")
    try:
        secret = settings.oidc_secret_file.read_text(encoding="utf-8").strip()
        words = (settings.oidc_issuer, settings.oidc_client, secret, settings.oidc_claim, settings.oidc_name)
        return IdentityProvider(*words, settings.oidc_ca_file)
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"a file that RENTESEG_OIDC_… names cannot be read: {error}") from error


def session_key(path: Path) -> str:
    """The key that signs sessions, made at the first start and kept, so that a restart logs nobody out.

    One that is too short to be a secret, as a full disk may leave behind, is made anew. Raises Refused when the file
    can be neither read nor written.
    """
    try:
        if path.exists() and len(key := path.read_text(encoding="utf-8").strip()) >= SHORTEST_KEY:
            return key
        key = secrets.token_hex(32)
        write_secret(path, key)
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{path} cannot be used: {error}; make it readable, or remove it") from error
    return key
