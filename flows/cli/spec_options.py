"""Options of a command made from a spec: one a field, with its type, bounds, default and docstring."""

import functools
import types
import typing
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import click
from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from t2c.schemas.specs.base import Spec
from t2c.schemas.specs.typed import typing_of
from t2c.schemas.specs.yaml import spec_errors

Function = TypeVar("Function", bound=Callable[..., Any])


def spec_options(spec: type[Spec], argument: str) -> Callable[[Function], Function]:
    """Return a decorator that adds an option for each field of a spec and hands the function the spec as `argument`."""

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def gathered(*arguments: Any, **options: Any) -> Any:
            values = {name: options.pop(name) for name in spec.model_fields}
            with spec_errors(click.get_current_context().info_name or "", spec):
                made = spec(**values)
            return function(*arguments, **{argument: made}, **options)

        decorated: Any = gathered
        for name in reversed(spec.model_fields):
            decorated = _option(spec, name)(decorated)
        return typing.cast(Function, decorated)

    return decorate


def _option(spec: type[Spec], name: str) -> Callable[[Function], Function]:
    field, how = spec.model_fields[name], typing_of(spec, name)
    kind = _without_none(field.annotation)
    keywords: dict[str, Any] = {
        "help": field.description,
        "default": field.default,
        "show_default": field.default is not None,
    }
    declared = how.option
    if kind is bool:
        declared = f"{declared}/--no-{declared.removeprefix('--')}"
        # a switch that is off says so by its name
        keywords["show_default"] = bool(field.default)
    else:
        keywords |= {"type": _type(kind, field), "metavar": how.metavar or None}
    return click.option(declared, name, **keywords)


def _without_none(annotation: Any) -> Any:
    """Return the type of an optional field's value."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return next(kind for kind in typing.get_args(annotation) if kind is not type(None))
    return annotation


def _type(kind: Any, field: FieldInfo) -> Any:
    if typing.get_origin(kind) is Literal:
        return click.Choice(list(typing.get_args(kind)))
    if kind in (int, float):
        bounds = _bounds(field)
        return click.IntRange(**bounds) if kind is int else click.FloatRange(**bounds)
    return kind


def _bounds(field: FieldInfo) -> dict[str, Any]:
    """Return a field's bounds as click's ranges take them."""
    bounds: dict[str, Any] = {}
    for entry in field.metadata:
        if isinstance(entry, Ge | Gt):
            bounds |= {"min": entry.ge if isinstance(entry, Ge) else entry.gt, "min_open": isinstance(entry, Gt)}
        elif isinstance(entry, Le | Lt):
            bounds |= {"max": entry.le if isinstance(entry, Le) else entry.lt, "max_open": isinstance(entry, Lt)}
    return bounds
