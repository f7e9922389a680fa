"""A --where predicate is one SQL condition over the images view, and nothing more can be made of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from schemas.errors import SpecError
from schemas.tables import OUTCOME_UPDATES
from store.images import open_images, record_outcomes
from store.lease import lease
from store.paths import images as images_path
from store.queries.where import where_mask
from store.root import Store
from tests.planted import add_images, image_table

START = datetime(2026, 11, 13, tzinfo=UTC)


@pytest.fixture
def images(store: Store):
    add_images(
        store,
        image_table(
            0,
            20,
            label=["it's" if row % 2 else None for row in range(20)],
            captured_at=[START + timedelta(hours=3 * row) for row in range(20)],
            width=[100 * row for row in range(20)],
        ),
    )
    with lease(store, images_path("photos"), purpose="test") as token:
        found = pa.table({"row": [4], "outcome": ["corrupt"], "error": ["cut"]}).cast(OUTCOME_UPDATES)
        record_outcomes(store, "photos", found, token=token)
    add_images(store, image_table(20, 21, image_id=["img-00000007.jpg"], supersedes=[7]))
    return open_images(store, "photos")


@pytest.mark.parametrize(
    ("predicate", "rows"),
    [
        ("row < 3", [0, 1, 2]),
        ("label = 'it''s' and row < 6", [1, 3, 5]),
        ("label is null and row < 3", [0, 2]),
        ("captured_at >= '2026-11-14' and captured_at < '2026-11-15'", list(range(8, 16))),
        ("width > 1700 or image_id like '%00000001.jpg'", [1, 18, 19]),
        ("outcome <> 'ok'", [4]),
        ("not current", [7]),
        ("row in (1, 2) -- and nothing else", [1, 2]),
        ("false", []),
    ],
)
def test_a_predicate_chooses_rows(images, predicate: str, rows: list[int]) -> None:
    assert np.flatnonzero(where_mask(images, predicate)).tolist() == rows


@pytest.mark.parametrize(
    "predicate",
    [
        "",
        "  ",
        "1=1; drop view images",
        "1=1) union all select (1",
        "1=1) limit (1",
        "1=1) order by (1",
        "1=1) group by (1",
        "true) and (select count(*) from images) > (0",
        "row in (select row from images)",
        "exists (select * from read_text('/etc/passwd'))",
        "(select 1) = 1",
        "row <",
        "row = 'x",
    ],
)
def test_anything_more_is_refused(images, predicate: str) -> None:
    with pytest.raises(SpecError, match=r"^where"):
        where_mask(images, predicate)


def test_an_unknown_column_keeps_the_hint(images) -> None:
    with pytest.raises(SpecError, match=r'(?s)where "labl = .*Referenced column "labl" not found.*Candidate.*"label"'):
        where_mask(images, "labl = 'x'")


def test_a_text_that_is_no_condition_is_refused(images) -> None:
    with pytest.raises(SpecError, match="where 'label'"):
        where_mask(images, "label")


def test_an_object_store_answers_the_same(memory_store: Store) -> None:
    images = add_images(memory_store, image_table(0, 5))
    assert np.flatnonzero(where_mask(images, "row > 2")).tolist() == [3, 4]


def test_a_folder_with_odd_characters_is_read(tmp_path: Path) -> None:
    from store.root import open_store

    store = open_store(tmp_path / "it's [a] *store?", create=True)
    images = add_images(store, image_table(0, 5))
    assert where_mask(images, "row > 2").sum() == 2
