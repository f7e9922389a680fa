"""A store that the first released layout of this code made still opens, resumes with nothing new, and keeps every digest.

`tests/data/first_store` holds it: 90 drawn pictures indexed from a memory file system (so that their addresses are the
same everywhere), imported vectors of 12 dimensions beside those of the demo's CLIP, and every answer of `audit.yaml`.
"""

import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest

from t2c.flows.audit.run import audit
from t2c.schemas.specs.audit import load_audit
from t2c.store.artifacts.verify import verify
from t2c.store.disk.root import open_store

MADE = Path(__file__).parent / "data" / "first_store"
ADDRESS = "/first-store"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A copy of the store beside its audit file, its pictures where they were indexed from."""
    shutil.copytree(MADE, tmp_path / "copy")
    with tarfile.open(MADE / "store.tar.gz") as packed:
        packed.extractall(tmp_path / "copy", filter="data")
    memory = fsspec.filesystem("memory")
    for picture in sorted((tmp_path / "copy" / "images").rglob("*.jpg")):
        memory.pipe(f"{ADDRESS}/{picture.parent.name}/{picture.name}", picture.read_bytes())
    yield tmp_path / "copy"
    memory.rm(ADDRESS, recursive=True)


def files(store: Path) -> dict[str, bytes]:
    """Every file of a store by its path, but the marks of who holds what."""
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if path.is_file() and path.name != "_lease"
    }


def test_every_committed_byte_is_as_it_was(folder: Path) -> None:
    assert verify(open_store(folder / "store")).num_rows == 0


def test_the_same_audit_finds_nothing_new_but_verdicts_by_today_s_rule(folder: Path) -> None:
    before = files(folder / "store")
    report = audit(load_audit(folder / "audit.yaml"))
    assert all(shift.new for shift in report.shifts)  # a direction follows the effect, and that is another question
    assert not replace(report, shifts=()).new
    assert len(report.extras) == 8
    assert report.aligned is not None
    assert report.aligned.digest.startswith("156d58eec54f")
    after = files(folder / "store")
    assert {path: after[path] for path in before} == before
    assert all(path.startswith(("answers/", "comparable/")) for path in after.keys() - before.keys())
    assert not audit(load_audit(folder / "audit.yaml")).new
    assert (folder / "report.html").stat().st_size > 10_000
