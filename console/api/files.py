"""What belongs to an incident beside its events: attached files, evidence of its openings, texts drafted from it."""

import base64
from io import BytesIO

from console.api.models import DraftTold, EvidenceTold, FileKept, FileTold, NewFile
from console.api.operations import PREFIX, Call, Nothing, Operation, Reply
from console.api.problems import Problem, Trouble
from console.desk import desk
from groundwork.problems import Refused
from incident_store.advance import NoSuchIncident
from incident_store.attachments import attachments, check_role, keep, offered
from incident_store.blobs import get
from incident_store.documents import attachment_json
from incident_store.domain.steps import Reason
from incident_store.drafts import DRAFTS, DraftKind, read_case
from incident_store.incident_rows import history

LARGEST_BODY = 15 * 1024 * 1024
"""Bytes of a request with a file, which is a third longer in base64; larger files are attached from the terminal."""


def attach_file(call: Call[Nothing, NewFile]) -> Reply:
    """Attach a log, a capture or the provider's report, known by its content and kept with its SHA-256."""
    number, given = call.place["incident"], call.body
    check_role(call.actor)
    with offered(given.name, BytesIO(given.content), given.purpose, desk().largest_file) as file:
        kept = keep(call.connection, number, file, call.actor, call.now, given.received_at)
    return Reply(attachment_json(kept), {"Location": f"{PREFIX}/incidents/{number}/attachments/{kept.place}"})


def fetch_file(call: Call[Nothing, Nothing]) -> Reply:
    """One file of an incident with its bytes."""
    number, place = call.place["incident"], call.place["attachment"]
    events = history(call.connection, number)
    if not events:
        raise NoSuchIncident(number)
    files = attachments(events)
    if not 1 <= place <= len(files):
        raise Problem(Trouble.NOT_FOUND, f"incident {number} has {len(files)} files")
    found = files[place - 1]
    content = base64.b64encode(get(call.connection, found.blob.sha256))
    return Reply({**attachment_json(found), "content": content})


def show_evidence(call: Call[Nothing, Nothing]) -> Reply:
    """The evidence that the worker took at each opening of an incident."""
    return Reply({"evidence": list(read_case(call.connection, call.place["incident"]).snapshots)})


def show_draft(call: Call[Nothing, Nothing]) -> Reply:
    """The preliminary report (`preliminary`) or the request of the provider's report (`rca-request`)."""
    kind = call.place["draft"]
    if kind not in {known.value for known in DraftKind}:
        raise Problem(Trouble.NOT_FOUND, f"what can be drafted is {', '.join(DraftKind)}")
    case = read_case(call.connection, call.place["incident"])
    try:
        draft = DRAFTS[DraftKind(kind)](case, desk().policy, call.now)
    except Refused as error:
        raise Problem(Trouble.NOT_CALLED_FOR, str(error)) from error
    return Reply({"subject": draft.subject, "text": draft.text})


OPERATIONS = (
    Operation(
        "POST",
        "/incidents/<int:incident>/attachments",
        "Attach a file to an incident",
        FileTold,
        attach_file,
        body=NewFile,
        refusals=(
            Trouble.NOT_TAKEN,
            Reason.WRONG_ROLE,
            Reason.OUT_OF_ORDER,
            Reason.NO_DIAGNOSIS,
            Reason.QUESTION,
            Reason.FUTURE,
            Reason.BEFORE_DETECTION,
            Reason.WRONG_ORDER,
        ),
        headers={"Location": "its address"},
        largest_body=LARGEST_BODY,
    ),
    Operation(
        "GET",
        "/incidents/<int:incident>/attachments/<int:attachment>",
        "One file of an incident, with its bytes",
        FileKept,
        fetch_file,
        refusals=(Trouble.DAMAGED,),
    ),
    Operation(
        "GET",
        "/incidents/<int:incident>/evidence",
        "What the metrics said of each opening",
        EvidenceTold,
        show_evidence,
    ),
    Operation(
        "GET",
        "/incidents/<int:incident>/drafts/<draft>",
        "A text drafted from the facts of an incident",
        DraftTold,
        show_draft,
        refusals=(Trouble.NOT_CALLED_FOR,),
    ),
)
