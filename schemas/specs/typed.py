"""Specs as they are typed in a terminal: each field an option, named and explained where the field is declared."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from t2c.schemas.specs.base import Spec


@dataclass(frozen=True, slots=True)
class Typed:
    """An annotation on a field of a spec: what its name and type do not tell about the option made from it."""

    option: str = ""
    """Name of the option; empty is `--` and the field's name with hyphens."""
    metavar: str = ""
    """What stands for its value in the help, such as `SQL`; empty follows from the type."""


def typing_of(spec: type[Spec], name: str) -> Typed:
    """Return how a field is typed, the option's name filled in."""
    given = next((entry for entry in spec.model_fields[name].metadata if isinstance(entry, Typed)), Typed())
    return Typed(given.option or f"--{name.replace('_', '-')}", given.metavar)


def changed(spec: Spec) -> dict[str, Any]:
    """Return the fields that are not as by default."""
    defaults = {name: field.get_default(call_default_factory=True) for name, field in type(spec).model_fields.items()}
    return {name: getattr(spec, name) for name, default in defaults.items() if getattr(spec, name) != default}


def typed_options(spec: Spec) -> list[str]:
    """Return the words of a command line that ask for the spec: options that are not as by default, in order of field."""
    return [word for name, value in changed(spec).items() for word in _words(typing_of(type(spec), name).option, value)]


def _words(option: str, value: Any) -> Iterator[str]:
    if isinstance(value, bool):
        yield option if value else option.replace("--", "--no-", 1)
    elif isinstance(value, tuple):
        for entry in value:
            yield from _words(option, entry)
    else:
        yield from (option, f"{value:g}" if isinstance(value, float) else str(value))
