"""Planted features for the steps, and the same as files for a whole audit that needs no model."""

from pathlib import Path

import pytest

from store.root import Store
from tests.planted_audit import write_audit
from tests.planted_features import Planted


@pytest.fixture
def planted(store: Store) -> Planted:
    """Plants datasets, features and banks in an empty store."""
    return Planted(store)


@pytest.fixture
def audit_file(tmp_path: Path) -> Path:
    """An audit of imported features: photos against shifted new_photos, with labels as attributes."""
    return write_audit(tmp_path)
