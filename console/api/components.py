"""What is watched, over the API: whose it is, whether it is under maintenance, and its incident being attended."""

from console.api.operations import Call, Nothing, Operation, Reply
from console.api.values import Told
from console.desk import desk
from incident_store.domain.intervals import Interval
from incident_store.domain.maintenance import under_maintenance
from incident_store.incident_rows import open_incidents
from incident_store.maintenance import read_windows


class ComponentTold(Told):
    """A component that is watched; `incident` is the one being attended, null when there is none."""

    name: str
    kind: str
    service: str
    owner: str
    maintenance: bool
    incident: int | None


class ComponentList(Told):
    """Every component that is watched, as targets.yml and the files it follows say, in their order."""

    components: list[ComponentTold]


def list_components(call: Call[Nothing, Nothing]) -> Reply:
    """The components. Whether each answers is a metric, `renteseg_component_up`, and not said here."""
    watched = desk().watched()
    attended = open_incidents(call.connection, {component["name"] for component in watched})
    windows = read_windows(call.connection, Interval(call.now, call.now))
    stopped = under_maintenance(windows, call.now)
    told = [{**one, "maintenance": one["name"] in stopped, "incident": attended.get(one["name"])} for one in watched]
    return Reply({"components": told})


SUMMARY = "What is watched, and what of it has an incident"
OPERATIONS = (Operation("GET", "/components", SUMMARY, ComponentList, list_components),)
