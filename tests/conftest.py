"""Small real things that several test files share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.root import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store in a local folder."""
    return open_store(tmp_path / "store", create=True)


@pytest.fixture
def memory_store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """An empty store in fsspec's memory file system: an object store without a network."""
    store = open_store(f"memory://{abs(hash(request.node.nodeid))}/store", create=True)
    yield store
    store.files.filesystem.rm(store.url.removeprefix("memory://"), recursive=True)
