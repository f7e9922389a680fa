"""Planted features for the steps, and the same as files for a whole audit that needs no model."""

from pathlib import Path

import pytest

from t2c.flows.data.index import index
from t2c.store.disk.root import Store
from tests.planted.audit import write_audit
from tests.planted.features import Planted
from tests.planted.photos import fill
from tests.planted.report import bare_report, full_report
from tests.planted.world import own_world, world

__all__ = ["bare_report", "full_report", "own_world", "world"]


@pytest.fixture
def planted(store: Store) -> Planted:
    """Plants datasets, features and banks in an empty store."""
    return Planted(store)


@pytest.fixture
def audit_file(tmp_path: Path) -> Path:
    """An audit of imported features: photos against shifted new_photos, with labels as attributes."""
    return write_audit(tmp_path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of 20 small JPEGs, 0000.jpg to 0019.jpg."""
    return fill(tmp_path / "photos", 20)


@pytest.fixture
def indexed(store: Store, photos: Path) -> Store:
    """A store with those 20 indexed as the dataset `photos`."""
    index(store, str(photos), "photos")
    return store
