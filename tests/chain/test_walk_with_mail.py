"""Mail in both directions through the whole chain: an operator writes, a ticket leaves, its answer joins the incident.

After `test_walk_then_link.py`, as its name sorts: the incident that is registered here is not the walk's.
"""

import json
import time
from typing import Any

import pytest

from tests.chain.conftest import STORES, Chain
from tests.processes import run_renteseg, wait_for

pytestmark = pytest.mark.chain

PASSWORD = "una clave larga\n"


def messages(chain: Chain, subject: str) -> list[dict[str, Any]]:
    """What waits in the inbox under this subject."""
    found = json.loads(chain.renteseg("mail", "inbox", "--json"))
    return [one for one in found if one["subject"] == subject]


def draft(chain: Chain, incident: int) -> dict[str, Any] | None:
    found: list[dict[str, Any]] = json.loads(chain.renteseg("mail", "outbox", "--json"))
    return next((one for one in found if one["incident"] == incident and one["state"] == "draft"), None)


def events(chain: Chain, incident: int) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = json.loads(chain.renteseg("incident", "show", str(incident), "--json"))["events"]
    return shown


def registered(chain: Chain) -> int:
    """An incident made of the mail that an operator wrote; its number."""
    chain.renteseg("simulate", "write", "No podemos consultar desde ayer.", "--subject", "Consulta sin respuesta")
    began = time.monotonic()
    [message] = wait_for(lambda: messages(chain, "Consulta sin respuesta"), 30, "the mail is in the inbox")
    print(f"new mail in the inbox after {time.monotonic() - began:.1f} s")
    assert (message["party"], message["nature"]) == ("Claro", "report")
    said = chain.renteseg("mail", "decide", str(message["number"]), "incidencia", "--by", "ana",
                          "--component", "consulta-imei")  # fmt: skip
    return int(said.rsplit(" ", 1)[1])


@pytest.mark.parametrize("store", STORES)
def test_a_report_becomes_a_ticket_whose_answer_joins_its_incident(chains: dict[str, Chain], store: str) -> None:
    chain = chains[store]
    for name, role in {"ana": "analyst", "sofia": "supervisor"}.items():
        run_renteseg("user", "add", name, "--role", role, "--password-file", "-",
                     environment=chain.environment, given=PASSWORD)  # fmt: skip
    incident = registered(chain)

    for step, *words in (
        ("analysis_began", "--by", "ana"),
        ("diagnosed", "--by", "ana", "responsible=B", "severity=alta", "cause=actualización fallida"),
        ("validated", "--by", "sofia"),
        ("dispatched", "--by", "sofia", "to=INETUM"),
    ):
        chain.renteseg("incident", "record", str(incident), step, *words)
    ticket = wait_for(lambda: draft(chain, incident), 30, "the ticket is written")
    chain.renteseg("mail", "approve", str(ticket["number"]), "--by", "sofia")
    subject = f"[RENTESEG-{incident}] Ticket Alta: Consulta sin respuesta"
    wait_for(lambda: any(one.startswith(subject) for one in chain.mails()), 30, "the ticket has arrived")

    chain.renteseg("simulate", "write", "Recibido, lo revisamos.", "--answer")
    [answer] = wait_for(lambda: messages(chain, f"Re: {subject}"), 30, "the answer is in the inbox")
    assert (answer["party"], answer["nature"], answer["incident"]) == ("INETUM", "reply", incident)
    chain.renteseg("mail", "decide", str(answer["number"]), "respuesta", "--by", "ana")

    told = events(chain, incident)
    assert str(answer["number"]) in {one["details"].get("message") for one in told}
    [answered] = [one for one in told if one["kind"] == "responsible_answered"]
    assert answered["at"] == answer["proposal"]["answered_at"].replace("+00:00", "Z")
    assert "every chain is whole" in chain.renteseg("audit", "verify")
