"""Small real things that several test files share."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jaxtyping
import pyarrow as pa
import pytest
from hypothesis import settings

from t2c.schemas.tables.tables import IMAGES
from t2c.store.disk.root import Store, open_store
from tests.checked_shapes import load_checked

load_checked()
settings.register_profile("same", derandomize=True)  # the same examples in every run, on every machine
settings.load_profile("same")


@pytest.fixture(scope="session", autouse=True)
def one_name() -> Iterator[None]:
    """After the last test of a process: no module of ours was loaded under a second name, from the checkout's own folders."""
    yield
    ours = {name for name in sys.modules if name.partition(".")[0] in ("flows", "store", "schemas", "t2c_core")}
    assert not ours, f"imported without the prefix t2c.: {', '.join(sorted(ours))}"


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


@pytest.fixture
def image_rows() -> Callable[..., pa.Table]:
    """Return rows of IMAGES from `start` on, all ok, ids `a/<row>.png`; keywords replace whole columns."""

    def rows(start: int, count: int, **columns: list[Any]) -> pa.Table:
        numbers = range(start, start + count)
        values: dict[str, list[Any]] = {name: [None] * count for name in IMAGES.names}
        values |= {"row": list(numbers), "image_id": [f"a/{row}.png" for row in numbers], "outcome": ["ok"] * count}
        values |= {"uri": [f"/photos/a/{row}.png" for row in numbers], "bytes": [100] * count}
        values |= {"content_hash": [f"{row:064x}" for row in numbers]}
        return pa.table(values | columns, schema=IMAGES)

    return rows


@pytest.fixture
def unchecked_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turn the check of signatures off, as in production, where the project's own errors refuse wrong shapes."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
