"""What the first line and the first answer of a Python session cost, beside importing the libraries that an answer needs."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import t2c
from benchmarks.harness import Ratio, Row, at_most, ratio_of

PAIRS = 7
TIMED = "import time; started = time.perf_counter(); {work}; print(time.perf_counter() - started)"
LIBRARIES = "import duckdb, pyarrow"


def rows() -> list[Row]:
    """Return the rows of this group."""
    with tempfile.TemporaryDirectory(prefix="t2c-bench-") as folder:
        make_store(Path(folder))
        first = f"import t2c; t2c.open({folder + '/store'!r}).find('photos', 'red > 1 & blue < 0')"
        return [
            at_most("`import t2c` against `import duckdb, pyarrow`, in fresh processes", against("import t2c"), 0.5),
            at_most("`import t2c`, open a store and find, against `import duckdb, pyarrow`", against(first), 2.5),
        ]


def make_store(folder: Path) -> None:
    """Make a store of 2,000 imported vectors, scored with three concepts in their own space."""
    rng = np.random.default_rng(0)
    np.save(folder / "x.npy", rng.normal(size=(2000, 32)).astype(np.float32))
    (folder / "ids.txt").write_text("".join(f"{row}.jpg\n" for row in range(2000)))
    np.save(folder / "words.npy", rng.normal(size=(3, 32)).astype(np.float32))
    (folder / "words.txt").write_text("red\nblue\nstar\n")
    store = t2c.open(str(folder / "store"), create=True)
    store.import_features("photos", folder / "x.npy", encoder="mine", ids=folder / "ids.txt", space="s")
    store.import_concepts("words", folder / "words.npy", names=folder / "words.txt", space="s")
    store.score("photos", source="mine", bank="words")


def against(work: str) -> Ratio:
    """Return the ratio of the seconds of `work` and of importing the libraries, each in a process of its own."""
    return ratio_of([(timed(work), timed(LIBRARIES)) for _ in range(PAIRS)])


def timed(work: str) -> float:
    """Return the seconds of a piece of code in a fresh process, without the interpreter's own start."""
    command = [sys.executable, "-c", TIMED.format(work=work)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])
