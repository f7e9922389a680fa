"""One package is built, installed and walked: `t2c`, whatever lies beside it."""

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections import Counter
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.house.conftest import ROOT, build

FOLDERS = ("flows", "store", "schemas", "t2c_core")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def contents(wheel: Path) -> dict[str, bytes]:
    """Every file of a wheel by its name, in the wheel's order."""
    with zipfile.ZipFile(wheel) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def outside(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder as a user would, without the checkout on the path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_wheel_holds_one_package_and_its_metadata_alone(wheel: Path) -> None:
    names = list(contents(wheel))
    assert {name.split("/")[0] for name in names} == {"t2c", "t2c_audit_store-0.1.0.dist-info"}
    assert len(names) == len(set(names))


def test_the_wheel_holds_every_file_of_the_folders(wheel: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *FOLDERS, "recipes"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    names = {f"t2c/{name}".replace("t2c/t2c_core/", "t2c/core/") for name in tracked if (ROOT / name).exists()}
    held = {name for name in contents(wheel) if name.startswith("t2c/")}
    assert held == names | {f"t2c/{name}" for name in ("__init__.py", "handle.py", "verbs.py", "py.typed")}


def test_the_wheel_of_the_sdist_is_the_same(wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(build(ROOT, tmp_path / "sdist", "sdist")) as packed:
        packed.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    assert contents(build(source, tmp_path / "again", "wheel")) == contents(wheel)


def test_the_image_is_built_from_what_the_wheel_needs(wheel: Path, tmp_path: Path) -> None:
    """The Dockerfile's own COPY lines, and its build command, give the same wheel."""
    lines = (ROOT / "docker" / "Dockerfile").read_text().splitlines()
    assert any("hatchling build --target wheel" in line for line in lines)
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            *sources, target = line.split()[1:]
            for source in sources:
                place = tmp_path / "app" / (target if len(sources) == 1 else ".") / ("" if target == source else source)
                copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
                place.parent.mkdir(parents=True, exist_ok=True)
                copy(ROOT / source, place, **({"symlinks": True} if copy is shutil.copytree else {}))
    assert contents(build(tmp_path / "app", tmp_path / "dist", "wheel")) == contents(wheel)


@pytest.mark.parametrize("name", FOLDERS)
def test_an_editable_install_exposes_one_name(name: str, base: Path, tmp_path: Path) -> None:
    assert outside([str(base / "python"), "-c", "import t2c"], tmp_path).returncode == 0
    done = outside([str(base / "python"), "-c", f"import {name}"], tmp_path)
    assert f"No module named '{name}'" in done.stderr


@pytest.fixture
def crowded(tmp_path: Path) -> Path:
    """A folder whose own modules have the names of our folders, and end whoever imports them."""
    (tmp_path / "flows").mkdir()
    for name in ("flows/__init__.py", "store.py", "schemas.py", "t2c_core.py"):
        (tmp_path / name).write_text("raise ImportError('a module of the user was imported')")
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ["python", "-c", "import t2c, t2c.flows.scores.ask, t2c.store.queries, t2c.core.shift.shift"],
        ["python", "-m", "t2c.flows.cli", "doctor", "--no-devices"],
        ["t2c", "sql", "--help"],
    ],
    ids=["import", "module", "command"],
)
def test_a_project_with_the_same_names_is_not_in_the_way(command: list[str], crowded: Path, base: Path) -> None:
    done = outside([str(base / command[0]), *command[1:]], crowded)
    assert done.returncode == 0, done.stderr


def test_ruff_walks_each_file_once() -> None:
    shown = subprocess.run(
        [str(Path(sys.executable).with_name("ruff")), "check", "--show-files"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    real = [Path(name).resolve() for name in shown]
    assert len(real) == len(set(real))
    assert ROOT / "flows" / "cli" / "app.py" in real


def test_types_coverage_and_tests_walk_one_tree() -> None:
    """mypy through the package (files behind links have one module name), coverage and pytest through the folders."""
    tool = PROJECT["tool"]
    assert (tool["mypy"]["packages"], tool["mypy"]["mypy_path"]) == (["t2c"], "src")
    assert set(tool["coverage"]["run"]["source"]) == set(FOLDERS)
    assert tool["pytest"]["ini_options"]["testpaths"] == ["tests"]


def test_no_folder_of_code_holds_more_than_20_files() -> None:
    files = [path for top in (*FOLDERS, "tests") for path in (ROOT / top).rglob("*.py")]
    counts = Counter(str(path.parent.relative_to(ROOT)) for path in files)
    assert len(counts) > 60
    assert {folder: count for folder, count in counts.items() if count > 20} == {}


def test_tests_mirror_the_tree() -> None:
    """A folder of tests below a package's name is a folder of that package, and tests of a room lie in it."""
    folders = {path.parent for top in FOLDERS for path in (ROOT / "tests" / top).rglob("*.py")}
    strangers = [folder for folder in folders if not (ROOT / folder.relative_to(ROOT / "tests")).is_dir()]
    assert strangers == []
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_prefect_finds_the_notice_for_workers() -> None:
    (found,) = entry_points(group="prefect.collections", name="t2c")
    assert found.value == "t2c.flows.audit.prefect_deployments"


@pytest.mark.slow
def test_the_demo_runs_from_the_wheel_in_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "pip", "install", "--no-deps", "--python", str(venv / "bin/python"), str(wheel)], check=True)
    (site,) = venv.glob("lib/python*/site-packages")
    packages = Path(sys.executable).parents[1] / site.relative_to(venv)
    (site / "dependencies.pth").write_text(
        str(packages)
    )  # a folder named in a .pth file has its own .pth files left out
    (tmp_path / "empty").mkdir()
    done = outside([str(venv / "bin/t2c"), "demo", "--small"], tmp_path / "empty")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "19 of 19 checks hold" in done.stdout
