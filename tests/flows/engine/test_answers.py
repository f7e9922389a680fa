"""An answer is computed once for a question and its parents."""

import pyarrow as pa

from t2c.flows.engine.answers import stored_once
from t2c.store.disk.manifest import Parent
from t2c.store.disk.root import Store


def test_the_same_question_is_computed_once_and_another_parent_is_another_question(store: Store) -> None:
    asked: list[str] = []

    def compute() -> pa.Table:
        asked.append("computed")
        return pa.table({"n": [len(asked)]})

    spec = {"reference": "photos", "current": "new"}
    parents = [Parent("images", "photos", 1, "0" * 64)]
    first = stored_once(store, "shift", compute, spec=spec, parents=parents)
    again = stored_once(store, "shift", compute, spec=spec, parents=parents)
    other = stored_once(store, "shift", compute, spec=spec, parents=[Parent("images", "photos", 2, "1" * 64)])
    assert (first.new, again.new, other.new) == (True, False, True)
    assert again.table.equals(first.table)
    assert (again.digest, again.path) == (first.digest, first.path)
    assert other.table["n"][0].as_py() == 2
