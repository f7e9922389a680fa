"""The page's colours can be read in light and dark: every text colour has WCAG AA contrast on every ground it stands on."""

import re

import pytest

from t2c.flows.page import document
from t2c.flows.suite.figures import COLOURS

STYLE = document.STYLE.read_text(encoding="utf-8")
_LIGHT, _DARK = STYLE.partition("@media print")[0].split("(prefers-color-scheme: dark)")
LIGHT, DARK = (dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{3,6});", block)) for block in (_LIGHT, _DARK))


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#fff", "#000000") == pytest.approx(21)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["page", "card", "sunk"])
@pytest.mark.parametrize("text", ["ink", "soft", "risen", "fallen", "warn", "good"])
def test_text_can_be_read(scheme: dict[str, str], ground: str, text: str) -> None:
    assert contrast(scheme[text], scheme[ground]) >= 4.5


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_marks_can_be_seen(scheme: dict[str, str]) -> None:
    assert contrast(scheme["on-step"], scheme["step"]) >= 4.5
    for mark in ("accent", "weak", "risen", "fallen", "none"):
        assert contrast(scheme[mark], scheme["page"]) >= 3
    for number in range(COLOURS):
        assert contrast(scheme[f"m{number}"], scheme["sunk"]) >= 3


def test_the_style_reaches_for_nothing() -> None:
    assert not re.search(r"url\(|@import|@font-face|expression\(|https?:", STYLE)
