"""Compaction as a step: one file for many, the same answers, what is not there named."""

import numpy as np
import pytest

from t2c.flows.maps.align import align
from t2c.flows.scores.compact import compact
from t2c.flows.scores.score import score
from t2c.flows.shift.shift import shift
from t2c.schemas.errors import UnknownName
from tests.planted.features import SOURCE, TARGET, Planted


def test_many_files_become_one_and_answers_stay(planted: Planted) -> None:
    planted.dataset("photos", 100)
    planted.bank()
    digest = align(planted.store, "photos", source=SOURCE.name, target=TARGET.name).digest
    x = planted.x(100)
    for step in range(3):
        score(planted.store, "photos", source=SOURCE.name, bank="everyday", linear_map=digest)
        planted.images("photos", 20)
        x = np.concatenate([x, planted.x(20, seed=step + 5)])
        planted.both("photos", x)
    before = shift(planted.store, "photos", where="row < 60").table
    table = compact(planted.store, "photos")
    assert table["files_before"].to_pylist() == [3]
    assert table["files_after"].to_pylist() == [1]
    after = shift(planted.store, "photos", where="row < 60")
    assert after.table.equals(before)
    assert compact(planted.store)["files_before"].to_pylist() == [1]


def test_what_is_not_there_is_named(planted: Planted) -> None:
    with pytest.raises(UnknownName, match="dataset"):
        compact(planted.store, "photos")
    planted.dataset("photos", 10)
    with pytest.raises(UnknownName, match=r"similarities of photos with words: expected some, but got none. Score it"):
        compact(planted.store, "photos", bank="words")
