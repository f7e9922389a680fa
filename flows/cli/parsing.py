"""Texts of options taken apart: NAME=VALUE pairs that may repeat, and names with commas between them."""

from collections.abc import Sequence

from t2c.schemas.errors import SpecError, expected

CONCEPT_OF_VALUE = "VALUE=CONCEPT, such as 'tree=in a tree'"
"""Form of --mapping."""


def pairs(given: Sequence[str], *, option: str, form: str = "NAME=VALUE") -> dict[str, str]:
    """Return NAME=VALUE texts as a mapping; the name may hold no `=`. Raises SpecError for another form or a name twice."""
    found: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise SpecError(expected(option, form, repr(one)))
        if name.strip() in found:
            raise SpecError(expected(option, "each name once", f"{name.strip()!r} twice"))
        found[name.strip()] = value.strip()
    return found


def listed(text: str | None) -> list[str]:
    """Return the names in a text with commas between them, `cat, dog`; none of None."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def named_numbers(given: Sequence[str], *, option: str) -> dict[str, float]:
    """Return NAME=NUMBER texts as a mapping; raises SpecError for what is no number."""
    found = {}
    for name, value in pairs(given, option=option).items():
        try:
            found[name] = float(value)
        except ValueError:
            raise SpecError(expected(f"{option} {name}", "a number", repr(value))) from None
    return found
