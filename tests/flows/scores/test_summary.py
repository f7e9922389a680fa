"""A dataset's summary: every input accounted for, numpy's statistics, classes in order, both ends of each concept."""

import numpy as np
import pytest

from t2c.flows.scores.ask import summary
from t2c.schemas.errors import SpecError
from t2c.store.disk.root import Store
from tests.planted.scored import scored

MATRIX = np.array([[0.1, 0.0], [0.4, 0.2], [0.3, 0.1], [-0.2, 0.5]], np.float32)


def test_inputs_statistics_classes_and_extremes(store: Store) -> None:
    outcomes = ["ok", "ok", "ok", "ok"]
    scored(store, MATRIX, ["dog", "cat"], label=["a", "b", "a", "b"], outcome=outcomes)
    report = summary(store, "photos", k=2)
    assert dict(zip(*report.accounting.to_pydict().values(), strict=True)) == {
        "ok": 4, "corrupt": 0, "too_large": 0, "unsupported": 0, "missing": 0,
    }  # fmt: skip
    assert report.searched == 4
    assert report.concepts["mean"].to_pylist() == pytest.approx(MATRIX.mean(axis=0), abs=1e-6)
    assert report.concepts["std"].to_pylist() == pytest.approx(MATRIX.std(axis=0), abs=1e-6)
    dog = [row["label"] for row in report.classes.to_pylist() if row["concept"] == "dog"]
    assert dog == ["a", "b"]
    assert [end.concept for end in report.extremes] == ["dog", "cat"]
    assert report.extremes[0].most["row"].to_pylist() == [1, 2]
    assert report.extremes[0].least["row"].to_pylist() == [3, 0]


def test_by_class_adds_the_ends_inside_every_class_and_zero_images_none(store: Store) -> None:
    scored(store, MATRIX, ["dog", "cat"], label=["a", "b", "a", "b"])
    ends = summary(store, "photos", k=1, by_class=True).extremes
    assert [(end.concept, end.label) for end in ends[:3]] == [("dog", None), ("dog", "a"), ("dog", "b")]
    assert summary(store, "photos", k=0).extremes == ()
    with pytest.raises(SpecError, match="number of images: expected 0 or more, but got -1"):
        summary(store, "photos", k=-1)
