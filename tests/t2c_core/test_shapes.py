"""Signatures say shapes in one vocabulary of axes, every annotation resolves, and the check around calls can fail."""

import importlib
import inspect
import typing
from collections.abc import Callable, Iterator
from typing import Any

import jaxtyping
import numpy as np
import pytest

from t2c.core.concepts.similarity import score
from t2c.core.concepts.zeroshot import Prediction
from t2c.core.maps.linear_map import LinearMap, identity
from t2c.core.maps.moments import Centre, Moments
from tests.checked_shapes import AXES, CHECKED


def functions(module: str) -> Iterator[Callable[..., Any]]:
    """Yield the functions, methods and dataclass constructors that a module of t2c.core defines."""
    for _, value in inspect.getmembers(importlib.import_module(f"t2c.core.{module}")):
        if getattr(value, "__module__", None) == f"t2c.core.{module}":
            members = vars(value).values() if inspect.isclass(value) else [value]
            plain = (member.fget if isinstance(member, property) else inspect.unwrap(member) for member in members)
            yield from (member for member in plain if inspect.isfunction(member))


def arrays(hint: Any) -> Iterator[Any]:
    """Yield the array types inside of a type."""
    if inspect.isclass(hint) and issubclass(hint, jaxtyping.AbstractArray):
        yield hint
    for inner in typing.get_args(hint):
        yield from arrays(inner)


def axes(function: Callable[..., Any]) -> set[str]:
    """Return the axes that a signature names; NameError where jaxtyping's hook would silently check nothing."""
    hints = typing.get_type_hints(function).values()
    return {axis.removeprefix("_") for hint in hints for array in arrays(hint) for axis in array.dim_str.split()}


@pytest.mark.parametrize("module", CHECKED)
def test_every_annotation_resolves_and_names_known_axes(module: str) -> None:
    for function in functions(module):
        assert axes(function) <= AXES, function


def test_every_axis_is_in_use() -> None:
    assert set().union(*(axes(function) for module in CHECKED for function in functions(module))) == AXES


def test_an_annotation_that_does_not_resolve_is_found() -> None:
    def unresolved(x: "Float[np.ndarray, 'images']") -> None:  # noqa: F821
        """Nobody imports Float here."""

    with pytest.raises(NameError):
        axes(unresolved)


ONES = np.ones((3, 4), np.float32)


@pytest.mark.parametrize(
    "call",
    [
        lambda: score(ONES[0], identity(4), vectors=ONES),
        lambda: score(ONES.astype(np.int64), identity(4), vectors=ONES),
        lambda: LinearMap(ONES, np.zeros(3, np.float32)),
        lambda: LinearMap(ONES.astype(np.float64), np.zeros(4, np.float32)),
        lambda: Moments.of(ONES, ONES[:2], centre=Centre(ONES[0], ONES[0])),
        lambda: Prediction(np.zeros(3, np.int64), ONES[0], ONES[0]),
    ],
    ids=["axis missing", "dtype", "field", "dtype of a field", "axis of two lengths", "fields of two lengths"],
)
def test_the_check_can_fail(call: Callable[[], Any]) -> None:
    with pytest.raises(jaxtyping.TypeCheckError):
        call()
