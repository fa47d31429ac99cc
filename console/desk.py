"""What every page and every answer of the API works on."""

from dataclasses import dataclass

from flask import Flask, current_app
from sqlalchemy import Engine

from incident_store.domain.policies import SlaPolicy


@dataclass(frozen=True)
class Desk:
    """The store and the policy in force."""

    engine: Engine
    policy: SlaPolicy

    def lay(self, app: Flask) -> None:
        """Put it where the views of this application find it."""
        app.extensions["desk"] = self


def desk() -> Desk:
    """The desk of the application that answers this request."""
    found: Desk = current_app.extensions["desk"]
    return found
