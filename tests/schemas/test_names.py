"""Names that become folders are plain on every system; free text never has to be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2c.schemas.errors import SpecError
from t2c.schemas.names import DatasetRef, check_name, parse_dataset_ref, slug


@pytest.mark.parametrize("name", ["a", "photos", "Photos-2026_11.v2", "0", "x" * 64, "a-", "a_"])
def test_plain_names_pass(name: str) -> None:
    assert check_name(name, what="dataset name") == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "a\\b", "a b", "é", ".a", "-a", "a.", "a..b", "x" * 65, "a\n", "a\0b", "NUL", "Con", "<b>", "a;b"],
)  # fmt: skip
def test_names_that_are_unsafe_somewhere_are_refused(name: str) -> None:
    with pytest.raises(SpecError) as found:
        check_name(name, what="bank name")
    assert str(found.value) == (
        "bank name: expected 1 to 64 letters, digits, '.', '_' or '-', starting with a letter or digit, "
        f"but got {name!r}. Choose a plain name; free text belongs in concepts, labels and image ids."
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("timm:resnet50.a1_in1k", "timm-resnet50.a1-in1k"),
        ("open_clip:ViT-B-16/openai", "open-clip-vit-b-16-openai"),
        ("../../etc", "etc"),
        ("???", "x"),
        ("é", "x"),
        ("a" * 99, "a" * 48),
    ],
)
def test_a_slug_is_readable(text: str, wanted: str) -> None:
    assert slug(text) == wanted


@given(st.text())
def test_a_slug_is_never_a_path(text: str) -> None:
    found = slug(text)
    assert found
    assert "/" not in found
    assert not found.startswith((".", "-"))
    assert len(found) <= 48


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("photos", DatasetRef("photos")), ("photos@1", DatasetRef("photos", 1)), ("p@012", DatasetRef("p", 12))],
)
def test_references_parse(text: str, wanted: DatasetRef) -> None:
    assert parse_dataset_ref(text) == wanted
    assert parse_dataset_ref(str(wanted)) == wanted


@pytest.mark.parametrize("number", ["", "0", "-1", "x", "1.5", "²", "1@2"])
def test_a_snapshot_is_a_number(number: str) -> None:
    with pytest.raises(SpecError) as found:
        parse_dataset_ref(f"photos@{number}")
    assert str(found.value) == (
        f"snapshot of photos: expected a number of 1 or more after '@', but got {number!r}. Write photos@12 or photos."
    )


def test_a_reference_needs_a_name() -> None:
    with pytest.raises(SpecError, match="dataset name: expected 1 to 64 letters"):
        parse_dataset_ref("@3")


@pytest.mark.parametrize("number", ["0", "-1", "x", "", "\N{ARABIC-INDIC DIGIT ONE}", "9" * 5000])
def test_a_snapshot_that_is_no_number_is_refused(number: str) -> None:
    with pytest.raises(SpecError, match="snapshot of photos: expected a number of 1 or more after '@'"):
        parse_dataset_ref(f"photos@{number}")
