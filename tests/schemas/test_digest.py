"""Digests depend on values alone: not on key order, spacing or the machine."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2c.schemas.digest import SHORT, artifact_digest, canonical_json, digest, digest_bytes

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=10,
).filter(lambda value: "\\ud" not in ascii(value))


def shuffled(value: object) -> object:
    """Return value with every dictionary's keys in reverse order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(value)}
    return [shuffled(part) for part in value] if isinstance(value, list) else value


@given(JSON)
def test_key_order_does_not_matter(value: object) -> None:
    assert digest(value) == digest(shuffled(value))


def test_the_canonical_form_is_sorted_compact_utf8() -> None:
    assert canonical_json({"b": [1, 2.5], "a": "é"}) == '{"a":"é","b":[1,2.5]}'.encode()


def test_digests_never_change_between_versions() -> None:
    assert digest({"a": 1}) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    assert SHORT == 12


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_has_not_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        digest({"ridge": number})


def test_bytes_are_hashed_one_after_the_other() -> None:
    assert digest_bytes(b"ab", memoryview(b"c")) == hashlib.sha256(b"abc").hexdigest()
    assert digest_bytes() == hashlib.sha256().hexdigest()


def test_an_artifact_is_named_by_spec_and_ordered_parents() -> None:
    name = artifact_digest({"ridge": 1}, ["p", "q"])
    assert name == artifact_digest({"ridge": 1}, iter(("p", "q")))
    others = [artifact_digest({"ridge": 2}, ["p", "q"]), artifact_digest({"ridge": 1}, ["q", "p"])]
    assert len({name, *others, artifact_digest({"ridge": 1}, [])}) == 4
