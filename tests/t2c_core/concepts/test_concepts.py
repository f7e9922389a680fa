"""Concepts become prompts by filling {} alone, and prompts' vectors become one unit vector."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2c.core.concepts.concepts import ConceptPrompts, average, expand
from t2c.schemas.errors import InputError, SpecError
from t2c.schemas.specs.base import DEFAULT_TEMPLATES, ConceptFile, ContextConcepts


def test_a_concept_fills_the_seven_default_templates() -> None:
    (dog,) = expand(ConceptFile(concepts=("dog",)))
    assert dog == ConceptPrompts("dog", tuple(t.replace("{}", "dog") for t in DEFAULT_TEMPLATES), "concept")
    assert dog.prompts[0] == "itap of a dog"
    assert len(dog.prompts) == 7


def test_the_order_is_concepts_prompts_contexts() -> None:
    file = ConceptFile(
        concepts=("b", "a"),
        prompts={"z": ("finished text", "a {} that stays")},
        contexts=ContextConcepts(phrases=("in a tree", "in snow"), classes=("cat", "dog")),
        templates=("a {}", "{} and {}"),
    )
    found = expand(file)
    assert [(entry.concept, entry.kind) for entry in found] == [
        ("b", "concept"),
        ("a", "concept"),
        ("z", "concept"),
        ("in a tree", "context"),
        ("in snow", "context"),
    ]
    assert found[1].prompts == ("a a", "a and a")
    assert found[2].prompts == ("finished text", "a {} that stays")
    assert found[3].prompts == ("a cat in a tree", "a dog in a tree", "cat and cat in a tree", "dog and dog in a tree")


def test_contexts_stand_beside_the_word_object_by_default() -> None:
    (snow,) = expand(ConceptFile(contexts=ContextConcepts(phrases=("in snow",))))
    assert snow.prompts[0] == "itap of a object in snow"


@pytest.mark.parametrize("brace", ["{0}", "{name}", "}{", "{{}", "%s", "\\1"])
def test_other_braces_are_text(brace: str) -> None:
    (entry,) = expand(ConceptFile(concepts=(f"x{brace}",), templates=(f"{brace} of {{}}",)))
    assert entry.prompts == (f"{brace} of {{}}".replace("{}", f"x{brace}"),)


def test_braces_inside_names_are_never_filled_again() -> None:
    file = ConceptFile(
        concepts=("a {} b",), contexts=ContextConcepts(phrases=("near {}",), classes=("{}",)), templates=("the {}",)
    )
    assert [entry.prompts for entry in expand(file)] == [("the a {} b",), ("the {} near {}",)]


@given(st.lists(st.text(alphabet="abc{}", min_size=1, max_size=4), min_size=1, max_size=5, unique=True))
def test_every_concept_has_a_prompt_a_template(names: list[str]) -> None:
    for entry in expand(ConceptFile(concepts=tuple(names), templates=("({})", "[{}]"))):
        assert entry.prompts == (f"({entry.concept})", f"[{entry.concept}]")


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (ConceptFile(), r"concept file: expected at least one concept, but got none\. Write one concept a line"),
        (
            ConceptFile(concepts=("a",), templates=("no slot",)),
            r"template: expected a text with \{\}, but got 'no slot'",
        ),
        (ConceptFile(concepts=("a",), templates=("{ }",)), r"template: expected a text with \{\}, but got '\{ \}'"),
        (ConceptFile(concepts=("a",), templates=()), "templates: expected at least one text"),
        (ConceptFile(concepts=("a", " ")), "concepts: expected a text that is not blank, but got ' '"),
        (ConceptFile(prompts={"": ("x",)}), "prompts: expected a text that is not blank, but got ''"),
        (ConceptFile(prompts={"a": ()}), "prompts of 'a': expected at least one prompt, but got none"),
        (ConceptFile(prompts={"a": ("b", "")}), "prompts of 'a': expected a text that is not blank"),
        (ConceptFile(contexts=ContextConcepts(phrases=("",))), "contexts: expected a text that is not blank"),
        (
            ConceptFile(contexts=ContextConcepts(phrases=("x",), classes=())),
            r"classes of contexts: expected at least one class name, but got none\. Leave it out",
        ),
        (
            ConceptFile(contexts=ContextConcepts(phrases=("x",), classes=("",))),
            "classes of contexts: expected a text that is not blank",
        ),
        (ConceptFile(concepts=("dog", "cat", "dog")), r"concepts: .* got 'dog' \(concepts\) and 'dog' \(concepts\)"),
        (
            ConceptFile(concepts=("in snow",), contexts=ContextConcepts(phrases=("In  snow",))),
            r"more than case and spaces, but got 'in snow' \(concepts\) and 'In  snow' \(contexts\)\. Rename or remove",
        ),
        (ConceptFile(concepts=("dog",), prompts={"Dog ": ("x",)}), r"'dog' \(concepts\) and 'Dog ' \(prompts\)"),
    ],
)
def test_what_cannot_be_encoded_is_refused(file: ConceptFile, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        expand(file)


def test_finished_prompts_need_no_template() -> None:
    assert expand(ConceptFile(prompts={"a": ("text",)}, templates=()))[0].prompts == ("text",)


VECTORS = np.array([[3.0, 0.0], [0.0, 1.0]])


def test_both_orders_of_averaging() -> None:
    np.testing.assert_allclose(average(VECTORS, averaging="normalise-then-average"), np.full(2, 0.5**0.5), rtol=1e-6)
    np.testing.assert_allclose(
        average(VECTORS, averaging="average-then-normalise"), np.array([3, 1]) / 10**0.5, rtol=1e-6
    )


def test_an_average_is_a_unit_float32_vector() -> None:
    vectors = np.random.default_rng(0).normal(size=(7, 64)).astype(np.float16)
    for averaging in ("normalise-then-average", "average-then-normalise"):
        vector = average(vectors, averaging=averaging)
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    "vectors", [np.zeros((2, 3)), np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([[np.nan, 1]]), np.array([[np.inf, 1]])]
)
def test_vectors_without_a_direction_are_refused(vectors: np.ndarray) -> None:
    with pytest.raises(InputError, match="concept vector: expected a finite vector with a direction"):
        average(vectors, averaging="normalise-then-average")


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("shape", [(0, 3), (3,)])
def test_a_concept_without_prompts_has_no_vector(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"prompt vectors: expected shape \(prompts, target\)"):
        average(np.zeros(shape), averaging="average-then-normalise")
