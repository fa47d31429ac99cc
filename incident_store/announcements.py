"""What is told to those concerned, drafted from the facts; a supervisor reads it before it leaves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from incident_store.domain.maintenance import Stage, Window
from incident_store.domain.policies import SlaPolicy
from incident_store.domain.regularisations import Regularisation
from incident_store.terminal import lima


@dataclass(frozen=True)
class Announcement:
    """A draft: `subject` is one line, `text` is plain text."""

    subject: str
    text: str


def window_announcement(window: Window, now: datetime) -> Announcement | None:
    """What there is to tell of a window now: that it comes, that it was cancelled after it was told; else nothing."""
    stage = window.stage(now)
    if stage is Stage.CANCELLED:
        return None if window.announced_at is None else cancellation_announcement(window)
    return None if stage in {Stage.ENDED, Stage.LAPSED} else maintenance_announcement(window)


def cancellation_announcement(window: Window) -> Announcement:
    """What is told of a window that was cancelled to those who had been told of it."""
    return Announcement(
        subject=f"RENTESEG: mantenimiento cancelado {lima(window.span.start)} ({_of(window)})",
        text=f"""Estimados:

Queda cancelado el siguiente mantenimiento del RENTESEG que se había comunicado (hora de Lima):

{_facts(window)}

En ese horario los componentes indicados se atienden como en cualquier otro: si no responden, repórtelo por los canales
habituales.

Unidad Funcional del RENTESEG, OSIPTEL
""",
    )


def maintenance_announcement(window: Window) -> Announcement:
    """What is told of a maintenance window before it begins."""
    return Announcement(
        subject=f"RENTESEG: mantenimiento programado {lima(window.span.start)} ({_of(window)})",
        text=f"""Estimados:

Se comunica el siguiente mantenimiento del RENTESEG (hora de Lima):

{_facts(window)}

Efecto: durante ese tiempo los componentes indicados pueden no responder o responder con lentitud. La información que
no pueda enviarse o procesarse queda pendiente y se atiende al terminar. No es necesario reportar la indisponibilidad
dentro de la ventana; si continúa después de la hora indicada, repórtela por los canales habituales.

Unidad Funcional del RENTESEG, OSIPTEL
""",
    )


def regularisation_announcement(
    incident: int, owed: Sequence[Regularisation], policy: SlaPolicy, now: datetime
) -> Announcement:
    """What operators are told at closing: what is still owed by whom, until when."""
    pending = [one for one in owed if one.processed_at is None]
    lines = "\n".join(_owed(one) for one in sorted(pending, key=lambda one: one.load))
    source = "" if policy.at(now).regularisation.contractual else " (valor por defecto, no contractual)"
    return Announcement(
        subject=f"RENTESEG: regularización de cargas pendientes, incidencia {incident}",
        text=f"""Estimados:

Por la indisponibilidad confirmada en la incidencia {incident}, quedan por regularizar las siguientes cargas, con el
plazo indicado (hora de Lima){source}:

{lines or "Ninguna: todas fueron procesadas."}

Los archivos que fueron rechazados o no llegaron deben reenviarse con el número de secuencia siguiente. Cada pendiente
se da por atendido cuando el archivo queda procesado; lo que siga pendiente al vencer el plazo se informa como vencido.

Unidad Funcional del RENTESEG, OSIPTEL
""",
    )


def _of(window: Window) -> str:
    return f"servicio {flat(window.service)}" if window.service else _listed(window.components)


def _facts(window: Window) -> str:
    return f"""Componentes: {_listed(window.components)}
Desde: {lima(window.span.start)}
Hasta: {lima(window.span.end)}
Motivo: {flat(window.reason)}"""


def _owed(one: Regularisation) -> str:
    load = one.load
    return f"- {flat(load.operator)}: {flat(load.file_type)} del {load.data_day:%d/%m/%Y}, hasta {lima(one.due_at)}"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(flat(name) for name in names)


def flat(text: str) -> str:
    """Text from outside, on one line and without what steers a terminal or a mail's header."""
    return "".join(character if character.isprintable() else " " for character in text)
