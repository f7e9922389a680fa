"""docs/maps.md does what it says: its loading examples run on exported maps and give aligned features."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from t2c.flows.maps.align import align
from t2c.flows.maps.exports import export_map
from t2c.flows.maps.listed import load_map
from t2c.schemas.specs.align import METHODS
from t2c.store.disk.root import Store, open_store
from tests.planted.features import SOURCE, TARGET, Planted

PAGE = (Path(__file__).parents[2] / "docs" / "maps.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(3))
def test_a_loading_example_of_at_most_ten_lines_aligns_features(store: Store, tmp_path: Path, number: int) -> None:
    planted = Planted(store)
    planted.dataset("photos", 120)
    digest = align(store, "photos", source=SOURCE.name, target=TARGET.name).digest
    for suffix in re.findall(r"t2c maps export MAP map(\.\w+)", PAGE):
        export_map(store, digest, tmp_path / f"map{suffix}")
    x = planted.x(9).astype(np.float32)
    np.save(tmp_path / "features.npy", x)
    assert len(EXAMPLES) == 4
    assert len(EXAMPLES[number].splitlines()) <= 10
    command = [sys.executable, "-c", EXAMPLES[number]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "aligned.npy"), load_map(store, digest).apply(x), atol=1e-5)


def test_fitting_applying_and_reading_the_certificate_from_python(tmp_path: Path) -> None:
    planted = Planted(open_store(tmp_path / "t2c-store", create=True))
    planted.dataset("photos", 120)
    np.save(tmp_path / "features.npy", planted.x(9).astype(np.float32))
    code = EXAMPLES[3].replace("rank=64", "rank=3")
    for shown, name in (("timm:resnet50.a1_in1k", SOURCE.name), ("open_clip:ViT-B-16/openai", TARGET.name)):
        assert shown in code
        code = code.replace(shown, name)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "low-rank squared error of the target features" in done.stdout
    assert np.load(tmp_path / "aligned.npy").shape == (9, TARGET.dimension)


def test_the_page_names_every_method() -> None:
    assert [method for method in METHODS if f"| `{method}`" not in PAGE] == []
