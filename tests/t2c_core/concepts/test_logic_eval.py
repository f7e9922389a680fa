"""Concept logic selects what the paper says: strict thresholds, intersections, and a funnel of counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t2c.core.concepts.logic_eval import FunnelStep, evaluate, z_scores
from t2c.schemas.errors import MismatchError, UnknownName
from t2c.schemas.logic import And, Constraint, Expression, Not, Or, parse

RNG = np.random.default_rng(0)
SIMILARITIES = {name: RNG.normal(0.2, 0.1, 500).astype(np.float32) for name in ("dog", "beach", "in a tree")}


def by_hand(concept: str, sign: int, k: float) -> np.ndarray:
    """Return the paper's constraint (concept, k, sign), section 5."""
    values = SIMILARITIES[concept].astype(np.float64)
    if sign > 0:
        return values > values.mean() + k * values.std()
    return values < values.mean() - k * values.std()


@pytest.mark.parametrize("k", [-1.5, 0.0, 0.3, 2.0])
def test_both_signs_are_the_papers(k: float) -> None:
    np.testing.assert_array_equal(evaluate(parse(f"dog > {k}"), SIMILARITIES).mask, by_hand("dog", 1, k))
    np.testing.assert_array_equal(evaluate(parse(f"dog < {-k}"), SIMILARITIES).mask, by_hand("dog", -1, k))


def test_the_minus_sign_is_not_the_complement() -> None:
    below = evaluate(parse("dog < -1"), SIMILARITIES).mask
    complement = evaluate(parse("!dog > 1"), SIMILARITIES).mask
    assert below.sum() < complement.sum()
    np.testing.assert_array_equal(complement, ~by_hand("dog", 1, 1.0))


def test_the_funnel_counts_what_remains_after_each_term() -> None:
    found = evaluate(parse("dog > 0 & (beach > 1 | 'in a tree' > 1) & !beach > 2"), SIMILARITIES)
    dog, beach, tree = by_hand("dog", 1, 0), by_hand("beach", 1, 1), by_hand("in a tree", 1, 1)
    either, few = beach | tree, ~by_hand("beach", 1, 2)
    assert found.searched == 500
    assert found.funnel == (
        FunnelStep("dog > 0", int(dog.sum()), int(dog.sum())),
        FunnelStep('beach > 1 | "in a tree" > 1', int(either.sum()), int((dog & either).sum())),
        FunnelStep("!beach > 2", int(few.sum()), int((dog & either & few).sum())),
    )
    np.testing.assert_array_equal(found.mask, dog & either & few)


def test_thresholds_can_be_frozen_to_a_reference() -> None:
    found = evaluate(parse("dog > 1"), SIMILARITIES, stats={"dog": (0.0, 0.25)})
    np.testing.assert_array_equal(found.mask, SIMILARITIES["dog"] > 0.25)


def test_a_searched_subset_has_its_own_thresholds() -> None:
    half = {name: values[:100] for name, values in SIMILARITIES.items()}
    values = half["dog"].astype(np.float64)
    np.testing.assert_array_equal(evaluate(parse("dog > 1"), half).mask, values > values.mean() + values.std())


@pytest.mark.parametrize("text", ["flat > 0", "flat < 0", "flat > 3", "flat < -3"])
def test_a_constant_concept_satisfies_no_side(text: str) -> None:
    assert not evaluate(parse(text), {"flat": np.full(11, 0.1, np.float32)}).mask.any()


def test_no_images_is_an_answer_with_frozen_statistics() -> None:
    found = evaluate(parse("dog > 1"), {"dog": np.zeros(0, np.float32)}, stats={"dog": (0.0, 1.0)})
    assert (found.searched, found.funnel[0].remaining) == (0, 0)


def test_z_scores_say_why() -> None:
    np.testing.assert_allclose(z_scores(np.array([0.1, 0.3]), mean=0.2, std=0.05), [-2, 2])
    np.testing.assert_array_equal(z_scores(np.array([0.1]), mean=0.2, std=0.0), [0])


def test_an_unknown_concept_is_named_with_its_neighbours() -> None:
    with pytest.raises(
        UnknownName, match=r"concept: expected one of 'beach', .* but got 'dogs'\. Did you mean 'dog'"
    ) as found:
        evaluate(parse("dogs > 1"), SIMILARITIES)
    assert "t2c concepts add" in str(found.value)


@pytest.mark.usefixtures("unchecked_shapes")
def test_concepts_must_cover_the_same_images() -> None:
    with pytest.raises(MismatchError, match=r"similarities: expected one shape \(images,\) for every concept"):
        evaluate(parse("dog > 1"), {**SIMILARITIES, "cat": np.zeros(3, np.float32)})


CONSTRAINTS = st.builds(Constraint, st.sampled_from(sorted(SIMILARITIES)), st.sampled_from([1, -1]), st.floats(-2, 2))
EXPRESSIONS = st.recursive(
    CONSTRAINTS,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


def mask_of(expression: Expression) -> np.ndarray:
    return evaluate(expression, SIMILARITIES).mask


@settings(deadline=None, max_examples=60)
@given(EXPRESSIONS, EXPRESSIONS)
def test_de_morgan(one: Expression, two: Expression) -> None:
    np.testing.assert_array_equal(mask_of(Not(And((one, two)))), mask_of(Or((Not(one), Not(two)))))


@settings(deadline=None, max_examples=60)
@given(EXPRESSIONS)
def test_the_funnel_ends_with_the_mask_and_never_rises(expression: Expression) -> None:
    found = evaluate(expression, SIMILARITIES)
    counts = [found.searched, *(step.remaining for step in found.funnel)]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == found.mask.sum()
    assert all(step.remaining <= step.alone for step in found.funnel)
