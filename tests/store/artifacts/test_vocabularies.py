"""A vocabulary's vectors are kept part by part, in the order of its words, under a name that says what made them."""

from dataclasses import replace

import numpy as np
import pytest

from t2c.schemas.errors import CorruptError, MismatchError
from t2c.schemas.spaces import Space
from t2c.store.artifacts.verify import verify
from t2c.store.artifacts.vocabularies import StoredVocabulary, add_vectors, open_vocabulary_words
from t2c.store.disk.manifest import list_artifacts
from t2c.store.disk.root import Store

SPACE = Space("encoder", "open_clip:test/none", 3, "weights-of-the-test")
WORDS = ["dog", "Ωmega", "ice cream", "cat"]
VECTORS = np.arange(12, dtype=np.float32).reshape(4, 3)


def opened(store: Store, words: list[str] = WORDS, *, space: Space = SPACE, template: str = "a {}") -> StoredVocabulary:
    return open_vocabulary_words(store, words, space=space, list_name="test", prompts={"templates": [template]})


def test_vectors_come_back_in_the_order_of_the_words(store: Store) -> None:
    first = opened(store)
    assert (first.count, first.encoded, first.vectors().shape) == (4, 0, (0, 3))
    whole = add_vectors(add_vectors(first, VECTORS[:3]), VECTORS[3:])
    assert (whole.encoded, whole.words(), whole.list_name) == (4, WORDS, "test")
    assert np.array_equal(whole.vectors(), VECTORS)
    assert verify(store).num_rows == 0


def test_what_was_encoded_is_found_again(store: Store) -> None:
    add_vectors(opened(store), VECTORS[:2])
    again = opened(store)
    assert np.array_equal(again.vectors(), VECTORS[:2])
    assert list_artifacts(store, "vocabularies") == [again.manifest.artifact]


def test_other_words_prompts_or_spaces_are_other_vocabularies(store: Store) -> None:
    others = [
        opened(store),
        opened(store, WORDS[::-1]),
        opened(store, template="the {}"),
        opened(store, space=replace(SPACE, weights="others")),
    ]
    assert len({one.manifest.name for one in others}) == 4


def test_an_object_store_keeps_them_too(memory_store: Store) -> None:
    assert np.array_equal(add_vectors(opened(memory_store), VECTORS).vectors(), VECTORS)


def test_too_many_vectors_are_refused(store: Store) -> None:
    with pytest.raises(MismatchError, match=r"expected shape \(1 to 4, 3\), but got \(5, 3\)"):
        add_vectors(opened(store), np.ones((5, 3), np.float32))


def test_two_runs_do_not_write_the_same_words_twice(store: Store) -> None:
    one = opened(store)
    add_vectors(one, VECTORS[:2])
    with pytest.raises(MismatchError, match="expected snapshot 1 still the newest, but got 2, of another run"):
        add_vectors(one, VECTORS[:2])


def test_a_flipped_byte_is_an_error(store: Store) -> None:
    whole = add_vectors(opened(store), VECTORS)
    path = store.files.local_path(whole.manifest.with_role("vectors")[0].path)
    with open(path, "r+b") as file:  # noqa: PTH123
        file.seek(-1, 2)
        file.write(b"\x7f")
    with pytest.raises(CorruptError):
        whole.vectors()
