"""The process `renteseg webhook`."""

import ctypes
import gc
from contextlib import suppress
from pathlib import Path

from alertmanager_webhook.app import LARGEST_BODY, create_app
from groundwork.configuration import read_text
from groundwork.logs import configure_logs
from groundwork.problems import ConfigurationError, Problem
from groundwork.serving import serve
from groundwork.settings import Settings
from incident_store.database import open_store
from incident_store.policy_file import read_policy

SHORTEST_TOKEN = 16
M_ARENA_MAX = -8
"""The parameter's number in glibc's malloc.h."""
YOUNG_OBJECTS = 10_000
"""So many new objects between two searches for cycles: a delivery of a hundred alerts makes more than the usual 700."""


def run(settings: Settings) -> None:
    """Serve until ended; raises ConfigurationError before listening when anything it needs is unusable."""
    configure_logs("webhook")
    engine, policy = open_store(settings.database_url, ping=False), read_policy(settings.config)
    app = create_app(engine, policy, read_token(settings.webhook_token_file))
    settle_memory()
    serve(app, settings.host, settings.webhook_port, max_body=LARGEST_BODY)


def settle_memory() -> None:
    """What lives as long as the process is not searched for cycles in a storm, and all threads share the allocator's
    one arena: glibc would give each its own, and keep in each what its largest delivery took."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    with suppress(OSError, AttributeError):  # another C library has no such setting
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def read_token(path: Path | None) -> str:
    """The bearer token in this file; raises ConfigurationError when it is missing or too short to be a secret."""
    if path is None:
        remedy = "name a file with a secret of 16 characters or more"
        raise ConfigurationError([Problem(".env", "is not set", remedy, where="RENTESEG_WEBHOOK_TOKEN_FILE")])
    token = read_text(path).strip()
    if len(token) < SHORTEST_TOKEN:
        what = f"holds a token of fewer than {SHORTEST_TOKEN} characters"
        raise ConfigurationError([Problem(str(path), what, "write a long random one: openssl rand -hex 32")])
    return token
