"""Planted broken files really are broken, each in its own way."""

import io

import pytest
from PIL import Image, UnidentifiedImageError

from t2c.flows.demo.broken import broken_files, plant


def test_each_file_is_broken_in_its_own_way():
    files = broken_files(1)
    for name in ("broken-empty.jpg", "broken-scrambled.jpg", "broken-really-text.png"):
        with pytest.raises(UnidentifiedImageError):
            Image.open(io.BytesIO(files[name][0]))
    with Image.open(io.BytesIO(files["broken-cut-short.jpg"][0])) as picture, pytest.raises(OSError, match="truncated"):
        picture.load()


def test_planting_writes_every_file_and_names_its_outcome(tmp_path):
    outcomes = plant(tmp_path, 1)
    assert {path.name for path in tmp_path.iterdir()} == set(outcomes)
    assert set(outcomes.values()) == {"corrupt", "unsupported", "too_large"}
