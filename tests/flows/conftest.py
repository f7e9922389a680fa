"""Planted features for the steps."""

import pytest

from store.root import Store
from tests.planted_features import Planted


@pytest.fixture
def planted(store: Store) -> Planted:
    """Plants datasets, features and banks in an empty store."""
    return Planted(store)
