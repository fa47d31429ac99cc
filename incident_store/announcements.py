"""What is told to those concerned, drafted from the facts; a supervisor reads it before it leaves."""

from dataclasses import dataclass

from incident_store.domain.maintenance import Window
from incident_store.terminal import lima


@dataclass(frozen=True)
class Announcement:
    """A draft: `subject` is one line, `text` is plain text."""

    subject: str
    text: str


def maintenance_announcement(window: Window) -> Announcement:
    """What is told of a maintenance window before it begins."""
    what = f"servicio {flat(window.service)}" if window.service else _listed(window.components)
    return Announcement(
        subject=f"RENTESEG: mantenimiento programado {lima(window.span.start)} ({what})",
        text=f"""Estimados:

Se comunica el siguiente mantenimiento del RENTESEG (hora de Lima):

Componentes: {_listed(window.components)}
Desde: {lima(window.span.start)}
Hasta: {lima(window.span.end)}
Motivo: {flat(window.reason)}

Efecto: durante ese tiempo los componentes indicados pueden no responder o responder con lentitud. La información que
no pueda enviarse o procesarse queda pendiente y se atiende al terminar. No es necesario reportar la indisponibilidad
dentro de la ventana; si continúa después de la hora indicada, repórtela por los canales habituales.

Unidad Funcional del RENTESEG, OSIPTEL
""",
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(flat(name) for name in names)


def flat(text: str) -> str:
    """Text from outside, on one line and without what steers a terminal or a mail's header."""
    return "".join(character if character.isprintable() else " " for character in text)
