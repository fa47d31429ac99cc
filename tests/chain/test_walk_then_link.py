"""A link that fails takes everything behind it along: one incident, of the link's owner, and no other is told.

After `test_walk.py`, as its name sorts: the minutes that this fault costs are not the walk's.
"""

import threading
import time
from typing import Any

import pytest

from tests.chain.conftest import STORES, Chain, Walk
from tests.processes import wait_for

pytestmark = pytest.mark.chain

HELD_SECONDS = 45
SETTLED_SECONDS = 75


@pytest.fixture(scope="session")
def alerts_by_component(walks: dict[str, Walk]) -> dict[str, tuple[dict[str, int], dict[str, int], dict[str, Any]]]:
    """On each chain, how many alerts each component's incidents hold before and after, and the link's incident."""
    made = {}

    def fail_and_come_back(name: str) -> None:
        chain = walks[name].chain
        wait_for(lambda: not chain.query('ALERTS{alertname!="Watchdog"}'), 120, "no alert is left of the walk")
        before = counts(chain)
        chain.renteseg("simulate", "fault", "link-down")
        time.sleep(HELD_SECONDS)
        chain.renteseg("simulate", "clear", "link-down")
        wait_for(lambda: restored(chain), 90, "the link's restoration is proposed")
        time.sleep(SETTLED_SECONDS)
        made[name] = (before, counts(chain), restored(chain))

    threads = [threading.Thread(target=fail_and_come_back, args=(name,)) for name in STORES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made


def counts(chain: Chain) -> dict[str, int]:
    """How many alerts each component's incidents hold."""
    return {name: sum(len(one["episodes"]) for one in chain.incidents(name)) for name in chain.components()}


def restored(chain: Chain) -> Any:
    found = chain.incidents("enlace-proveedor")
    return found[0] if len(found) == 1 and found[0]["proposed_restoration"] else None


@pytest.mark.parametrize("store", STORES)
def test_a_link_that_fails_and_comes_back_is_one_incident_of_oti(
    alerts_by_component: dict[str, tuple[dict[str, int], dict[str, int], dict[str, Any]]], store: str
) -> None:
    before, after, incident = alerts_by_component[store]
    assert after == {**before, "enlace-proveedor": 1}
    assert (incident["severity"], incident["responsible"]) == ("alta", "C")
