"""A suite that is killed with SIGKILL goes on: features and rows that were committed are not made again."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from t2c.flows.data.index import index
from t2c.flows.suite.suite import suite
from t2c.store.artifacts.answers import list_answers
from t2c.store.artifacts.features import list_features
from t2c.store.artifacts.images import list_datasets
from t2c.store.artifacts.verify import verify
from t2c.store.disk.root import open_store
from tests.planted.photos import fill
from tests.planted.suite import CLIP, MODELS, CountingEncoder, plant_banks, write_suite

TASKS = ["mnist", "color", "shape"]
RUN = """
import os, signal, sys
from t2c.flows.suite.suite import suite
from t2c.store.disk.root import open_store
from tests.planted.suite import CLIP, MODELS

place, part, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
seen = 0

def step(event, args):
    global seen
    if event in ("open", "os.rename", "os.link") and f"{place}/store/{part}" in str(args[:2]):
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(step)
suite(open_store(f"{place}/store"), f"{place}/data", models=MODELS, target=CLIP, tasks=["mnist", "color", "shape"],
      align_on="photos", workers=1)
"""


@pytest.mark.parametrize(
    ("part", "last"), [("answers/suite", 60), pytest.param("features/suite-shape", 9, marks=pytest.mark.slow)]
)
def test_what_a_killed_run_committed_is_not_done_again(tmp_path: Path, part: str, last: int) -> None:
    store = open_store(tmp_path / "store", create=True)
    index(store, str(fill(tmp_path / "photos", 60)), "photos")
    plant_banks(store)
    data = write_suite(tmp_path / "data")
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", RUN, str(tmp_path), part, str(last)]
    killed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    there = {(name, one.encoder) for name in list_datasets(store) for one in list_features(store, name)}
    rows = len(list_answers(store, "suite"))
    assert ("suite-mnist", CLIP.name) in there
    assert 0 < rows < 6
    CountingEncoder.seen.clear()
    report = suite(store, data, models=MODELS, target=CLIP, tasks=TASKS, align_on="photos", workers=1)
    assert report.computed == 6 - rows
    assert not there & set(report.extracted)
    assert report.table.num_rows == 6
    again = suite(store, data, models=MODELS, target=CLIP, tasks=TASKS, align_on="photos", workers=1)
    assert (again.new, again.table.equals(report.table)) == (False, True)
    assert verify(store).num_rows == 0
