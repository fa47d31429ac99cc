"""Every way in which a request can fail, turned into a problem."""

import structlog
from flask import Blueprint, Response
from flask_limiter import RateLimitExceeded
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge

from console.api.problems import Problem, Trouble
from groundwork.problems import Away, ConfigurationError
from incident_store.advance import BeingAttended, NoSuchIncident, Overtaken, StepRefused, UnknownComponent
from incident_store.answers import KeyTaken
from incident_store.blobs import Damaged, TooLarge
from incident_store.database import StoreUnavailable
from incident_store.documents import event_json
from incident_store.file_kinds import NotTaken
from incident_store.mail_refused import MailRefused
from incident_store.maintenance import NoSuchWindow, WindowRefused
from incident_store.transactions import Unstorable

log = structlog.get_logger()

CONFIGURATION = "the components that are watched cannot be read: `renteseg check` says why"
STORE = "the store of incidents does not answer; nothing was changed"


def prepare_failures(api: Blueprint) -> None:
    """Answer what fails inside the API with problems; `http_problem` is for what fails before it."""
    api.register_error_handler(Problem, lambda error: error.response())
    api.register_error_handler(HTTPException, lambda error: http_problem(error).response())
    api.register_error_handler(RateLimitExceeded, lambda error: _too_many(error).response())
    api.register_error_handler(StepRefused, lambda error: Problem(error.reason, str(error)).response())
    api.register_error_handler(UnknownComponent, lambda error: _unknown(error).response())
    api.register_error_handler(NoSuchIncident, lambda error: Problem(Trouble.NOT_FOUND, str(error)).response())
    api.register_error_handler(BeingAttended, lambda error: _being_attended(error).response())
    api.register_error_handler(KeyTaken, lambda error: Problem(Trouble.KEY_TAKEN, str(error)).response())
    api.register_error_handler(Unstorable, lambda error: Problem(Trouble.UNSTORABLE, str(error)).response())
    api.register_error_handler(Away, lambda error: _away(str(error), str(error)))
    api.register_error_handler(StoreUnavailable, lambda error: _away(STORE, str(error)))
    api.register_error_handler(DBAPIError, lambda error: _away(STORE, str(error.orig)))
    api.register_error_handler(ConfigurationError, lambda error: _away(CONFIGURATION, str(error)))
    api.register_error_handler(NoSuchWindow, lambda error: Problem(Trouble.NOT_FOUND, str(error)).response())
    api.register_error_handler(MailRefused, lambda error: Problem(error.reason, str(error)).response())
    api.register_error_handler(WindowRefused, lambda error: Problem(error.reason, str(error)).response())
    api.register_error_handler(NotTaken, lambda error: Problem(Trouble.NOT_TAKEN, str(error)).response())
    api.register_error_handler(TooLarge, lambda error: Problem(Trouble.TOO_LARGE, str(error)).response())
    api.register_error_handler(Damaged, lambda error: Problem(Trouble.DAMAGED, str(error)).response())
    api.register_error_handler(Exception, _broken)


def http_problem(error: HTTPException) -> Problem:
    """The problem that stands for what Flask or Werkzeug refuses."""
    if isinstance(error, NotFound):
        return Problem(Trouble.NOT_FOUND, "there is nothing here; /api/v1/openapi.json lists what there is")
    if isinstance(error, MethodNotAllowed):
        methods = ", ".join(sorted(error.valid_methods or ()))
        return Problem(Trouble.METHOD_NOT_ALLOWED, f"use one of {methods}", headers={"Allow": methods})
    if isinstance(error, RequestEntityTooLarge):
        return Problem(Trouble.TOO_LARGE, "the body is larger than any that is understood here")
    if error.code is not None and error.code < 500:
        return Problem(Trouble.MALFORMED, error.description or error.name)
    log.error("answer failed", reason=error.name)
    return Problem(Trouble.BROKEN, "the log of the console says why")


def overtaken(error: Overtaken, kind: Trouble) -> Problem:
    """What happened since the version that the client had; `first` is the number of the first of these events."""
    since = [event_json(event, number) for number, event in enumerate(error.since, error.seen + 1)]
    return Problem(kind, str(error), {"since": since})


def _too_many(error: RateLimitExceeded) -> Problem:
    wait = error.limit.limit.get_expiry() if error.limit else 60
    return Problem(
        Trouble.TOO_MANY_REQUESTS, f"at most {error.description} from one address", headers={"Retry-After": str(wait)}
    )


def _being_attended(error: BeingAttended) -> Problem:
    return Problem(Trouble.BEING_ATTENDED, str(error), {"incident": error.number})


def _unknown(error: UnknownComponent) -> Problem:
    return Problem(error.reason, str(error), {"near": list(error.near)})


def _away(detail: str, reason: str) -> Response:
    log.error("something that is needed is away", reason=reason.strip().split("\n", 1)[0])
    return Problem(Trouble.AWAY, detail, headers={"Retry-After": "5"}).response()


def _broken(_error: Exception) -> Response:
    # The outermost net: a bug in one answer must leave as a problem too, and be read in the log.
    log.exception("answer failed")
    return Problem(Trouble.BROKEN, "the log of the console says why").response()
