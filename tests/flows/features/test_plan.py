"""The plan counts what will be done, cuts it at whole chunks, and refuses what does not fit."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from t2c.flows.features.blocks import plan_batches
from t2c.flows.features.plan import (
    Target,
    choose_chunk_rows,
    default_batch,
    items,
    make_plan,
    record_batch_rows,
    rows_in,
)
from t2c.schemas.errors import PlanError
from t2c.store.artifacts.feature_writer import ChunkTask, FeatureWriter
from t2c.store.artifacts.images import open_images
from t2c.store.disk.root import Store
from tests.planted.encoders import FakeEncoder
from tests.planted.photos import run


def target(store: Store, total: int, *, seed: int = 0, chunk_rows: int = 8, batch_rows: int = 4) -> Target:
    encoder = FakeEncoder(seed=seed)
    writer = FeatureWriter.open(store, "photos", encoder=encoder.name, space=encoder.space, chunk_rows=chunk_rows)
    return Target(encoder, encoder, writer, batch_rows, tuple(writer.pending(total)))


def table(rows: list[int]) -> pa.Table:
    columns: dict[str, Any] = {"row": rows, "width": [10] * len(rows), "height": [20] * len(rows)}
    columns |= {name: ["x"] * len(rows) for name in ("image_id", "uri", "content_hash")}
    return pa.table(columns)


def test_a_plan_counts_images_chunks_and_bytes(store: Store) -> None:
    one, two = target(store, 20), target(store, 20, seed=1)
    plan = make_plan([one, two], table([0, 3, 9, 19]), workers=2)
    assert (plan.images, plan.chunks) == (4, 6)
    assert plan.bytes_to_write == 6 * one.writer.layout.chunk_bytes
    assert make_plan([one, two], table([0]), workers=4).peak_bytes > plan.peak_bytes


def test_a_full_disk_is_refused_with_both_numbers(indexed: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(indexed.url)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=17))
    with pytest.raises(PlanError, match=r"disk for features of photos: expected .* KiB free, but got 17 bytes"):
        run(indexed, chunk_rows=4096)


def test_split_items_cover_whole_chunks_of_every_array(store: Store) -> None:
    targets = [target(store, 40, chunk_rows=8), target(store, 40, seed=1, chunk_rows=12)]
    work = list(items(targets, table(list(range(40))), workers=1, device="cpu", split=True))
    assert [item.images["row"].to_pylist() for item in work] == [list(range(24)), list(range(24, 40))]
    assert [sum(map(len, item.tasks)) for item in work] == [5, 4]
    whole = list(items(targets, table(list(range(40))), workers=1, device="cpu", split=False))
    assert len(whole) == 1


def test_arrays_with_other_batch_sizes_get_a_pass_of_their_own(store: Store) -> None:
    targets = [target(store, 8), replace(target(store, 8, seed=1), batch_rows=2)]
    work = list(items(targets, table(list(range(8))), workers=1, device="cpu", split=False))
    assert [(item.batch_rows, len(item.writers)) for item in work] == [(2, 1), (4, 1)]
    assert make_plan(targets, table(list(range(8))), workers=1).images == 16


def test_batches_lie_on_the_grid_and_hold_only_rows_to_do(store: Store) -> None:
    grown = replace(target(store, 20), tasks=(ChunkTask(0, 6, 8), ChunkTask(1, 8, 16)))
    fresh = replace(target(store, 20, seed=1), tasks=(ChunkTask(1, 8, 12),))
    [item] = items([grown, fresh], table([0, 5, 6, 7, 9, 13]), workers=1, device="cpu", split=False)
    batches = list(plan_batches(item, np.asarray(item.images["row"])))
    assert [(batch.start, batch.rows, batch.encoders) for batch in batches] == [
        (4, (6, 7), (0,)),
        (8, (9,), (0, 1)),
        (12, (13,), (0,)),
    ]


def test_rows_in_are_those_a_task_covers() -> None:
    tasks = [ChunkTask(0, 2, 5), ChunkTask(3, 9, 10)]
    assert rows_in(table([0, 2, 4, 5, 9, 10]), tasks).tolist() == [1, 2, 4]
    assert rows_in(table([0]), []).tolist() == []


def test_batch_rows_divide_the_chunk_and_are_kept(store: Store) -> None:
    writer = target(store, 4, chunk_rows=50).writer
    assert record_batch_rows(writer, 32) == 25
    assert record_batch_rows(writer, 10) == 25
    assert default_batch("cpu") == 32
    assert default_batch("cuda:0") == 128


def test_chunk_rows_follow_the_seconds_in_powers_of_two() -> None:
    few = choose_chunk_rows([FakeEncoder()], batch_rows=4, workers=2, seconds=0.001)
    many = choose_chunk_rows([FakeEncoder()], batch_rows=4, workers=2, seconds=1000)
    assert few == 4
    assert many > 1000
    assert many & (many - 1) == 0
    wide = choose_chunk_rows([FakeEncoder(dimension=100_000)], batch_rows=4, workers=2, seconds=1e9)
    assert wide * 4 * 100_000 <= 256 << 20


def test_an_item_survives_pickling(indexed: Store, photos: Path) -> None:
    import pickle

    images = open_images(indexed, "photos").table()
    [item] = items([target(indexed, 20)], images, workers=1, device="cpu", split=False)
    again = pickle.loads(pickle.dumps(item))
    assert again.images == item.images
    assert again.writers == item.writers
