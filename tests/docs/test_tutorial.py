"""The tutorial runs from its first cell to its last, as a notebook does: one after the other, the last value of a cell shown."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

CELLS = json.loads((Path(__file__).parents[2] / "docs" / "tutorial.ipynb").read_text())["cells"]
CODE = ["".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code"]


def run(source: str, names: dict[str, Any]) -> Any:
    """Run a cell and return the value of its last expression; None when it ends in a statement."""
    body = ast.parse(source).body
    last = ast.Expression(body.pop().value) if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "cell", "exec"), names)
    return eval(compile(last, "cell", "eval"), names) if last is not None else None


def test_every_cell_runs_and_shows_its_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    shown = [run(source, names) for source in CODE]
    pages = [value._repr_html_() for value in shown if value is not None]
    assert len(pages) >= 5
    assert sum(page.count("<img ") > 0 for page in pages) == 2, "top and find show pictures"
    verdicts = dict(zip(*(names["shift"].table[name].to_pylist() for name in ("concept", "verdict")), strict=True))
    assert verdicts["indoors"] == "risen"
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_the_tutorial_carries_no_output() -> None:
    assert all(cell["outputs"] == [] for cell in CELLS if cell["cell_type"] == "code")
