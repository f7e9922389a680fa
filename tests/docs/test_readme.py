"""The README does what it says: its commands run in order on drawn pictures, its YAML is a valid audit, its Python works."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from t2c.flows.cli.app import run
from t2c.flows.cli.commands import COMMANDS
from t2c.flows.world.world import write_images
from t2c.schemas.specs.audit import load_audit

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall((ROOT / "README.md").read_text())


def blocks(kind: str) -> list[str]:
    return [text for language, text in BLOCKS if language == kind]


def in_bash(script: str, folder: Path) -> None:
    """Run the blocks as a user would paste them."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    whole = f"set -euo pipefail\n{script}"
    done = subprocess.run(
        ["bash", "-c", whole], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def in_one_process(script: str, folder: Path) -> None:
    """Run the same lines without starting a process each, which would load torch each time; three kinds are known."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for line in filter(None, script.splitlines()):
            words = shlex.split(line, comments=True)
            if words[0] == "export":
                for name, value in (word.split("=", 1) for word in words[1:]):
                    patch.setenv(name, os.path.expandvars(value))
            elif words[0] == "printf":
                text, arrow, file = words[1:]
                assert arrow == ">"
                Path(file).write_text(text.encode().decode("unicode_escape"))
            else:
                assert words[0] == "t2c", line
                assert run(words[1:]) == 0, line


@pytest.fixture(scope="module", params=[in_one_process, pytest.param(in_bash, marks=pytest.mark.slow)])
def tour(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the README's commands have run, on a few pictures under the demo's names."""
    folder = tmp_path_factory.mktemp("tour")
    truth = write_images(folder / "demo-out" / "reference", 60, 1, size=96)
    pq.write_table(truth, folder / "demo-out" / "reference-truth.parquet")
    write_images(folder / "demo-out" / "second_batch", 30, 2, size=96)
    request.param("\n".join(text for text in blocks("bash") if not text.startswith("make")), folder)
    return folder


def test_the_commands_leave_a_report(tour: Path) -> None:
    assert (tour / "report.html").stat().st_size > 10_000
    assert (tour / "tour-store" / "t2c-store.json").exists()


@pytest.mark.parametrize("number", [0, 1])
def test_the_python_works_on_the_same_store(tour: Path, number: int) -> None:
    code = blocks("python")[number]
    done = subprocess.run([sys.executable, "-c", code], cwd=tour, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert ("verdict", "star")[number] in done.stdout


def test_the_first_python_is_three_lines() -> None:
    first, second = blocks("python")
    assert [len(list(filter(None, code.splitlines()))) for code in (first, second)] == [3, 4]


def test_the_yaml_is_a_valid_audit(tour: Path) -> None:
    (text,) = blocks("yaml")
    (tour / "audit.yaml").write_text(text)
    spec = load_audit(tour / "audit.yaml")
    assert [*spec.datasets] == ["photos", "new_photos"]


def test_every_command_it_shows_exists() -> None:
    shown = re.findall(r"\bt2c ([a-z]+)", (ROOT / "README.md").read_text())
    assert set(shown) <= set(COMMANDS)
    assert len(set(shown)) >= 12


def test_its_links_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text()
    links = re.findall(r"\]\((?!http)([^)]+)\)", text)
    headings = {f"#{heading.lower().replace(' ', '-')}" for heading in re.findall(r"^## (.*)$", text, re.MULTILINE)}
    assert links
    assert [link for link in links if link not in headings and not (ROOT / link).exists()] == []
