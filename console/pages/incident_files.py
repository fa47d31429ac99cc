"""The files of an incident: attached from a form, handed out as they came."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Flask, Response, abort, flash, redirect, request, url_for
from flask_login import current_user, login_required
from sqlalchemy import Connection

from console.desk import desk
from console.incident_page import incident_page
from console.step_words import REFUSALS
from groundwork.problems import Refused
from incident_store.advance import NoSuchIncident, StepRefused
from incident_store.attachments import Attachment, Purpose, attach, content, find_attachment
from incident_store.blobs import TooLarge
from incident_store.database import reading
from incident_store.domain.steps import Actor
from incident_store.file_kinds import KINDS, NotTaken
from incident_store.given import LARGEST_NUMBER

file_pages = Blueprint("files", __name__)

MEBIBYTE = 1024 * 1024
FORM_AROUND = 64 * 1024
"""Bytes that a form may have around its file."""
NOT_TAKEN = "No se acepta: su contenido no es el que dice su nombre, o no es de un tipo admitido ({})."


def prepare_uploads(app: Flask) -> None:
    """Let the form of files be as large as a file, before anybody looks into it for the form's token."""

    @app.before_request
    def make_room() -> None:
        if request.endpoint == "files.add":
            request.max_content_length = desk().largest_file + FORM_AROUND


@file_pages.post("/incidencias/<int:number>/archivos")
@login_required  # type: ignore[untyped-decorator]
def add(number: int) -> Any:
    """Attach a file; one that is not taken is refused beside its field."""
    limit = desk().largest_file
    purpose = request.form.get("purpose", "")
    given = request.files.get("file")
    if purpose not in set(Purpose):
        return _again(number, purpose, "Elija el uso del archivo.")
    if given is None or not given.filename:
        return _again(number, purpose, "Elija un archivo.")
    actor, now = Actor(current_user.id, current_user.role), datetime.now(UTC)
    try:
        one = attach(desk().engine, number, given.filename, given.stream, Purpose(purpose), actor, now, limit=limit)
    except NoSuchIncident:
        abort(404)
    except TooLarge:
        return _again(number, purpose, f"El archivo supera el máximo de {limit // MEBIBYTE} MB.", 413)
    except NotTaken:
        return _again(number, purpose, NOT_TAKEN.format(", ".join(sorted(KINDS))))
    except StepRefused as error:
        return _again(number, purpose, REFUSALS[error.reason], 403)
    flash(f"Adjuntado: {one.name}", "success")
    return redirect(url_for("incidents.incident", number=number), 303)


def _again(number: int, purpose: str, words: str, status: int = 422) -> tuple[str, int]:
    return incident_page(number, upload={"purpose": purpose, "error": words}), status


@file_pages.get("/incidencias/<int:number>/archivos/<int:place>")
@login_required  # type: ignore[untyped-decorator]
def hand_out(number: int, place: int) -> Response:
    """The bytes as they came, to be saved and never shown inside the console."""
    if number > LARGEST_NUMBER:
        abort(404)
    connection = reading(desk().engine).connect()
    try:
        one = find_attachment(connection, number, place)
    except Refused:
        connection.close()
        abort(404)
    response = Response(_pieces(connection, one), content_type="application/octet-stream")
    response.headers.set("Content-Disposition", "attachment", filename=one.name)
    response.headers["Content-Length"] = str(one.blob.size)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _pieces(connection: Connection, one: Attachment) -> Iterator[bytes]:
    with connection:
        yield from content(connection, one)
