"""One incident as a page: gathered once, for whoever shows it alone or with a form that was refused."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import abort, render_template
from flask_login import current_user
from sqlalchemy import Connection

from console.clock_pictures import draw
from console.desk import desk
from console.step_forms import Standing, StepForm, step_form
from console.step_words import four_eyes, sends
from incident_store.attachments import Purpose, attachments
from incident_store.blobs import Damaged
from incident_store.database import reading
from incident_store.domain.attribution import Ground
from incident_store.domain.exclusions import exclusions
from incident_store.domain.incident_clocks import earlier_dues, read_clocks
from incident_store.domain.incidents import Event, Kind
from incident_store.domain.lifecycle import EVERYWHERE, ROLES, EventKind
from incident_store.domain.steps import allowed
from incident_store.evidence import read_evidence
from incident_store.evidence_words import facts, gaps
from incident_store.outbox import notices_of_incident
from incident_store.queries import find_incident
from incident_store.regularisations import of_incident
from incident_store.words import GROUNDS, VALUES


def incident_page(
    number: int,
    *,
    refused: tuple[EventKind, StepForm] | None = None,
    trouble: str | None = None,
    since: Sequence[Event] | None = None,
    upload: Mapping[str, Any] | None = None,
) -> str:
    """The page of an incident; 404 when there is none.

    `refused` is a form to be shown again with what was typed, `trouble` what is wrong with it as a whole, `since` what
    happened meanwhile, `upload` what was said with a file that was not taken.
    """
    now = datetime.now(UTC)
    with reading(desk().engine).connect() as connection:
        found = find_incident(connection, number)
        if found is None:
            abort(404)
        record, episodes = found
        beside = _beside(connection, record.number, record.events)
    kind, policy = Kind(record.kind), desk().policy
    standing = Standing(record.events, kind)
    clocks = read_clocks(record.events, policy, now)
    return render_template(
        "incident.html",
        record=record,
        incident=record.incident,
        kind=kind,
        episodes=episodes,
        clocks=[(clock, draw(clock)) for clock in clocks],
        earlier=earlier_dues(record.events, policy),
        actions=_actions(standing, refused),
        refused=refused,
        trouble=trouble,
        since=since,
        upload=upload or {},
        purposes=Purpose,
        may_attach=current_user.role in ROLES[EventKind.NOTED],
        attachments=attachments(record.events),
        exclusions=exclusions(record.events),
        four_eyes=four_eyes(record.events, current_user.id),
        reasons=suspicion(record.events),
        now=now,
        **beside,
    )


def _beside(connection: Connection, number: int, events: Sequence[Event]) -> dict[str, Any]:
    """What the store holds of an incident besides its events and alerts."""
    try:
        evidence = [(one, facts(one), gaps(one)) for one in read_evidence(connection, events)]
        damaged = None
    except Damaged as error:
        evidence, damaged = [], str(error)
    return {
        "evidence": evidence,
        "damaged": damaged,
        "notices": notices_of_incident(connection, number),
        "owed": of_incident(connection, number),
    }


def _actions(standing: Standing, refused: tuple[EventKind, StepForm] | None) -> list[dict[str, Any]]:
    """The steps that this person may take now, each with its form and what it sends."""
    found = []
    for kind in allowed(standing.events, standing.kind, current_user.role):
        form = refused[1] if refused and refused[0] is kind else step_form(kind, standing)
        found.append(
            {
                "kind": kind,
                "form": form,
                "sends": sends(standing.events, standing.kind, kind),
                "main": kind not in EVERYWHERE,
                "open": bool(refused and refused[0] is kind),
            }
        )
    return found


def suspicion(events: Sequence[Event]) -> list[str]:
    """Why somebody is suspected, in sentences."""
    last = next((event for event in reversed(events) if event.kind is EventKind.SUSPECTED), None)
    grounds = {ground.value for ground in Ground}
    return [
        GROUNDS[Ground(name)].format(VALUES.get(value, value)) if name in grounds else VALUES.get(value, value)
        for name, value in (last.details.items() if last else ())
        if name in grounds or name == "evidence"
    ]
