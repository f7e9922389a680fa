"""The one small runner that block work goes through: a picklable top-level function mapped over items, in order.

A step decides the blocks and merges the results in block order, so the bytes do not depend on the runner.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from t2c.schemas.extras import require

Item = TypeVar("Item")
Result = TypeVar("Result")


class Runner(Protocol):
    """Runs block work somewhere: in this process, or on Dask workers."""

    @property
    def parallel(self) -> int:
        """Number of blocks that may run at once, 1 and up; the memory plan multiplies by it."""

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield function(item) for every item, in the items' order.

        The function is a module-level function and items are picklable. An error raised for an item is raised when its
        result is due; results before it have been yielded. Few more than `parallel` results are held at a time.
        """


class SerialRunner:
    """Runs each block in this process when its result is asked for."""

    @property
    def parallel(self) -> int:
        """Always 1."""
        return 1

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield function(item) for every item, in order, one at a time."""
        return map(function, items)


@contextmanager
def runner_for(address: str | None) -> Iterator[Runner]:
    """Yield the runner that `--dask ADDRESS` asks for: this process when there is no address.

    Raises MissingExtra without Dask, InputError when no scheduler with a worker answers there.
    """
    if address is None:
        yield SerialRunner()
        return
    require("dask", subject=f"--dask {address}", todo="or leave out --dask")
    from t2c.flows.engine.dask_runner import dask_runner  # loads Dask only when it is asked for

    with dask_runner(address) as runner:
        yield runner
