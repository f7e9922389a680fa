"""Options of the form NAME=VALUE that may repeat."""

from collections.abc import Sequence

from schemas.errors import SpecError, expected


def pairs(given: Sequence[str], *, option: str) -> dict[str, str]:
    """Return NAME=VALUE texts as a mapping; the name may hold no `=`. Raises SpecError for another form or a name twice."""
    found: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise SpecError(expected(option, "NAME=VALUE", repr(one)))
        if name.strip() in found:
            raise SpecError(expected(option, "each name once", f"{name.strip()!r} twice"))
        found[name.strip()] = value.strip()
    return found


def named_numbers(given: Sequence[str], *, option: str) -> dict[str, float]:
    """Return NAME=NUMBER texts as a mapping; raises SpecError for what is no number."""
    found = {}
    for name, value in pairs(given, option=option).items():
        try:
            found[name] = float(value)
        except ValueError:
            raise SpecError(expected(f"{option} {name}", "a number", repr(value))) from None
    return found
