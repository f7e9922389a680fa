"""Real photographs, where they are, and one place for a device."""

import os
from pathlib import Path

import pytest

ASSETS = Path(os.environ.get("T2C_ASSETS", Path(__file__).parents[4] / "shared" / "assets"))


@pytest.fixture
def photographs() -> list[Path]:
    """1,000 photographs in ImageNet's class order; skips where they are not."""
    folder = ASSETS / "photos" / "imagenet-one-per-class"
    if not folder.is_dir():
        pytest.skip(f"no photographs in {folder}")
    return sorted(folder.glob("*.jpg"))
