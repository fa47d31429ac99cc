"""What was answered to a request that may come twice, kept with the change that it made (Idempotency-Key)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, insert, select, update

from groundwork.problems import Refused
from incident_store.models import AnswerRow
from incident_store.transactions import in_transaction

KEPT = timedelta(days=7)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: its status, its own headers and its body."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True)
class Request:
    """Who asks under which key; `digest` is the same when, and only when, the same is asked."""

    person: str
    key: str
    digest: str


class KeyTaken(Refused):
    """The key belongs to another request of the same person."""

    def __init__(self) -> None:
        super().__init__("this Idempotency-Key was sent with another request: choose a new key for a new request")


def answer_once(
    engine: Engine, request: Request, work: Callable[[Connection], Answer], now: datetime
) -> tuple[Answer, bool]:
    """The answer to this request and whether it had been given before; its change is made once.

    The key is claimed before the work begins: of two at once, the second waits for the first and gets its answer. A
    request that was refused leaves nothing behind and may come again. Raises KeyTaken, and what `work` raises.
    """

    def once(connection: Connection) -> tuple[Answer, bool]:
        mine = (AnswerRow.person == request.person, AnswerRow.key == request.key)
        kept = connection.execute(select(*AnswerRow.__table__.c).where(*mine)).first()
        if kept is not None:
            if kept.digest != request.digest:
                raise KeyTaken
            return Answer(kept.status, kept.headers, kept.body), True
        claim = {"person": request.person, "key": request.key, "digest": request.digest, "answered_at": now}
        connection.execute(insert(AnswerRow).values(**claim, status=0, headers={}, body=""))
        answer = work(connection)
        words = {"status": answer.status, "headers": dict(answer.headers), "body": answer.body}
        connection.execute(update(AnswerRow).where(*mine).values(words))
        return answer, False

    return in_transaction(engine, once)


def forget_answers(engine: Engine, now: datetime) -> None:
    """Remove what was answered longer ago than answers are kept; their keys are free again."""
    old = delete(AnswerRow).where(AnswerRow.answered_at < now - KEPT)
    in_transaction(engine, lambda connection: connection.execute(old))
