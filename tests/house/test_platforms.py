"""macOS does everything but what Linux alone has; Windows reads, and a write to a folder ends in one clear sentence."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2c.flows.scores.score import score
from t2c.store.disk.root import open_store
from tests.planted.audit import write_audit
from tests.planted.photos import fill

ROOT = Path(__file__).parents[2]
LINUX_ONLY = {
    "os": "sched_getaffinity sched_setaffinity O_TMPFILE O_PATH O_DIRECT O_NOATIME posix_fadvise posix_fallocate pipe2 "
    "memfd_create eventfd copy_file_range splice getrandom fdatasync setns unshare pidfd_open",
    "signal": "SIGPOLL SIGPWR SIGRTMIN SIGRTMAX sigtimedwait sigwaitinfo",
}
"""Module -> names, with spaces between, that Linux has and macOS lacks."""
POSIX_ONLY = {
    "os": "O_DIRECTORY O_CLOEXEC O_NOFOLLOW O_NONBLOCK O_SYNC O_DSYNC pread pwrite preadv pwritev fork forkpty killpg "
    "register_at_fork sysconf sysconf_names getuid geteuid getgid getegid chown fchown fchmod "
    "lchown mkfifo mknod getpgid setsid nice getloadavg lockf sync sendfile posix_spawn wait3 wait4 uname statvfs",
    "signal": "SIGHUP SIGUSR1 SIGUSR2 SIGALRM alarm setitimer pthread_kill",
    "time": "clock_gettime clock_getres",
    "socket": "AF_UNIX",
}
"""Module -> names, with spaces between, that Linux and macOS have and Windows lacks."""
NOT_ON_WINDOWS = {module: f"{names} {LINUX_ONLY.get(module, '')}".split() for module, names in POSIX_ONLY.items()}
"""Module -> names that Linux has and Windows lacks."""
NEEDED = {"uname", "statvfs"}
"""Names that no module may use, but that numpy and shutil, built for the real system, cannot lose."""
POSIX_MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog")
BEHIND_THE_LOCK = {"store/disk/lease.py": {"os.pread", "os.pwrite"}}
"""What is called with a lock in hand, so never on Windows."""

TAKE_AWAY = """
import importlib, json, sys, types
gone, modules, system = json.loads(sys.argv.pop(1))
for module, names in gone.items():
    for name in names:
        vars(importlib.import_module(module)).pop(name, None)
sys.modules.update(dict.fromkeys(modules))
def no_proc(event, values):
    if event == "open" and str(values[0]).startswith("/proc"):
        raise FileNotFoundError(2, "No such file or directory", str(values[0]))
sys.addaudithook(no_proc)

from t2c.store.disk import locks
locks.platform = types.SimpleNamespace(system=lambda: system)  # torch loads by the real one
"""
MACOS = json.dumps([{module: names.split() for module, names in LINUX_ONLY.items()}, [], "Darwin"])
WINDOWS = json.dumps(
    [{module: sorted({*names} - NEEDED) for module, names in NOT_ON_WINDOWS.items()}, POSIX_MODULES, "Windows"]
)
COMMAND = "from t2c.flows.cli import main\nmain()"
COMMANDS = """
from t2c.flows.cli.app import run
for line in json.loads(sys.argv[1]):
    assert run(line) == 0, line
"""
EVERY_STEP = """
from pathlib import Path
from t2c.flows.cli.app import run
from t2c.flows.features.extract import extract
from t2c.store.disk.root import open_store
from tests.planted.encoders import FakeEncoder

here = Path(sys.argv[1])
store = ["--store", str(here / "store")]
assert run(["index", str(here / "photos"), "--name", "photos", *store]) == 0
assert extract(open_store(here / "store"), "photos", [FakeEncoder()]).decoded == 4
files = [str(here / "x.npy"), str(here / "ids.txt")]
assert run(["features", "import", "photos", *files, "--encoder", "mine", "--space", "s", *store]) == 0
assert run(["concepts", "import", "words", str(here / "words.npy"), str(here / "words.txt"), "--space", "s", *store]) == 0
assert run(["score", "photos", "--source", "mine", "--concepts", "words", *store]) == 0
assert run(["find", "photos", "red > 0", *store]) == 0
assert run(["doctor", "--no-devices", *store]) == 0
"""


def python(system: str, code: str, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run code in an interpreter from which what a system lacks was taken away."""
    command = [sys.executable, "-c", TAKE_AWAY + code, system, *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def unguarded(code: str) -> Iterator[str]:
    """Yield what a module imports or uses that another system lacks, unless it asks first or expects the error."""
    yield from _unguarded(ast.parse(code), guarded=False)


def _unguarded(node: ast.AST, *, guarded: bool) -> Iterator[str]:
    if isinstance(node, ast.If | ast.IfExp):
        guarded |= "hasattr(" in ast.unparse(node.test)
    if isinstance(node, ast.Try):
        caught = " ".join(ast.unparse(handler.type) for handler in node.handlers if handler.type)
        guarded |= "ImportError" in caught or "AttributeError" in caught
    if not guarded:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in POSIX_MODULES)
        if isinstance(node, ast.ImportFrom):
            yield from [node.module] if node.module in POSIX_MODULES else []
            yield from (f"{node.module}.{name.name}" for name in node.names if _lacking(node.module, name.name))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and _lacking(node.value.id, node.attr):
            yield f"{node.value.id}.{node.attr}"
    for child in ast.iter_child_nodes(node):
        yield from _unguarded(child, guarded=guarded)


def _lacking(module: str | None, name: str) -> bool:
    return name in NOT_ON_WINDOWS.get(module or "", ())


def modules() -> dict[str, str]:
    """Every module's text by its path."""
    tops = ("flows", "store", "schemas", "t2c_core")
    files = [file for top in tops for file in sorted((ROOT / top).rglob("*.py"))]
    return {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in files}


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scored store of two datasets that was made on a system with locks."""
    folder = tmp_path_factory.mktemp("made")
    write_audit(folder, rows=40)
    for dataset in ("photos", "new_photos"):
        score(open_store(folder / "store"), dataset, source="my-clip", bank="everyday")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_macos_indexes_extracts_imports_scores_and_finds(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 4)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32))
    np.save(tmp_path / "words.npy", np.eye(2, 3, dtype=np.float32))
    (tmp_path / "ids.txt").write_text("".join(f"{row:04d}.jpg\n" for row in range(4)))
    (tmp_path / "words.txt").write_text("red\nblue\n")
    done = python(MACOS, EVERY_STEP, str(tmp_path))
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr


def test_windows_reads_a_store_and_leaves_it_as_it_is(answered: Path) -> None:
    before = contents(answered / "store")
    report = answered / "windows.html"
    asked: list[list[str]] = [
        ["summary", "photos"],
        ["top", "photos", "red"],
        ["find", "photos", "red > 0 & blue < 0"],
        ["sql", "select count(*) from images"],
        ["shift", "photos", "new_photos"],
        ["report", "photos", "-o", str(report)],
        ["explain", "photos"],
        ["verify"],
        ["gc", "--dry-run"],
        ["doctor", "--no-devices"],
    ]
    lines = [[*line, "--store", str(answered / "store")] for line in asked]
    done = python(WINDOWS, COMMANDS, json.dumps(lines))
    assert (done.returncode, done.stderr) == (0, "")
    assert "to write, run t2c in WSL" in done.stdout
    assert report.stat().st_size > 1000
    assert contents(answered / "store") == before


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("store", "index photos --name x"),
        ("new", "index photos --name x"),
        ("store", "score photos --source my-clip --concepts everyday"),
        ("store", "gc --older-than 0"),
    ],
)
def test_windows_says_in_one_sentence_where_a_write_works(answered: Path, place: str, line: str) -> None:
    fill(answered / "photos", 1)
    (answered / "store" / ".tmp-left").touch()
    done = python(WINDOWS, COMMAND, *line.split(), "--store", str(answered / place), cwd=answered)
    want = (
        f"t2c: store {answered / place}: expected an operating system with fcntl locks (Linux, macOS) to write in, but "
        "got Windows. Reading works here; to write, run t2c in WSL or use a store such as s3://bucket/prefix.\n"
    )
    assert (done.returncode, done.stderr) == (1, want)
    assert not (answered / "new").exists()


def test_windows_writes_to_an_object_store(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 2)
    done = python(
        WINDOWS, COMMANDS, json.dumps([["index", str(tmp_path / "photos"), "--name", "x", "--store", "memory://w"]])
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("code", ["import fcntl", "import os\nos.sched_getaffinity(0)", "open('/proc/cpuinfo')"])
def test_what_was_taken_away_is_gone(code: str) -> None:
    assert python(WINDOWS, code).returncode == 1
    assert python(MACOS, code).returncode == (0 if code == "import fcntl" else 1)


def test_no_module_counts_on_one_system() -> None:
    found: dict[str, Any] = {
        file: set(unguarded(code)) - BEHIND_THE_LOCK.get(file, set()) for file, code in modules().items()
    }
    assert {file: names for file, names in found.items() if names} == {}


def test_cores_are_counted_in_one_place() -> None:
    counting = [file for file, code in modules().items() if "sched_getaffinity" in code or "cpu_count" in code]
    assert counting == ["flows/engine/machine.py"]


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("import fcntl", ["fcntl"]),
        ("from resource import getrusage", ["resource"]),
        ("def f():\n import pwd", ["pwd"]),
        ("from os import sched_getaffinity", ["os.sched_getaffinity"]),
        ("import os\nn = len(os.sched_getaffinity(0))", ["os.sched_getaffinity"]),
        ("try:\n import grp\nexcept OSError:\n pass", ["grp"]),
        ("try:\n import grp\nexcept ImportError:\n pass", []),
        ("n = os.fork() if hasattr(os, 'fork') else 0", []),
        ("f = getattr(os, 'O_DIRECTORY', 0)", []),
    ],
)
def test_the_check_can_fail(code: str, names: list[str]) -> None:
    assert list(unguarded(code)) == names
