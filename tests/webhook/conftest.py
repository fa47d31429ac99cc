"""What the tests of the receiver and of the worker share."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from incident_store.database import open_store, upgrade


@pytest.fixture
def store(store_url: str) -> Iterator[Engine]:
    """An empty store, once on each engine."""
    upgrade(store_url)
    engine = open_store(store_url)
    yield engine
    engine.dispose()
