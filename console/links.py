"""Links to where an alert came from: what it carries itself, when it is an address that a browser may follow."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from incident_store.domain.episodes import Episode

CARRIED = (("dashboard_url", "Tablero"), ("runbook_url", "Guía"))


def deep_links(episode: Episode) -> Iterator[tuple[str, str]]:
    """Words and addresses of an alert's own links."""
    for annotation, words in CARRIED:
        link = episode.annotations.get(annotation, "")
        if _followable(link):
            yield words, link


def _followable(link: str) -> bool:
    """An absolute web address; `javascript:` and its kin are none."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)
