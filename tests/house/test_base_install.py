"""The base install: everything but models, Prefect and Dask works there, and what is missing is said with the command."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from t2c.flows.world.world import write_images
from tests.house.conftest import ROOT

ABSENT = ("torch", "torchvision", "timm", "open_clip", "prefect", "dask", "distributed", "transformers", "onnx", "s3fs")
LIMIT = 0.65e9
"""Bytes of a base install at most."""


def run(base: Path, *arguments: str, folder: Path, code: int = 0) -> str:
    """Run t2c of the base environment in a folder; return what it printed."""
    done = subprocess.run([str(base / "t2c"), *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_heavy_libraries_are_not_there(base: Path) -> None:
    code = f"import importlib.util as u; print([name for name in {ABSENT!r} if u.find_spec(name)])"
    done = subprocess.run([str(base / "python"), "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_is_small(base: Path) -> None:
    files = [path for path in base.parent.rglob("*") if path.is_file() and not path.is_symlink()]
    assert sum(path.stat().st_size for path in files) < LIMIT


def test_its_lock_is_part_of_the_whole_lock() -> None:
    whole = set((ROOT / "requirements.lock").read_text().splitlines())
    assert set((ROOT / "requirements-base.lock").read_text().splitlines()) <= whole


@pytest.fixture(scope="module")
def folder(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store that the base install made: pictures indexed, vectors of them imported, scored."""
    place = tmp_path_factory.mktemp("base")
    rng = np.random.default_rng(3)
    for name, count, shift in (("photos", 60, 0.0), ("new_photos", 40, 1.5)):
        write_images(place / name, count, len(name), size=48)
        ids = [f"{row:06d}.jpg" for row in range(count)]
        (place / f"{name}.txt").write_text("\n".join(ids) + "\n")
        np.save(place / f"{name}.npy", rng.normal(shift, size=(count, 8)).astype(np.float32))
        run(base, "index", name, "--name", name, folder=place)
        run(base, "features", "import", name, f"{name}.npy", f"{name}.txt", "--encoder", "mine", "--space", "s",
            folder=place)  # fmt: skip
    np.save(place / "words.npy", np.eye(3, 8, dtype=np.float32))
    (place / "words.txt").write_text("red\nblue\nstar\n")
    run(base, "concepts", "import", "everyday", "words.npy", "words.txt", "--space", "s", folder=place)
    for name in ("photos", "new_photos"):
        run(base, "score", name, "--source", "mine", "--concepts", "everyday", folder=place)
    return place


@pytest.mark.parametrize(
    "command",
    [
        "summary photos",
        "top photos red",
        "find photos 'red > 1 & star < 1'",
        "shift photos new_photos",
        'sql "select concept, mean from concept_stats"',
        "features export photos mine -o out.npy",
        "report photos new_photos -o report.html",
        "explain photos",
        "verify",
        "compact",
        "plan recipes/paper.yaml",
    ],
)
def test_it_answers(command: str, base: Path, folder: Path) -> None:
    run(base, *shlex.split(command), folder=folder)


def test_the_report_is_whole(base: Path, folder: Path) -> None:
    run(base, "report", "photos", "new_photos", "-o", "whole.html", folder=folder)
    assert 'src="data:image/' in (folder / "whole.html").read_text()


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (["encoders"], "extract"),
        (["extract", "photos", "--encoder", "demo:clip"], "extract"),
        (["concepts", "add", "more", "words.txt", "--encoder", "demo:clip"], "extract"),
        (["demo"], "extract"),
        (["audit", "audit.yaml"], "flows"),
        (["score", "photos", "--source", "mine", "--concepts", "everyday", "--dask", "tcp://127.0.0.1:1"], "dask"),
        (["summary", "photos", "--store", "s3://bucket/prefix"], "s3"),
    ],
)
def test_a_missing_extra_is_an_error_that_prints_the_command(
    command: list[str], extra: str, base: Path, folder: Path
) -> None:
    said = run(base, *command, folder=folder, code=1)
    assert "Traceback" not in said
    assert f"(extra {extra} of t2c), but got none. Type: " in said
    assert f"{ROOT}[{extra}]" in said
    assert f"--python {base / 'python'} -e " in said


def test_the_doctor_lists_the_extras(base: Path, folder: Path) -> None:
    checks = json.loads(run(base, "doctor", "--json", folder=folder))["checks"]
    states = {check["name"]: check["state"] for check in checks if check["name"].startswith("extra ")}
    assert states == dict.fromkeys(
        [f"extra {name}" for name in ("extract", "flows", "dask", "s3", "onnx", "language", "paper")], "note"
    )
    whole = subprocess.run(
        [sys.executable, "-m", "t2c.flows.cli", "doctor", "--no-devices", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    checks = json.loads(whole.stdout)["checks"]
    assert {check["state"] for check in checks if check["name"].startswith("extra ")} == {"ok"}
