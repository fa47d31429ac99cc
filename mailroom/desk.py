"""The mailroom's configuration while it works: read again when its file changes, kept as it was when it is wrong."""

from pathlib import Path

import structlog

from groundwork.configuration import read_text
from groundwork.problems import ConfigurationError, Problem
from groundwork.settings import Settings
from incident_store.domain.policies import SlaPolicy
from mailroom.contacts import FILE, Contacts, read_contacts
from mailroom.wording import Wording

log = structlog.get_logger()


class Desk:
    """Contacts, templates, policy and the console's address; raises ConfigurationError when the first look finds them
    wrong."""

    def __init__(self, settings: Settings, policy: SlaPolicy) -> None:
        self.policy = policy
        self.console_url = settings.console_url.rstrip("/")
        self.wording = Wording(settings.config)
        self._config = settings.config
        self._read_at = self._changed_at()
        self._contacts = read_contacts(settings.config)

    @property
    def contacts(self) -> Contacts:
        """The contacts as the file has them now."""
        changed_at = self._changed_at()
        if changed_at != self._read_at:
            self._read_at = changed_at
            try:
                self._contacts = read_contacts(self._config)
            except ConfigurationError as error:
                for problem in error.problems:
                    log.error("contacts kept as they were", problem=str(problem))
        return self._contacts

    def _changed_at(self) -> int:
        try:
            return (self._config / FILE).stat().st_mtime_ns
        except OSError:
            return 0


def secret(file: Path) -> str:
    """The secret in a file; raises ConfigurationError when it cannot be read or is empty."""
    found = read_text(file).strip()
    if not found or not found.isprintable():
        raise ConfigurationError([Problem(str(file), "holds no secret of one line", "write the secret into it")])
    return found
