"""The filters of the queue as they live in its address."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from incident_store.domain.incidents import Kind
from incident_store.domain.lifecycle import State
from incident_store.domain.policies import Responsible, Severity
from incident_store.given import LARGEST_NUMBER
from incident_store.queries import ENDED, OPEN, Wanted


class View(StrEnum):
    """Which part of the incidents is looked at; the values stand in addresses."""

    OPEN = "abiertas"
    TO_CONSOLIDATE = "por-consolidar"
    ENDED = "terminadas"
    ALL = "todas"


VIEWS: Mapping[View, tuple[State, ...]] = {
    View.OPEN: tuple(State(state) for state in OPEN),
    View.TO_CONSOLIDATE: (State.CLOSED,),
    View.ENDED: tuple(State(state) for state in ENDED),
    View.ALL: (),
}
LONGEST_TEXT = 200


@dataclass(frozen=True)
class Filters:
    """What is asked for. `wrong` names the words of the address that mean nothing, for the person to see."""

    view: View = View.OPEN
    state: State | None = None
    kind: Kind | None = None
    severity: Severity | None = None
    responsible: Responsible | None = None
    text: str = ""
    before: int | None = None
    wrong: tuple[str, ...] = ()

    @property
    def narrowed(self) -> bool:
        """Whether anything but the view is chosen."""
        return any((self.state, self.kind, self.severity, self.responsible, self.text))

    def wanted(self) -> Wanted:
        """The same for the store."""
        return Wanted(
            states=(self.state,) if self.state else VIEWS[self.view],
            kinds=(self.kind,) if self.kind else (),
            severities=(self.severity,) if self.severity else (),
            responsibles=(self.responsible,) if self.responsible else (),
            text=self.text or None,
        )


def read_filters(given: Mapping[str, str]) -> Filters:
    """The filters of an address; what means nothing is passed over and named."""
    found: dict[str, Any] = {}
    wrong = []
    for name, (word, read) in WORDS.items():
        text = given.get(word, "").strip()
        try:
            found |= {name: read(text)} if text else {}
        except ValueError:
            wrong.append(f"{word}={text[:60]}")
    return Filters(**found, wrong=tuple(wrong))


def _text(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds a control character")
    return text[:LONGEST_TEXT]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= LARGEST_NUMBER):
        raise ValueError("is no number")
    return int(text)


WORDS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "view": ("ver", View),
    "state": ("estado", State),
    "kind": ("tipo", Kind),
    "severity": ("criticidad", Severity),
    "responsible": ("responsable", Responsible),
    "text": ("texto", _text),
    "before": ("antes", _number),
}
"""Field, the word that stands for it in an address, and how its value is read."""
