"""`t2c maps`: a map leaves as a file, comes back, is measured and listed; a file with code is an error, not a program."""

import json
import os
import pickle
import shlex
from pathlib import Path
from typing import Any

import pytest

from t2c.flows.cli.app import run
from t2c.flows.engine.stop import EXIT_ERROR
from tests.planted.features import SOURCE, TARGET, Planted

SIDES = ["--source", SOURCE.name, "--target", TARGET.name]


@pytest.fixture
def t2c(planted: Planted, capsys: pytest.CaptureFixture[str]):
    """Return a function that runs a command with --json on a store with one map and returns (exit code, what it said)."""
    planted.dataset("photos", 200)

    def call(*arguments: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = run([*arguments, "--json", "--store", planted.store.url])
        printed = capsys.readouterr()
        return code, json.loads(printed.out or printed.err.splitlines()[-1])

    assert call("align", "photos", *SIDES)[0] == 0
    return call


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_map_goes_round(t2c, tmp_path: Path, suffix: str) -> None:
    (first,) = t2c("maps", "list")[1]["maps"]
    file = str(tmp_path / f"map.{suffix}")
    code, said = t2c("maps", "export", first["map"], file, "--dtype", "float16")
    assert (code, said["wrote"], said["report"]["W"]) == (0, [file], "4 x 6")
    code, said = t2c(*shlex.split(said["next"])[1:])
    assert code == 0
    assert said["certificate"]["aligner"] == "imported"
    code, measured = t2c("maps", "measure", said["report"]["map"], "photos")
    assert code == 0
    assert measured["quality"]["n"] == 200
    listed = {row["map"]: row for row in t2c("maps", "list")[1]["maps"]}
    assert listed[said["report"]["map"]]["r2"] == pytest.approx(measured["quality"]["r2_variance_weighted"])
    assert (listed[first["map"]]["used"], listed[said["report"]["map"]]["used"]) == (True, False)


def test_an_onnx_model_is_written(t2c, tmp_path: Path) -> None:
    (first,) = t2c("maps", "list")[1]["maps"]
    code, said = t2c("maps", "export", first["map"], str(tmp_path / "map.onnx"))
    assert (code, said["next"]) == (0, f"t2c explain {first['map']}")
    assert (tmp_path / "map.onnx").stat().st_size > 100
    code, said = t2c("maps", "import", str(tmp_path / "map.onnx"), *SIDES)
    assert code == EXIT_ERROR
    assert "An .onnx file is only written: import the .pth." in said["error"]["message"]


def test_a_file_with_code_is_refused(t2c, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (os.mkdir, (str(tmp_path / "it ran"),))

    (tmp_path / "aligner.pth").write_bytes(pickle.dumps({"W": Bomb()}, protocol=2))
    code, said = t2c("maps", "import", str(tmp_path / "aligner.pth"), *SIDES)
    assert code == EXIT_ERROR
    assert "would run code when loaded (refused)" in said["error"]["message"]
    assert not (tmp_path / "it ran").exists()
