"""Batches keep their slots, their order and their bits whatever is beside them and however many threads there are."""

import io
import threading
import time
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from PIL import Image

from t2c.core.encoders.base import Vectors
from t2c.core.encoders.batches import Batch, Pipeline, encode_batches
from t2c.core.encoders.pixels import UnreadableImage
from tests.planted.encoders import FakeEncoder, RaisingEncoder


def read(row: int) -> bytes:
    if row % 7 == 6:
        raise UnreadableImage("image: expected a file, but got none", outcome="missing")
    pixels = np.random.default_rng(row).integers(0, 256, (10, 12, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def batches(stop: int, size: int = 4, encoders: tuple[int, ...] = (0,)) -> list[Batch]:
    return [Batch(at, tuple(range(at, min(at + size, stop))), encoders) for at in range(0, stop, size)]


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_order_with_their_rows_and_failures(workers: int) -> None:
    pipeline = Pipeline([FakeEncoder()], read, 4)
    results = list(encode_batches(pipeline, batches(18), workers=workers))
    assert [result.batch.start for result in results] == [0, 4, 8, 12, 16]
    assert [row for result in results for row in result.rows] == [row for row in range(18) if row % 7 != 6]
    assert [failure.row for result in results for failure in result.failures] == [6, 13]
    assert results[1].failures[0].outcome == "missing"
    assert all(len(result.features[0]) == len(result.rows) for result in results)


def test_a_feature_does_not_depend_on_its_neighbours() -> None:
    pipeline = Pipeline([FakeEncoder()], read, 4)
    whole = next(encode_batches(pipeline, [Batch(0, (0, 1, 2, 3), (0,))], workers=1))
    alone = next(encode_batches(pipeline, [Batch(0, (2,), (0,))], workers=1))
    assert alone.features[0][0].tobytes() == whole.features[0][2].tobytes()


def test_encoders_of_one_preprocessing_share_the_pixels() -> None:
    shared: list[int] = []

    @dataclass(frozen=True)
    class Seen(FakeEncoder):
        def encode(self, batch: torch.Tensor) -> Vectors:
            shared.append(batch.data_ptr())
            return super().encode(batch)

    encoders = [Seen(), Seen(seed=1), Seen(seed=2, size=16)]
    list(encode_batches(Pipeline(encoders, read, 4), batches(4, encoders=(0, 1, 2)), workers=1))
    assert shared[0] == shared[1] != shared[2]


def test_a_batch_without_images_runs_no_encoder() -> None:
    pipeline = Pipeline([RaisingEncoder()], read, 4)
    result = next(encode_batches(pipeline, [Batch(4, (6,), (0,)), Batch(8, (), (0,))], workers=1))
    assert result.rows == ()
    assert result.features == {}


def test_an_encoders_error_reaches_the_caller() -> None:
    with pytest.raises(AssertionError, match="must never run"):
        list(encode_batches(Pipeline([RaisingEncoder()], read, 4), batches(8), workers=2))


def test_few_batches_are_in_memory_at_once() -> None:
    begun: list[int] = []

    def noted(row: int) -> bytes:
        begun.append(row)
        return read(0)

    running = encode_batches(Pipeline([FakeEncoder()], noted, 1), batches(100, size=1), workers=2)
    next(running)
    time.sleep(0.2)
    assert len(begun) <= 5
    running.close()  # type: ignore[attr-defined]


def test_stopping_yields_what_was_begun() -> None:
    asked = iter(range(1000))
    pipeline = Pipeline([FakeEncoder()], read, 1)
    done = list(encode_batches(pipeline, batches(100, size=1), workers=2, stop=lambda: next(asked) >= 5))
    assert [result.batch.start for result in done] == [0, 1, 2, 3, 4]


def test_the_callers_thread_count_is_put_back() -> None:
    before = torch.get_num_threads()
    list(encode_batches(Pipeline([FakeEncoder()], read, 4), batches(8), workers=2))
    assert torch.get_num_threads() == before


def test_encoders_off_the_cpu_run_in_the_callers_thread() -> None:
    threads: set[int] = set()

    @dataclass(frozen=True)
    class Elsewhere(FakeEncoder):
        @property
        def device(self) -> str:
            return "cuda"

        def encode(self, batch: torch.Tensor) -> Vectors:
            threads.add(threading.get_ident())
            return super().encode(batch)

    here = list(encode_batches(Pipeline([Elsewhere()], read, 4), batches(18), workers=3))
    there = list(encode_batches(Pipeline([FakeEncoder()], read, 4), batches(18), workers=3))
    assert threads == {threading.get_ident()}
    for a, b in zip(here, there, strict=True):
        np.testing.assert_array_equal(a.features[0], b.features[0])
