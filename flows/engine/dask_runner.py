"""Block work on a Dask cluster: the same blocks, the same order of merging, the same bytes as in one process.

Workers must see the store under the same address and have this project installed; only this module imports Dask.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from distributed import Client, Future

from t2c.schemas.errors import InputError, expected

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 2
"""Blocks in flight for each worker thread: one runs while the next one's inputs travel."""
CONNECT_S = 10.0
"""Seconds to wait for the scheduler, and for its first worker."""


class DaskRunner:
    """Runs blocks on the workers of a Dask scheduler."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def parallel(self) -> int:
        """Threads of all workers, at least 1."""
        return max(1, int(sum(self._client.nthreads().values())))

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield function(item) for every item, in order, keeping at most AHEAD blocks a thread in flight."""
        waiting: deque[Future] = deque()
        limit = AHEAD * self.parallel
        try:
            for item in items:
                waiting.append(self._client.submit(function, item, pure=False))
                if len(waiting) >= limit:
                    yield self._take(waiting)
            while waiting:
                yield self._take(waiting)
        finally:
            self._client.cancel(list(waiting))

    @staticmethod
    def _take(waiting: deque[Future]) -> Any:
        future = waiting.popleft()
        try:
            return future.result()
        finally:
            future.release()


@contextmanager
def dask_runner(address: str) -> Iterator[DaskRunner]:
    """Connect to a Dask scheduler such as `tcp://127.0.0.1:8786` for the length of a block.

    Raises InputError when nothing answers there, or when it has no worker.
    """
    todo = "Start one: dask scheduler & dask worker ADDRESS; or leave out --dask to run in this process."
    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(
            expected("--dask", "the address of a Dask scheduler", f"{address!r} ({error})", todo)
        ) from error
    try:
        _wait_for_worker(client, address, todo)
        yield DaskRunner(client)
    finally:
        client.close()


def _wait_for_worker(client: Client, address: str, todo: str) -> None:
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except TimeoutError as error:
        raise InputError(expected("--dask", "a scheduler with workers", f"{address!r} without any", todo)) from error
