"""An answer is kept once under what was asked of which parents."""

import pyarrow as pa
import pytest

from t2c.schemas.errors import SpecError
from t2c.store.artifacts.answers import answer_table, list_answers, write_answer
from t2c.store.disk.manifest import Parent
from t2c.store.disk.root import Store

TABLE = pa.table({"concept": ["dog"], "d": [0.5]})
PARENTS = (Parent("similarities", "photos/x/everyday", 1, "a" * 64),)
SPEC = {"reference": "photos@1", "current": "new@1"}


def test_the_same_question_has_the_same_answer(store: Store) -> None:
    first = write_answer(store, "shift", TABLE, spec=SPEC, parents=PARENTS)
    again = write_answer(store, "shift", TABLE.slice(0, 0), spec=SPEC, parents=PARENTS)
    assert again == first
    (manifest,) = list_answers(store, "shift")
    assert manifest == first
    assert manifest.parents == PARENTS
    assert answer_table(store, manifest).equals(TABLE)
    assert answer_table(store, manifest, columns=["d"]).equals(TABLE.select(["d"]))


def test_another_question_or_parent_is_another_answer(store: Store) -> None:
    write_answer(store, "shift", TABLE, spec=SPEC, parents=PARENTS)
    write_answer(store, "shift", TABLE, spec={**SPEC, "where": "row > 1"}, parents=PARENTS)
    write_answer(store, "shift", TABLE, spec=SPEC, parents=())
    write_answer(store, "zeroshot", TABLE, spec={"dataset": "photos"}, parents=PARENTS)
    assert len(list_answers(store, "shift")) == 3
    assert len(list_answers(store, "zeroshot")) == 1


def test_the_spec_says_what_the_view_shows(store: Store) -> None:
    with pytest.raises(SpecError, match=r"spec of a shift answer: expected text for current, but got none"):
        write_answer(store, "shift", TABLE, spec={"reference": "photos"}, parents=())
    with pytest.raises(SpecError, match="kind of answer: expected 1 to 64 letters"):
        write_answer(store, "../x", TABLE, spec={}, parents=())
