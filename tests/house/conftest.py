"""The package as it is built, once a process, and the two environments it runs in."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build(folder: Path, into: Path, target: str) -> Path:
    """Build the project in a folder as `target` (wheel or sdist) and return the file."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into)],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (made,) = into.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return made


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return build(ROOT, tmp_path_factory.mktemp("wheel"), "wheel")


@pytest.fixture(scope="session")
def base() -> Path:
    """The folder of commands of the environment that holds the base install alone; `make install` makes it."""
    folder = ROOT / ".venv-base" / "bin"
    assert (folder / "t2c").is_file(), "needs the base environment: make install"
    return folder
