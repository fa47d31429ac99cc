"""The process `renteseg console`."""

import secrets
from pathlib import Path

from console.app import create_app
from groundwork.logs import configure_logs
from groundwork.serving import serve
from groundwork.settings import Settings
from incident_store.database import open_store
from incident_store.policy_file import read_policy


def run(settings: Settings) -> None:
    """Serve until ended; raises ConfigurationError before listening when the configuration is unusable."""
    configure_logs("console")
    app = create_app(
        open_store(settings.database_url),
        read_policy(settings.config),
        session_key(settings.state / "secrets" / "session-key"),
    )
    serve(app, settings.host, settings.console_port, max_body=1024 * 1024)


def session_key(path: Path) -> str:
    """The key that signs sessions, made at the first start and kept, so that a restart logs nobody out."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(secrets.token_hex(32), encoding="utf-8")
    except FileExistsError:
        pass
    return path.read_text(encoding="utf-8").strip()
