"""A concept bank grows and never changes; what cannot be compared is refused with both sides named."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from t2c.schemas.errors import InputError, MismatchError, SpecError, UnknownName
from t2c.schemas.spaces import Space
from t2c.schemas.tables.tables import CONCEPTS
from t2c.store.artifacts.concepts import Concepts, add_concepts, list_banks, open_concepts
from t2c.store.disk.root import Store

SPACE = Space("encoder", "open_clip:b", 3, "bb")
HOSTILE = [
    "x'); DROP TABLE c;--",
    "../../etc/p",
    "a/b",
    "nul\0byte",
    "\u202egnp.txt",
    "🦆",
    "w" * 5000,
    "<img src=x>",
    "{0.__class__}",
    "a\nb",
    "=cmd()",
]


def table(names: Sequence[str], *, seed: int = 0, scale: float = 1.0) -> pa.Table:
    vectors = np.random.default_rng(seed).normal(size=(len(names), 3)).astype(np.float32)
    vectors *= scale / np.linalg.norm(vectors, axis=1, keepdims=True)
    return pa.table(
        {
            "concept": list(names),
            "prompts": [[f"a photo of {name}"] for name in names],
            "vector": list(vectors),
            "averaging": ["normalise-then-average"] * len(names),
            "kind": ["concept"] * len(names),
        }
    )


def add(store: Store, names: Sequence[str], *, bank: str = "everyday", seed: int = 0) -> Concepts:
    return add_concepts(store, bank, table(names, seed=seed), space=SPACE, text_encoder="open_clip:b")


def test_what_was_added_is_read_in_order(store: Store) -> None:
    add(store, ["dog", "cat"])
    bank = open_concepts(store, "everyday")
    assert bank.names() == ["dog", "cat"]
    assert bank.table().schema == CONCEPTS
    assert bank.table()["key"].to_pylist() == [0, 1]
    assert bank.space == SPACE
    assert bank.text_encoder == "open_clip:b"
    np.testing.assert_array_equal(bank.vectors(), np.stack(table(["dog", "cat"])["vector"].to_pylist()))
    assert bank.key_of("cat") == 1
    assert list_banks(store) == ["everyday"]


def test_a_bank_grows_and_older_snapshots_stay(store: Store) -> None:
    first = add(store, ["dog", "cat"])
    second = add(store, ["dog", "cat", "duck"])
    assert second.names() == ["dog", "cat", "duck"]
    assert second.vectors().shape == (3, 3)
    assert open_concepts(store, "everyday", snapshot=1).names() == ["dog", "cat"] == first.names()


def test_adding_the_same_again_commits_nothing(store: Store) -> None:
    first = add(store, ["dog"])
    assert add(store, ["dog"]) == first


def test_a_concept_with_the_same_prompts_is_the_same_concept(store: Store) -> None:
    first = add(store, ["dog"])
    assert add(store, ["dog"], seed=1) == first, "another vector from the same prompts is rounding"


def test_a_concept_never_changes_its_meaning(store: Store) -> None:
    add(store, ["dog"])
    imported = table(["dog"], seed=1).set_column(1, "prompts", pa.array([[]], pa.list_(pa.string())))
    match = r"concept 'dog' in bank everyday: expected what it already is \(1 prompts, .*\), but got imported, vector"
    with pytest.raises(MismatchError, match=match):
        add_concepts(store, "everyday", imported, space=SPACE, text_encoder="words")
    assert open_concepts(store, "everyday").manifest.snapshot == 1


def test_a_bank_has_one_space(store: Store) -> None:
    add(store, ["dog"])
    other = replace(SPACE, weights="cc", name="imported words")
    with pytest.raises(MismatchError, match=r"space of bank everyday: expected open_clip:b .*, but got imported words"):
        add_concepts(store, "everyday", table(["cat"]), space=other, text_encoder="words")


def test_names_are_data(store: Store) -> None:
    add(store, HOSTILE)
    bank = open_concepts(store, "everyday")
    assert bank.names() == HOSTILE
    assert [bank.key_of(name) for name in HOSTILE] == list(range(len(HOSTILE)))


@pytest.mark.parametrize("names", [["dog", "dog"], ["dog", ""], [" "]])
def test_a_concept_is_some_text_and_there_once(store: Store, names: list[str]) -> None:
    with pytest.raises(
        SpecError, match=r"concepts? (in|for) bank everyday: expected (some text|each concept once), but got"
    ):
        add(store, names)
    assert list_banks(store) == []


def test_vectors_are_checked(store: Store) -> None:
    def refuse(bad: pa.Table, match: str, space: Space = SPACE) -> None:
        with pytest.raises(InputError, match=match):
            add_concepts(store, "everyday", bad, space=space, text_encoder="x")

    refuse(
        table(["dog"]),
        "vector of concept 'dog': expected 4 numbers, as open_clip:b .*, but got 3",
        replace(SPACE, dimension=4),
    )
    refuse(table(["dog"], scale=2.0), r"expected length 1, but got length 2\. Normalise it")
    refuse(table(["dog"], scale=float("nan")), "expected finite numbers, but got NaN or infinity")


def test_unknown_names_offer_the_nearest_and_the_command(store: Store) -> None:
    with pytest.raises(
        UnknownName, match=r"concept bank: .* 'everday' Make it: t2c concepts add everday FILE|t2c concepts add"
    ):
        open_concepts(store, "everday")
    add(store, ["dog", "in a tree"])
    with pytest.raises(UnknownName, match=r"Did you mean 'everyday'\?"):
        open_concepts(store, "everday")
    with pytest.raises(
        UnknownName, match=r"but got 'in a tre'\. Did you mean 'in a tree'\? Add it: t2c concepts add everyday FILE"
    ):
        open_concepts(store, "everyday").key_of("in a tre")
