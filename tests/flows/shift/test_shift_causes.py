"""What a shift is due to: class mix or not, more than the reference's own blocks or not, and whom to believe."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

import t2c
from t2c.flows.shift.shift import shift
from t2c.schemas.errors import SpecError, UnknownName
from t2c.schemas.specs.shift import Judging
from t2c.schemas.tables.answers.trust import TRUST
from t2c.schemas.tables.tables import ATTRIBUTES, PREDICTIONS, SHIFT
from t2c.store.artifacts.answers import write_answer
from t2c.store.artifacts.dataset_tables import write_attributes, write_predictions
from t2c.store.artifacts.similarities import Scores
from t2c.store.disk.root import Store
from t2c.store.queries.catalog import open_catalog
from tests.planted.scored import scored

NAMES = ["one", "two", "three"]
CLASSES = 6
ROWS = 1200


def sorted_by_class(store: Store, *, inside: float = 0.0, **columns: list[object]) -> Scores:
    """A dataset sorted by class whose classes differ in `one`; the second half of every class has `inside` more of `two`."""
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(CLASSES), ROWS // CLASSES)
    matrix = rng.normal(0, 0.05, (ROWS, 3))
    matrix[:, 0] += 0.05 * codes
    matrix[:, 1] += inside * (np.arange(ROWS) % (ROWS // CLASSES) >= ROWS // CLASSES // 2)
    labels = [f"class {code}" for code in codes]
    return scored(store, matrix, NAMES, **({"label": labels} | columns))


def rows_of(table: pa.Table) -> dict[str, dict[str, object]]:
    return {row["concept"]: row for row in table.to_pylist()}


def test_the_halves_of_a_class_sorted_set_are_reported_as_class_mix(store: Store) -> None:
    sorted_by_class(store)
    report = shift(store, "photos", where=f"row >= {ROWS // 2 + 60}")
    found = rows_of(report.table)
    assert report.table.schema.equals(SHIFT)
    assert report.classes == "label"
    assert (found["one"]["verdict"], found["one"]["cause"]) == ("risen", "class mix")
    assert found["one"]["effect_mix"] > 10 * abs(found["one"]["effect_within"])
    assert found["one"]["effect_mix"] + found["one"]["effect_within"] == pytest.approx(found["one"]["effect"], abs=1e-5)
    assert (found["two"]["verdict"], found["two"]["cause"]) == ("none", None)
    assert any(
        "3 classes are in the rest of photos alone, which counts as class mix: 'class 0'" in one for one in report.notes
    )
    assert any("2 classes are in photos where" in one for one in report.notes)


def test_what_changes_inside_the_classes_is_not_class_mix(store: Store) -> None:
    sorted_by_class(store, inside=0.05)
    report = shift(store, "photos", where=f"row % {ROWS // CLASSES} >= {ROWS // CLASSES // 2}")
    found = rows_of(report.table)
    assert (found["two"]["verdict"], found["two"]["cause"]) == ("risen", "within classes")
    assert found["one"]["verdict"] == "none"


def test_halves_without_a_common_class_are_all_class_mix_and_said_so(store: Store) -> None:
    sorted_by_class(store)
    report = shift(store, "photos", where=f"row >= {ROWS // 2}")
    assert rows_of(report.table)["one"]["cause"] == "class mix"
    assert "no label has enough images on both sides: every shift is reported as class mix" in report.notes


def test_attributes_and_predictions_split_too_and_names_that_are_not_there_are_refused(store: Store) -> None:
    scores = sorted_by_class(store, label=[None] * ROWS)
    assert shift(store, "photos", where="row >= 700").classes == ""
    codes = np.repeat(np.arange(CLASSES), ROWS // CLASSES)
    known = 900
    attribute = {"row": list(range(known)), "name": ["kind"] * known, "value": [f"k{code}" for code in codes[:known]]}
    write_attributes(
        store, "photos", pa.table({**attribute, "number": pa.nulls(known, pa.float64())}, schema=ATTRIBUTES)
    )
    report = shift(store, "photos", where="row >= 700", judging=Judging(classes="kind"))
    assert report.classes == "kind"
    assert any("300 images of photos where row >= 700 have no kind" in one for one in report.notes)
    best = {
        "model": ["prod"] * ROWS,
        "row": list(range(ROWS)),
        "class": [f"c{code}" for code in codes],
        "score": [0.9] * ROWS,
    }
    other = {**best, "class": ["zz"] * ROWS, "score": [0.1] * ROWS}
    for one in (best, other):
        write_predictions(store, "photos", pa.table(one, schema=PREDICTIONS))
    report = shift(store, "photos", where="row >= 700")
    assert (report.classes, rows_of(report.table)["one"]["cause"]) == ("prediction:prod", "class mix")
    assert shift(store, "photos", where="row >= 700", judging=Judging(classes="none")).classes == ""
    assert (
        rows_of(shift(store, "photos", where="row >= 700", judging=Judging(classes="none")).table)["one"]["cause"]
        is None
    )
    with pytest.raises(UnknownName, match=r"attribute of photos: .* but got 'kin'"):
        shift(store, "photos", where="row >= 700", judging=Judging(classes="kin"))
    with pytest.raises(UnknownName, match=r"model with predictions of photos: .*'prod'.*t2c predictions import"):
        shift(store, "photos", where="row >= 700", judging=Judging(classes="prediction:pro"))
    assert scores.rows == ROWS


def test_blocks_follow_the_time_when_every_image_has_one_else_the_source(store: Store) -> None:
    rng = np.random.default_rng(3)
    day = rng.permutation(np.repeat(np.arange(40), 30))
    level = rng.normal(0, 0.04, 40)
    matrix = rng.normal(0, 0.05, (ROWS, 3)) + level[day][:, None]
    times = [datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=int(one)) for one in day]
    scored(store, matrix, NAMES, captured_at=times)
    last = "captured_at >= '2026-12-10'"
    report = shift(store, "photos", where=last)
    assert any(
        "20 blocks of the reference and 1 piece of the current side, 30 images each, by captured_at" in note
        for note in report.notes
    )
    found = rows_of(report.table)["one"]
    assert found["p_blocks"] > 1 / 21
    assert found["d_blocks"] > 0.2
    assert found["d_pieces"] > 0.1
    careful = shift(store, "photos", where=last, judging=Judging(beyond="blocks"))
    assert careful.flagged == 0
    assert careful.flagged <= report.flagged
    flagged_by_rows = [row for row in report.table.to_pylist() if row["verdict"] != "none"]
    assert flagged_by_rows, "the trap is not set: rows alone see no shift"
    assert any("flagged lie no farther out than the reference's own blocks: " in note for note in report.notes)


def test_few_blocks_say_which_q_they_can_reach_and_a_tiny_reference_has_none(store: Store) -> None:
    rng = np.random.default_rng(4)
    scored(store, rng.normal(0, 0.05, (200, 3)) + np.repeat([0, 0.3], [150, 50])[:, None], NAMES)
    report = shift(store, "photos", where="row >= 170", reference_where="row < 150", judging=Judging(beyond="blocks"))
    assert report.flagged == 0
    (note,) = [one for one in report.notes if "smallest reachable q" in one]
    assert "7 blocks of the reference and 1 piece of the current side, 20 images each, by source order" in note
    assert "smallest reachable q 0.12 when all concepts lie beyond, 0.38 for one alone; more --blocks" in note
    assert rows_of(report.table)["one"]["p_blocks"] == 1 / 8
    more = shift(store, "photos", where="row >= 150", judging=Judging(beyond="blocks"))
    assert rows_of(more.table)["one"]["p_blocks"] == pytest.approx(1 / 36)
    assert more.flagged == 3
    tiny = shift(store, "photos", where="row >= 150", reference_where="row < 90")
    assert "the reference has too few images to be compared with itself in blocks" in tiny.notes
    assert rows_of(tiny.table)["one"]["p_blocks"] is None
    opened = t2c.open(store.url)
    with pytest.raises(SpecError, match="shift: beyond: expected 'chance' or 'blocks', but got 'days'"):
        opened.shift("photos", where="row >= 150", beyond="days")
    with pytest.raises(SpecError, match="shift: blocks: expected greater than or equal to 5, but got 2"):
        opened.shift("photos", where="row >= 150", blocks=2)


def mark(store: Store, scores: Scores, marks: list[str]) -> None:
    """Store an answer of trust with chosen marks."""
    rows = [
        {"key": key, "concept": NAMES[key], "mark": one, "why": "chosen", "transport": "good", "meaning": "good"}
        | {"n": 9, "positives": 0, "negatives": 0, "neighbours": [], "cosines": []}
        for key, one in enumerate(marks)
    ]
    spec = {"dataset": "photos", "map": scores.map, "bank": scores.bank, "labels": marks}
    write_answer(store, "trust", pa.Table.from_pylist(rows, schema=TRUST), spec=spec, parents=())


def test_untrusted_concepts_get_no_verdict_unless_asked_for_and_every_row_shows_its_mark(store: Store) -> None:
    rng = np.random.default_rng(5)
    scores = scored(store, rng.normal(0, 0.05, (400, 3)) + np.repeat([0, 0.1], 200)[:, None], NAMES)
    before = shift(store, "photos", where="row >= 200")
    assert (before.flagged, before.left_out) == (3, 0)
    assert set(before.table["trust"].to_pylist()) == {None}
    mark(store, scores, ["trusted", "untrusted", "weak"])
    after = shift(store, "photos", where="row >= 200")
    found = rows_of(after.table)
    assert (after.new, after.flagged, after.left_out) == (True, 2, 1)
    assert {name: row["trust"] for name, row in found.items()} == {
        "one": "trusted",
        "two": "untrusted",
        "three": "weak",
    }
    assert (found["two"]["verdict"], found["two"]["left_out"], found["two"]["q"]) == ("none", True, 1.0)
    assert found["two"]["log10_p"] < -10
    assert found["two"]["effect"] == rows_of(before.table)["two"]["effect"]
    assert "1 untrusted concept has no verdict (--untrusted gives one)" in after.notes
    asked = shift(store, "photos", where="row >= 200", judging=Judging(untrusted=True))
    assert (asked.flagged, asked.left_out) == (3, 0)
    assert rows_of(asked.table)["two"]["trust"] == "untrusted"


def test_answers_older_than_a_column_are_still_seen_in_sql(store: Store) -> None:
    sorted_by_class(store)
    report = shift(store, "photos", where="row >= 700")
    old = report.table.drop_columns(["trust", "left_out", "cause", "effect_mix"])
    write_answer(store, "shift", old, spec={"reference": "old", "current": "older"}, parents=())
    with open_catalog(store, only=frozenset({"shift"})) as catalog:
        found = catalog.execute(
            "select reference, count(*), count(cause) from shift group by all order by all"
        ).fetchall()
    assert found == [("old", 3, 0), ("photos", 3, 1)]
