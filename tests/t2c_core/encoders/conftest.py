"""Real photographs, where they are, and one place for a device."""

from pathlib import Path

import pytest

from tests.assets import assets


@pytest.fixture
def photographs() -> list[Path]:
    """1,000 photographs in ImageNet's class order; skips where they are not."""
    return sorted(assets("photos/imagenet-one-per-class").glob("*.jpg"))
