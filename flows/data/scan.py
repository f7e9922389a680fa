"""Looking at every item of a source: bytes hashed and header read in threads, results in the items' order."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from t2c.flows.engine.machine import cores
from t2c.store.sources.inspect import Inspection, inspect
from t2c.store.sources.source import Item, open_stream

_BATCH = 16
"""Items a thread looks at in one go: neighbours in a container are then read together."""


def default_threads() -> int:
    """Return how many threads look at files when nobody says: enough to keep a disk or a network busy."""
    return min(32, 4 * cores())


def scan(items: Sequence[Item], *, max_pixels: int, threads: int) -> Iterator[tuple[Item, Inspection]]:
    """Yield each item with its inspection, in order whatever the threads do.

    At most two batches a thread are in flight, and no image is held after it was looked at: memory does not grow
    with the number or the size of the files.
    """
    source = iter(items)
    batches = iter(lambda: list(islice(source, _BATCH)), [])
    with ThreadPoolExecutor(max_workers=max(1, threads), thread_name_prefix="index") as pool:
        running: deque[Future[list[tuple[Item, Inspection]]]] = deque()
        try:
            for batch in batches:
                running.append(pool.submit(_look_at_all, batch, max_pixels))
                if len(running) >= 2 * threads:
                    yield from running.popleft().result()
            while running:
                yield from running.popleft().result()
        finally:
            for waiting in running:
                waiting.cancel()


def look(item: Item, *, max_pixels: int) -> Inspection:
    """Return the inspection of one item; what cannot be read is `missing`, whatever the reason, and says why."""
    if item.outcome is not None:
        return Inspection(item.outcome, item.error)
    try:
        with open_stream(item.uri) as stream:
            return inspect(stream, max_pixels=max_pixels)
    except FileNotFoundError as reason:
        return Inspection("missing", f"expected a file, but got none: {reason.strerror or reason}")
    except OSError as reason:
        return Inspection("missing", f"expected a file that can be read, but got: {reason.strerror or reason}")


def _look_at_all(items: list[Item], max_pixels: int) -> list[tuple[Item, Inspection]]:
    return [(item, look(item, max_pixels=max_pixels)) for item in items]
