"""Where the real photographs and CLIP vectors are: $T2C_ASSETS, or shared/assets beside the project; tests skip without."""

import os
from pathlib import Path

import pytest

ASSETS = Path(os.environ.get("T2C_ASSETS", Path(__file__).parents[2] / "shared" / "assets"))


def assets(folder: str) -> Path:
    """Return a folder of the assets, or skip the test with a reason."""
    if not (ASSETS / folder).is_dir():
        pytest.skip(f"needs real data: set T2C_ASSETS to a folder with {folder}")
    return ASSETS / folder
