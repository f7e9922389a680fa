"""The demo's audit file is one that `t2c audit` accepts, and it says what the plan says."""

from pathlib import Path

import yaml

from t2c.flows.demo.audit_file import write_audit_file
from t2c.flows.demo.pictures import Pictures
from t2c.flows.demo.plan import FULL, PLANTED, QUERIES, REFERENCE, SECOND
from t2c.flows.world.world import VALUES
from t2c.schemas.specs.audit import load_audit


def written(folder):
    pictures = tuple(
        Pictures(name, folder / name, folder / f"{name}-truth.parquet", 3, {}) for name in (REFERENCE, SECOND)
    )
    return write_audit_file(folder, folder.parent / "store", pictures, FULL)


def test_the_file_loads_with_absolute_paths(tmp_path):
    (tmp_path / "out").mkdir()
    spec = load_audit(written(tmp_path / "out"))
    assert Path(spec.store).resolve() == (tmp_path / "store").resolve()
    assert Path(spec.datasets[SECOND].source) == tmp_path / "out" / SECOND
    assert [task.name for task in spec.zeroshot] == list(VALUES)
    assert spec.queries == tuple(query.expression for query in QUERIES)
    assert spec.align.holdout == FULL.held_out
    assert len(spec.concepts.inline.concepts) + len(spec.concepts.inline.contexts.phrases) == 26


def test_paths_in_the_file_are_relative_to_it(tmp_path):
    (tmp_path / "out").mkdir()
    content = yaml.safe_load(written(tmp_path / "out").read_text())
    assert content["store"] == "../store"
    assert content["datasets"][REFERENCE]["source"] == REFERENCE


def test_the_planted_mix_is_written_down_in_values_of_the_world():
    assert PLANTED == {"context": {"indoors": 3.0, "on grass": 0.3}, "colour": {"red": 3.0}}
    assert all(value in VALUES[name] for name, odds in PLANTED.items() for value in odds)
