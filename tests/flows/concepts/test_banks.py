"""Adding concepts with the demo's CLIP: vectors by hand, only new ones encoded, banks never change, one encoder a bank."""

from typing import Any

import numpy as np
import pytest

from t2c.core.concepts.concepts import ConceptPrompts
from t2c.core.encoders.base import TextEncoder
from t2c.core.encoders.load import load_text_encoder
from t2c.flows.concepts.banks import add_concepts, bank_table, concept_table, text_encoder_of
from t2c.flows.rows.texts import encode_prompts
from t2c.schemas.errors import MismatchError, SpecError
from t2c.schemas.specs.base import ConceptFile, parse_encoder
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.disk.root import Store
from tests.planted.features import TARGET, Planted

CLIP = "demo:clip"
COLOURS = ConceptFile(concepts=("red", "blue"), templates=("a photo of a {} circle", "a {} square"))


@pytest.fixture(scope="module")
def text() -> TextEncoder:
    return load_text_encoder(parse_encoder(CLIP), device="cpu")


def test_vectors_are_the_normalised_mean_of_the_prompts_unit_vectors(store: Store, text: TextEncoder) -> None:
    report = add_concepts(store, "colours", COLOURS, encoder=CLIP, device="cpu")
    assert (report.added, report.kept, report.total, report.new) == (("red", "blue"), 0, 2, True)
    bank = open_concepts(store, "colours")
    assert bank.space.id == text.space.id
    raw = text.encode_text(["a photo of a blue circle", "a blue square"]).astype(np.float64)
    mean = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).mean(axis=0)
    assert np.abs(bank.vectors()[1] - mean / np.linalg.norm(mean)).max() < 1e-6
    assert bank.table()["prompts"][0].as_py() == ["a photo of a red circle", "a red square"]


def test_adding_again_encodes_only_the_new_ones(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    first = add_concepts(store, "colours", COLOURS, encoder=CLIP, device="cpu")
    before = open_concepts(store, "colours").vectors()
    more = COLOURS.model_copy(update={"concepts": ("red", "blue", "green")})
    report = add_concepts(store, "colours", more, device="cpu")
    assert (report.added, report.kept, report.total) == (("green",), 2, 3)
    assert np.array_equal(open_concepts(store, "colours").vectors()[:2], before)

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("nothing is new, so nothing may be loaded")

    monkeypatch.setattr("t2c.core.encoders.load.load_text_encoder", refuse)
    again = add_concepts(store, "colours", more, device="cpu")
    assert (again.new, again.snapshot, first.snapshot) == (False, 2, 1)


def test_a_concept_with_other_prompts_is_refused_before_anything_is_encoded(store: Store) -> None:
    add_concepts(store, "colours", COLOURS, encoder=CLIP, device="cpu")
    other = ConceptFile(concepts=("red",), templates=("art of the {}",))
    message = (
        r"concept 'red' in bank colours: expected the prompts it already has \('a photo of a red circle' and 1 more"
    )
    with pytest.raises(MismatchError, match=message):
        add_concepts(store, "colours", other, device="cpu")
    averaged = COLOURS.model_copy(update={"averaging": "average-then-normalise"})
    with pytest.raises(MismatchError, match="but got 'a photo of a red circle' and 1 more; average-then-normalise"):
        add_concepts(store, "colours", averaged, device="cpu")


def test_a_bank_of_another_text_encoder_is_refused_naming_both(planted: Planted) -> None:
    planted.bank()
    new = ConceptFile(concepts=("green",))
    with pytest.raises(
        MismatchError, match=r"text encoder of bank everyday: expected open_clip:planted/test .*demo:clip"
    ):
        add_concepts(planted.store, "everyday", new, encoder=CLIP, device="cpu")


def test_a_word_the_encoder_does_not_know_is_named_and_nothing_is_written(store: Store) -> None:
    with pytest.raises(SpecError, match="zeppelin"):
        add_concepts(store, "things", ConceptFile(concepts=("zeppelin",)), encoder=CLIP, device="cpu")
    assert bank_table(store).num_rows == 0


def test_the_encoder_is_the_only_clip_with_features_unless_named(planted: Planted) -> None:
    with pytest.raises(SpecError, match=r"text encoder: expected one CLIP, but got none with features in the store"):
        text_encoder_of(planted.store)
    planted.dataset("photos", 4)
    assert text_encoder_of(planted.store) == TARGET.name


def test_prompts_that_several_concepts_share_are_encoded_once() -> None:
    seen: list[str] = []

    def encode(texts: list[str]) -> np.ndarray:
        seen.extend(texts)
        return np.array([[len(text), 1.0] for text in texts], dtype=np.float32)

    two = [ConceptPrompts("a", ("x", "yy"), "concept"), ConceptPrompts("b", ("yy",), "concept")]
    vectors = encode_prompts(two, encode, averaging="average-then-normalise")
    assert seen == ["x", "yy"]
    assert vectors == pytest.approx(np.array([[1.5, 1.0], [2.0, 1.0]]) / np.hypot([[1.5], [2.0]], 1), abs=1e-6)


def test_tables_of_banks_and_concepts(planted: Planted) -> None:
    planted.bank()
    assert bank_table(planted.store).to_pylist() == [
        {
            "bank": "everyday",
            "snapshot": 1,
            "concepts": 3,
            "target": TARGET.short,
            "dimension": 4,
            "text_encoder": TARGET.name,
        }
    ]
    found = concept_table(planted.store, "everyday")
    assert found["concept"].to_pylist() == ["red", "blue", "in a tree"]
    assert "vector" not in found.column_names
