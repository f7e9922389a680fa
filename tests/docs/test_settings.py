"""The page of settings names every variable that the code reads, and the completion that it shows exists."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from t2c.store.disk import manifest, root

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "settings.md").read_text()
READ = re.compile(r"environ(?:\.get\(|\[)\"([A-Z][A-Z0-9_]+)\"|envvar=[^\"\n]*\"([A-Z][A-Z0-9_]+)\"")


def test_every_variable_that_is_read_is_on_the_page() -> None:
    sources = [
        path.read_text() for top in ("flows", "store", "t2c_core", "schemas") for path in (ROOT / top).rglob("*.py")
    ]
    names = {name for text in sources for names in READ.findall(text) for name in names if name} - {"HOME"}
    assert {"T2C_STORE", "HF_HOME", "PREFECT_HOME"} <= names
    assert [name for name in sorted(names) if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize(("of", "number"), [("the store", root.FORMAT), ("a manifest", manifest.FORMAT)])
def test_the_formats_of_today_are_in_the_table(of: str, number: int) -> None:
    assert f"| {number} | {of} |" in PAGE


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_it_shows_is_there(shell: str) -> None:
    assert f"_T2C_COMPLETE={shell}_source t2c" in PAGE
    done = subprocess.run(
        [str(Path(sys.executable).with_name("t2c"))],
        env={**os.environ, "_T2C_COMPLETE": f"{shell}_source"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "_T2C_COMPLETE" in done.stdout
