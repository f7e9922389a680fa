"""The catalog shows every table of the store as a documented view, empty ones with their columns, and its macros count right."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import ks_2samp, kstwo

from t2c.schemas.certificate import Certificate, HeldOut
from t2c.schemas.errors import StoreError
from t2c.schemas.tables.catalog import MACROS, VIEWS
from t2c.schemas.tables.tables import ATTRIBUTES, FITTED_ROWS, OUTCOME_UPDATES, PREDICTIONS, SHIFT, doc
from t2c.store.artifacts.answers import write_answer
from t2c.store.artifacts.dataset_tables import write_attributes, write_predictions
from t2c.store.artifacts.feature_writer import FeatureWriter
from t2c.store.artifacts.images import record_outcomes
from t2c.store.artifacts.linear_maps import write_map
from t2c.store.disk.lease import lease
from t2c.store.disk.paths import features as features_path
from t2c.store.disk.paths import images as images_path
from t2c.store.disk.root import Store, open_store
from t2c.store.queries.catalog import documentation, escape_glob, open_catalog, render_sql
from t2c.store.queries.user_sql import run_user_sql
from tests.planted.scored import SPACE, add_bank, add_images, image_table, score, scored

RNG = np.random.default_rng(0)
NAMES = ["dog", "in a tree", "x'); DROP TABLE c;--"]
MATRIX = (RNG.integers(-20, 20, size=(300, 3)) / 32).astype(np.float32)  # many ties
OTHER = (RNG.integers(-15, 25, size=(120, 3)) / 32).astype(np.float32)


def rows(store: Store, sql: str) -> list[dict]:
    return run_user_sql(store, sql).to_pylist()


@pytest.mark.parametrize("view", VIEWS)
def test_an_empty_store_gives_empty_views_of_the_documented_columns(store: Store, view: str) -> None:
    table = run_user_sql(store, f"select * from {view}")
    assert table.column_names == VIEWS[view][1].names
    assert table.num_rows == 0 or view == "documentation"


def test_types_are_those_documented_whether_empty_or_not(store: Store) -> None:
    """Every view in one connection a state: opening the catalog is what costs."""

    def kinds() -> dict[str, list[str]]:
        with open_catalog(store) as connection:
            return {view: [row[1] for row in connection.execute(f"describe {view}").fetchall()] for view in VIEWS}

    empty = kinds()
    scored(store, MATRIX, NAMES)
    assert kinds() == empty
    assert len(empty) == len(VIEWS) > 30


def test_every_column_is_documented(store: Store) -> None:
    with open_catalog(store) as connection:
        found = connection.execute(
            "select table_name, column_name, comment from duckdb_columns() where schema_name = 'main'"
        )
        comments = {(view, name): text for view, name, text in found.fetchall()}
        views = dict(
            connection.execute("select view_name, comment from duckdb_views() where schema_name = 'main'").fetchall()
        )
    for view, (about, schema) in VIEWS.items():
        assert views[view] == about
        for field in schema:
            assert len(doc(field)) > 5, field
            assert comments[view, field.name] == doc(field)
    assert {row["view"] for row in documentation().to_pylist()} == {*VIEWS, *MACROS}


def test_images_show_what_decoding_found_and_what_is_current(store: Store) -> None:
    add_images(store, image_table(0, 5))
    for outcome in ("missing", "corrupt"):
        with lease(store, images_path("photos"), purpose="test") as token:
            found = pa.table({"row": [2], "outcome": [outcome], "error": [f"it is {outcome}"]}).cast(OUTCOME_UPDATES)
            record_outcomes(store, "photos", found, token=token)
    add_images(store, image_table(5, 6, image_id=["img-00000003.jpg"], supersedes=[3]))
    add_images(store, image_table(0, 2), dataset="other")
    found = rows(store, "select row, outcome, error, current from images where dataset = 'photos' order by row")
    assert [row["outcome"] for row in found] == ["ok", "ok", "corrupt", "ok", "ok", "ok"]
    assert found[2]["error"] == "it is corrupt"
    assert [row["current"] for row in found] == [True, True, True, False, True, True]
    assert rows(store, "select dataset, count(*) as n from images group by all order by all") == [
        {"dataset": "other", "n": 2},
        {"dataset": "photos", "n": 6},
    ]


def test_similarities_and_stats_name_their_concepts(store: Store) -> None:
    scored(store, MATRIX, NAMES)
    found = run_user_sql(store, "select * from similarities where concept = 'in a tree' order by row")
    np.testing.assert_array_equal(found["similarity"], MATRIX[:, 1])
    assert set(found["source"].to_pylist()) == {SPACE.name}
    assert set(found["map"].to_pylist()) == {f"identity-{SPACE.short}"}
    (row,) = rows(store, "select mean, std, count from concept_stats where concept = 'dog'")
    assert row["mean"] == pytest.approx(MATRIX[:, 0].mean(dtype=float))
    assert row["count"] == 300
    (row,) = rows(store, "select len(vector) as n, bank, space from concepts where concept = 'dog'")
    assert row == {"n": 3, "bank": "everyday", "space": SPACE.short}


def test_lineage_and_snapshots_name_every_commit(store: Store) -> None:
    scored(store, MATRIX, NAMES)
    found = rows(store, "select parent, parent_snapshot from lineage where artifact like 'similarities/%' order by 1")
    assert [(row["parent"], row["parent_snapshot"]) for row in found] == [
        ("concepts/everyday", 1),
        ("images/photos", 1),
    ]
    add_images(store, image_table(300, 301))
    found = rows(store, "select snapshot, rows from snapshots where kind = 'images' order by snapshot")
    assert found == [{"snapshot": 1, "rows": 300}, {"snapshot": 2, "rows": 301}]


def test_maps_and_answers_are_listed(store: Store) -> None:
    class Affine:
        weight, bias = np.zeros((2, 3), np.float32), np.zeros(3, np.float32)

    source = replace(SPACE, name="timm:a", dimension=2)
    quality = HeldOut(10, 0.7, 0.6, 0.8, 0.0, 0.0, 0.4)
    certificate = Certificate(
        source, SPACE, "photos", 1, 0.5, 2, None, "cholesky", fitted=9, folds=0, seed=0, held_out=quality
    )
    written = write_map(store, Affine(), certificate, fitted=FITTED_ROWS.empty_table(), spec={}, parents=())
    (row,) = rows(store, "select map, source, target, r2_variance_weighted, held_out, condition from linear_maps")
    assert row == {
        "map": written.name,
        "source": "timm:a",
        "target": SPACE.name,
        "r2_variance_weighted": 0.7,
        "held_out": 10,
        "condition": None,
    }
    empty = pa.Table.from_pylist([], schema=SHIFT)
    write_answer(store, "shift", empty, spec={"reference": "it's", "current": "{files}"}, parents=())
    assert rows(store, "select count(*) as n from shift") == [{"n": 0}]


@pytest.mark.parametrize("key", range(3))
def test_ks_equals_scipy(store: Store, key: int) -> None:
    scored(store, MATRIX, NAMES)
    scored(store, OTHER, NAMES, dataset="new")
    want = ks_2samp(MATRIX[:, key].astype(float), OTHER[:, key].astype(float), method="asymp")
    concept = NAMES[key].replace("'", "''")
    lists = " , ".join(f"list(similarity) filter (dataset = '{dataset}')" for dataset in ("photos", "new"))
    (one,) = rows(store, f"select d, sign, log10_p, n_reference, n_current from ks('photos', 'new', '{concept}')")
    (two,) = rows(
        store, f"select r.* from (select ks_2samp({lists}) as r from similarities where concept = '{concept}')"
    )
    for row in (one, two):
        assert row["d"] == pytest.approx(want.statistic, abs=1e-15)
        assert row["sign"] == want.statistic_sign
        assert row["log10_p"] == pytest.approx(np.log10(want.pvalue), abs=0.02)
        assert (row["n_reference"], row["n_current"]) == (300, 120)


def test_ks_of_equal_sets_is_nothing_and_of_apart_sets_everything(store: Store) -> None:
    sql = "select ks_2samp([1, 2, 2], [2, 1, 2]) as same, ks_2samp([1, 2], [3, 4]) as up, ks_2samp([3, 4], [1]) as down"
    (row,) = rows(store, sql)
    assert (row["same"]["d"], row["same"]["sign"], row["same"]["log10_p"]) == (0, 0, 0)
    assert (row["up"]["d"], row["up"]["sign"]) == (1, 1)
    assert (row["down"]["d"], row["down"]["sign"]) == (1, -1)


@pytest.mark.parametrize("n", [100, 1000, 90_909])
@pytest.mark.parametrize("x", [0.3, 0.6, 1.0, 1.18, 1.5, 2.0])
def test_the_p_value_macro_is_within_its_tolerance(store: Store, n: int, x: float) -> None:
    d = float(x / np.sqrt(n))
    (row,) = rows(store, f"select ks_log10_p({d!r}, {n}) as p, ks_log10_p(1, {n}) as least")
    assert row["p"] == pytest.approx(np.log10(kstwo.sf(d, n)), abs=0.02)
    assert np.isfinite(row["least"])
    assert row["least"] < -80 * n / 100


def test_macros_count_current_comparable_rows_only(store: Store) -> None:
    fold = np.where(np.arange(300) < 40, -2, -1)
    images = add_images(store, image_table(0, 300, label=["a"] * 300))
    score(images, add_bank(store, NAMES), MATRIX, fold=fold)
    add_images(store, image_table(300, 301, image_id=["img-00000077.jpg"], supersedes=[77]))
    kept = [row for row in range(40, 300) if row != 77]
    found = run_user_sql(store, "select row, similarity from compared('photos', 'dog') order by row")
    assert found["row"].to_pylist() == kept
    best = sorted(kept, key=lambda row: (-MATRIX[row, 0], row))[:4]
    found = rows(store, "select row, label, image_id from top_k('photos', 'dog', n := 4)")
    assert [row["row"] for row in found] == best
    assert found[0] == {"row": best[0], "label": "a", "image_id": f"img-{best[0]:08d}.jpg"}


def test_only_the_views_a_query_names_are_made(store: Store) -> None:
    scored(store, MATRIX, NAMES)
    with open_catalog(store, only=frozenset({"images"})) as connection:
        sql = "select view_name from duckdb_views() where schema_name = 'main' and not internal"
        views = {name for (name,) in connection.execute(sql).fetchall()}
    assert views == {"images"}
    assert len(rows(store, "show tables")) >= len(VIEWS)


def test_a_missing_file_is_named_with_what_to_do(store: Store) -> None:
    scores = scored(store, MATRIX, NAMES)
    path = Path(store.url) / scores.manifest.with_role("data")[0].path
    path.unlink()
    with pytest.raises(
        StoreError, match=rf"(?s)view similarities: expected the store's committed files, but got .*{path.name}"
    ):
        run_user_sql(store, "select * from similarities")


def test_an_object_store_is_read_through_fsspec(memory_store: Store) -> None:
    scored(memory_store, MATRIX, NAMES)
    (row,) = rows(memory_store, "select avg(similarity) as mean from similarities where concept = 'dog'")
    assert row["mean"] == pytest.approx(MATRIX[:, 0].mean(dtype=float), abs=1e-6)
    assert len(rows(memory_store, "select * from top_k('photos', 'dog', n := 3)")) == 3


def test_a_folder_with_odd_characters_is_read(tmp_path: Path) -> None:
    store = open_store(tmp_path / "it's [a] *store? {files}", create=True)
    scored(store, MATRIX, NAMES)
    assert rows(store, "select count(*) as n from similarities") == [{"n": 900}]


def test_placeholders_in_values_are_not_replaced() -> None:
    assert "select * from '{name}'" in render_sql("table", {"table": "'{name}'", "name": "no"})
    assert escape_glob("a*b?[c]") == "a[*]b[?][[]c]"


def test_features_are_listed_as_encoders(store: Store) -> None:
    images = add_images(store, image_table(0, 5))
    writer = FeatureWriter.open(store, "photos", encoder=SPACE.name, space=SPACE, chunk_rows=8)
    for task in writer.pending(5):
        writer.write_chunk(
            task, np.ones((task.stop - task.start, 3), np.float16), np.ones(task.stop - task.start, bool)
        )
    with lease(store, features_path("photos", SPACE.name, SPACE), purpose="test") as token:
        writer.commit(5, parents=[images.manifest.as_parent()], token=token)
    (row,) = rows(store, "select * exclude (created_at) from encoders")
    assert row == {
        "dataset": "photos",
        "encoder": SPACE.name,
        "space": SPACE.short,
        "dimension": 3,
        "dtype": "float16",
        "rows": 5,
        "snapshot": 1,
    }


def test_imported_tables_are_views(store: Store) -> None:
    add_images(store, image_table(0, 2))
    for blur in ("0.5", "0.75"):
        lines = {"row": [0, 1], "name": ["blur", "it's"], "value": [blur, "yes"], "number": [float(blur), 1.0]}
        write_attributes(store, "photos", pa.table(lines).cast(ATTRIBUTES))
    assert rows(store, "select number from attributes where name = 'blur'") == [{"number": 0.75}]
    lines = {"model": ["prod"], "row": [1], "class": ["dog"], "score": [None]}
    write_predictions(store, "photos", pa.table(lines).cast(PREDICTIONS))
    assert rows(store, 'select dataset, model, "class", score from predictions') == [
        {"dataset": "photos", "model": "prod", "class": "dog", "score": None}
    ]
