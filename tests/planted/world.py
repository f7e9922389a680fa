"""A planted world of attributes, made once and read by the tests of bottlenecks, refinement and reading."""

from pathlib import Path

import pytest

from t2c.store.disk.root import open_store
from tests.planted.attributes import World, plant


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two datasets whose class is a known function of attributes; tests add answers, never data."""
    folder: Path = tmp_path_factory.mktemp("attributes")
    return plant(open_store(folder / "store", create=True), count=1200)


@pytest.fixture
def own_world(tmp_path: Path) -> World:
    """The same, smaller, for a test that changes it."""
    return plant(open_store(tmp_path / "own", create=True), count=400)
