"""Numbers and names as the report writes them; every figure on the page passes through here."""

import math
import unicodedata
from typing import Any

from markupsafe import Markup

NAME_LENGTH = 90
"""Characters of a user's name that are shown; the middle of a longer one is left out."""
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def count(value: int) -> str:
    """Return a whole number with thousands separators: 4,282."""
    return f"{value:,}"


def number(value: float | None, digits: int = 2) -> str:
    """Return a number with fixed digits and a real minus sign; a dash for none or NaN."""
    if value is None or math.isnan(value):
        return "–"
    text = f"{value:.{digits}f}".replace("-", "−")
    return text.removeprefix("−") if float(f"{value:.{digits}f}") == 0 else text


def signed(value: float | None, digits: int = 2) -> str:
    """Return a number with its sign: +0.81, −0.20, 0.00."""
    text = number(value, digits)
    return text if text[0] in "−–" or not text.strip("0.") else f"+{text}"


def percent(value: float | None, digits: int = 1) -> str:
    """Return a share of one as per cent, with a space that does not break: 69.1 %."""
    return number(None if value is None else 100 * value, digits) + ("\N{NO-BREAK SPACE}%" if value is not None else "")


def points(value: float | None) -> str:
    """Return a difference of shares in percentage points with its sign: +8.1, −0.2."""
    return signed(None if value is None else 100 * value, 1)


def small(log10_value: float) -> str:
    """Return a probability given as log10, without underflow: 0.032, 3.2 × 10⁻¹⁴."""
    if log10_value > -0.0003:
        return "1"
    if log10_value > -3:
        return f"{10 ** min(log10_value, 0.0):.3f}"
    if math.isinf(log10_value):
        return "0"
    exponent = math.floor(log10_value)
    mantissa = f"{10 ** (log10_value - exponent):.1f}"
    if mantissa == "10.0":
        mantissa, exponent = "1.0", exponent + 1
    return f"{mantissa}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10{str(exponent).translate(_SUPERSCRIPT)}"


def size(value: float) -> str:
    """Return bytes in decimal units: 3.4 MB."""
    power = min(int(math.log10(value) // 3), len(_UNITS) - 1) if value >= 1 else 0
    return f"{value / 1000**power:.{0 if power == 0 else 1}f}\N{NO-BREAK SPACE}{_UNITS[power]}"


def plural(value: int, one: str, many: str = "") -> str:
    """Return a count with its noun: 1 image, 4,282 images."""
    return f"{count(value)} {one if value == 1 else many or one + 's'}"


def clean(text: Any, length: int = NAME_LENGTH) -> str:
    """Return a user's text fit to be shown: control characters visible, the middle of a long text left out.

    Escaping is not done here: the template and the charts escape whatever they are given.
    """
    # the cut bounds the work for a name of megabytes
    visible = "".join(
        "\N{REPLACEMENT CHARACTER}" if _unseen(character) else character for character in str(text)[:100_000]
    )
    if len(visible) <= length:
        return visible
    head = (length - 1) // 2
    return f"{visible[:head]}…{visible[len(visible) - (length - 1 - head) :]}"


def _unseen(character: str) -> bool:
    """Tell what HTML cannot carry (controls, lone surrogates, noncharacters) and what would reorder a name to deceive."""
    if character in _REORDERING:
        return True
    return unicodedata.category(character) in ("Cc", "Cs") or ord(character) & 0xFFFE == 0xFFFE


def named(text: Any, length: int = NAME_LENGTH) -> Markup:
    """Return a user's text escaped and isolated, so that its writing direction stays its own."""
    return Markup("<bdi>{}</bdi>").format(clean(text, length))
