"""A YAML file read into a spec; whatever is wrong is said in this project's grammar, with the field and the nearest name."""

import inspect
import reprlib
import typing
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from t2c.schemas.errors import SpecError, expected, nearest

Model = TypeVar("Model", bound=BaseModel)


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice, where YAML lets the last one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the mapping; raises ConstructorError at the second of two equal keys."""
        keys: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in keys:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} a second time", key.start_mark
                )
            keys.add(str(key.value))
        return super().construct_mapping(node, deep=deep)


def load_spec(path: str | Path, model: type[Model], *, example: str = "") -> Model:
    """Read the YAML file at path into a model; raises SpecError. `example` is what to type instead, or where to look."""
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        actual = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SpecError(expected(str(file), "a readable YAML file", actual.lower(), example)) from error
    return parse_spec(text, model, subject=file.name, example=example)


def parse_spec(text: str, model: type[Model], *, subject: str, example: str = "") -> Model:
    """Parse YAML text into a model; `subject` names the text in messages. Raises SpecError."""
    try:
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise SpecError(expected(subject, "YAML", f"a mistake {_yaml_problem(error)}", example)) from error
    except ValueError as error:  # a date or a number that is none, such as 2026-13-45
        raise SpecError(expected(subject, "YAML", f"a value that cannot be read: {error}", example)) from error
    except RecursionError:
        raise SpecError(expected(subject, "YAML", "values nested too deeply", example)) from None
    if not isinstance(value, Mapping):
        actual = "an empty file" if value is None else f"a {type(value).__name__}"
        raise SpecError(expected(subject, f"fields such as {_some(model.model_fields)}", actual, example))
    return check_spec(value, model, subject=subject, example=example)


def check_spec(value: Mapping[Any, Any], model: type[Model], *, subject: str, example: str = "") -> Model:
    """Validate a mapping against a model; every problem is one line of the SpecError's message."""
    with spec_errors(subject, model, example=example):
        return model.model_validate(value)


@contextmanager
def spec_errors(subject: str, model: type[BaseModel], *, example: str = "") -> Iterator[None]:
    """Turn what pydantic says of a model's fields inside the block into a SpecError: a line a problem."""
    try:
        yield
    except ValidationError as error:
        problems = [_problem(subject, detail, model) for detail in error.errors(include_url=False)]
        raise SpecError("\n".join([*problems, *([example] if example else [])])) from error


def _problem(subject: str, detail: ErrorDetails, model: type[BaseModel]) -> str:
    place = [part for part in detail["loc"] if not str(part).startswith(("function-", "tagged-union"))]
    where = f"{subject}: {'.'.join(str(part) for part in place)}" if place else subject
    if detail["type"] == "extra_forbidden":
        names = _fields(model, place[:-1])
        return expected(where, f"one of the fields {', '.join(names)}", repr(place[-1]), nearest(str(place[-1]), names))
    if detail["type"] == "missing":
        return expected(where, "a value", "nothing", f"Add the field {place[-1]!r}.")
    message = detail["msg"].removeprefix("Value error, ")
    if message.startswith("Input should be "):
        want = message.removeprefix("Input should be ")
        if detail["type"] == "model_type":
            want = "fields with values"
        todo = _quote(detail["input"]) if want == _TEXT else ""
        return expected(where, _PLAINLY.get(want, want), _short(detail["input"]), todo)
    return (
        f"{where}: {message}" if detail["type"] == "value_error" else expected(where, message, _short(detail["input"]))
    )


def _quote(value: object) -> str:
    """Return how to write what YAML took for something else than a text; nothing for what no quotes would make one."""
    words = {
        bool: "Put it in quotes: YAML reads no, off, yes, on as false and true.",
        int: "Put it in quotes: YAML reads it as a number, 010 as 8.",
        float: "Put it in quotes: YAML reads it as a number.",
        type(None): "Put it in quotes: YAML reads null, ~ and an empty place as nothing.",
        date: "Put it in quotes: YAML reads it as a date.",
        datetime: "Put it in quotes: YAML reads it as a time.",
    }
    return words.get(type(value), "")


def _fields(model: type[BaseModel], place: list[int | str]) -> list[str]:
    """Return the field names of the model at a place inside a model."""
    nested = model
    for part in place:
        field = nested.model_fields.get(str(part))
        inner = next(_models(field.annotation), None) if field is not None else None
        nested = inner or nested
    return list(nested.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models inside an annotation such as `tuple[Task, ...]` or `Task | None`."""
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)


def _yaml_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"at line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)


_BRIEF = reprlib.Repr()  # Python 3.11 takes no options here
_BRIEF.maxlevel, _BRIEF.maxstring, _BRIEF.maxother = 3, 100, 100
"""Looks at a few entries alone: aliases can make a small file a value of any size."""

_TEXT = "a valid string"
_PLAINLY = {"a valid tuple": "a list", _TEXT: "a text", "a valid dictionary": "fields with values"}
"""What pydantic calls a type -> what someone who writes YAML calls it."""


def _short(value: Any) -> str:
    text = _BRIEF.repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _some(names: Mapping[str, Any]) -> str:
    return ", ".join(list(names)[:4])
