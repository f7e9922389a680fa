"""Numbers and names are written the same way everywhere, and nothing a user typed can act."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2c.flows.page import words


def test_numbers_have_separators_signs_and_a_real_minus() -> None:
    assert words.count(4282) == "4,282"
    assert words.number(-0.004, 2) == "0.00"
    assert words.number(-1.5, 1) == "−1.5"
    assert words.signed(0.81) == "+0.81"
    assert words.signed(-0.2) == "−0.20"
    assert words.signed(0.001) == "0.00"
    assert words.percent(0.694) == "69.4\N{NO-BREAK SPACE}%"
    assert words.number(None) == words.number(math.nan) == words.percent(None) == "–"


@pytest.mark.parametrize(
    ("log10_value", "text"),
    [
        (0.0, "1"),
        (math.log10(0.05), "0.050"),
        (math.log10(3.2e-14), "3.2 × 10⁻¹⁴"),
        (-4000.25, "5.6 × 10⁻⁴⁰⁰¹"),
        (math.log10(9.99e-8), "1.0 × 10⁻⁷"),
        (-math.inf, "0"),
    ],
)
def test_a_small_probability_does_not_underflow(log10_value: float, text: str) -> None:
    assert words.small(log10_value).replace("\N{NO-BREAK SPACE}", " ") == text


def test_sizes_and_plurals() -> None:
    assert [words.size(value).replace("\N{NO-BREAK SPACE}", " ") for value in (0, 999, 4_812, 2_911_400, 5e9)] == [
        "0 bytes",
        "999 bytes",
        "4.8 kB",
        "2.9 MB",
        "5.0 GB",
    ]
    assert words.plural(1, "image") == "1 image"
    assert words.plural(2, "copy", "copies") == "2 copies"


def test_a_long_name_keeps_its_ends() -> None:
    shown = words.clean("a" * 3000 + "z" * 3000)
    assert len(shown) == words.NAME_LENGTH
    assert shown.startswith("aaa")
    assert shown.endswith("zzz")
    assert "…" in shown


def test_a_name_cannot_be_written_backwards() -> None:
    assert words.clean("\u202egnp.exe") == "\N{REPLACEMENT CHARACTER}gnp.exe"


@given(st.text(max_size=300))
def test_a_name_is_escaped_isolated_and_free_of_controls(name: str) -> None:
    shown = str(words.named(name))
    inner = shown.removeprefix("<bdi>").removesuffix("</bdi>")
    assert shown == f"<bdi>{inner}</bdi>"
    assert not set("<>\"'\0\n\r\x1b") & set(inner)
    shown.encode()
