"""The step: marks rest on rows not fitted, say why, are found again, and degrade to `unverified` where nothing is known."""

import numpy as np
import pyarrow as pa
import pytest

from t2c.core.maps.linear_map import LinearMap
from t2c.flows.maps.align import align
from t2c.flows.scores.score import score
from t2c.flows.trust.trust import marks_in_use, trust
from t2c.schemas.certificate import Certificate
from t2c.schemas.errors import InputError, SpecError
from t2c.schemas.tables.answers.trust import TRUST
from t2c.schemas.tables.tables import ATTRIBUTES, FITTED_ROWS
from t2c.store.artifacts.concepts import add_concepts
from t2c.store.artifacts.dataset_tables import write_attributes
from t2c.store.artifacts.images import content_hashes, open_images
from t2c.store.artifacts.linear_maps import write_map
from t2c.store.queries.catalog import open_catalog
from tests.planted.features import SOURCE, TARGET, Planted

WORDS = ("red", "blue", "in a tree", "far off", "nobody labels")
ROWS = 600


def labels_of(planted: Planted, rows: int = ROWS, seed: int = 0) -> list[str]:
    """Return red for the half of the planted images that lie nearest to `red` in the target space, else other."""
    own = planted.x(rows, seed=seed) @ planted.weight + 1
    red = own @ planted.vector("red") / np.linalg.norm(own, axis=1)
    return ["red" if one else "other" for one in red > np.median(red)]


@pytest.fixture
def judged(planted: Planted) -> Planted:
    """photos: 600 images, labelled red by what they show, tree at random; all scored."""
    planted.dataset("photos", ROWS, label=labels_of(planted))
    rng = np.random.default_rng(1)
    values = [("tree", row, str(bool(rng.random() < 0.5)).lower()) for row in range(400)]
    table = {"row": [row for _, row, _ in values], "name": ["tree"] * 400, "value": [value for *_, value in values]}
    write_attributes(
        planted.store,
        "photos",
        pa.table({**table, "number": [float(v == "true") for v in table["value"]]}, schema=ATTRIBUTES),
    )
    planted.bank(names=WORDS)
    align(planted.store, "photos", source=SOURCE.name, target=TARGET.name)
    score(planted.store, "photos", source=SOURCE.name, bank="everyday")
    return planted


def test_what_carries_and_means_something_is_trusted_and_the_rest_says_why_not(judged: Planted) -> None:
    report = trust(judged.store, "photos", mapping={"tree": "in a tree"})
    rows = {row["concept"]: row for row in report.table.to_pylist()}
    assert report.table.schema.equals(TRUST)
    assert rows["red"]["mark"] == "trusted"
    assert rows["red"]["n"] == ROWS
    assert rows["red"]["spearman"] > 0.8
    assert rows["red"]["positives"] + rows["red"]["negatives"] == ROWS
    assert rows["red"]["auroc"] > rows["red"]["random_auroc"] > 0.5
    assert rows["in a tree"]["mark"] == "untrusted"
    assert (rows["in a tree"]["labels"], rows["in a tree"]["value"]) == ("tree", "tree")
    assert rows["in a tree"]["positives"] + rows["in a tree"]["negatives"] == 400
    for name in ("blue", "far off", "nobody labels"):
        assert rows[name]["mark"] == "unverified"
        assert rows[name]["why"] == "no label or attribute says which images have it"
        assert rows[name]["auroc"] is None
    assert len(rows["red"]["neighbours"]) == 3
    assert "red" not in rows["red"]["neighbours"]
    assert "3 of 5 concepts are unverified" in report.notes[0]
    assert "1 value of label with no concept of the same name, negatives alone: 'other'" in report.notes
    assert "tree is known for 400 of 600 rows; the others are not used" in report.notes
    assert report.headline.startswith("Trust of 5 concepts of everyday on photos@1: ")


def test_random_directions_are_carried_nearly_as_well(judged: Planted) -> None:
    row = trust(judged.store, "photos").table.to_pylist()[0]
    assert row["random_spearman"] > 0.8
    assert row["random_overlap"] > 0.5


def test_the_same_question_is_answered_from_the_store_and_seen_in_sql(judged: Planted) -> None:
    first = trust(judged.store, "photos")
    again = trust(judged.store, "photos")
    assert (first.new, again.new) == (True, False)
    assert again.table.equals(first.table)
    with open_catalog(judged.store, only=frozenset({"trust"})) as catalog:
        found = catalog.execute("select dataset, map, bank, concept, mark from trust order by key").fetchall()
    assert found[0] == ("photos", first.map, "everyday", "red", first.table["mark"][0].as_py())
    assert len(found) == len(WORDS)


def test_an_older_answer_asked_for_again_says_which_marks_are_in_use(judged: Planted) -> None:
    first = trust(judged.store, "photos", labels=["label"])
    trust(judged.store, "photos", mapping={"tree": "in a tree"})
    again = trust(judged.store, "photos", labels=["label"])
    note = "answered before; the marks in use are those of a later question, by label, tree"
    assert note not in first.notes
    assert note in again.notes


def test_marks_are_found_again_by_map_and_bank_and_serve_a_dataset_that_knows_nothing(judged: Planted) -> None:
    store = judged.store
    judged.dataset("fresh", 100, seed=3)
    report = trust(store, "photos", mapping={"tree": "in a tree"})
    want = dict(enumerate(report.table["mark"].to_pylist()))
    for dataset in ("photos", "fresh"):
        found = marks_in_use(store, dataset, map=report.map, bank="everyday")
        assert found is not None
        assert found.by_key == want
    assert marks_in_use(store, "photos", map="000000000000", bank="everyday") is None
    assert marks_in_use(store, "photos", map=report.map, bank="other") is None
    score(store, "fresh", source=SOURCE.name, bank="everyday")
    assert set(trust(store, "fresh").table["mark"].to_pylist()) == {"unverified"}
    found = marks_in_use(store, "fresh", map=report.map, bank="everyday")
    assert found is not None
    assert (found.by_key, len(found.answers)) == (want, 2)
    assert found.by_name["red"] == want[0]
    assert found.rows[0]["dataset"] == "photos"


def test_few_positives_or_one_class_only_are_unverified_with_the_count(planted: Planted) -> None:
    rare = ["red" if row < 4 else "blue" for row in range(80)]
    planted.dataset("photos", 80, label=rare)
    planted.dataset("all_red", 80, seed=2, label=["red"] * 80)
    planted.bank(names=WORDS)
    align(planted.store, "photos", source=SOURCE.name, target=TARGET.name)
    for dataset in ("photos", "all_red"):
        score(planted.store, dataset, source=SOURCE.name, bank="everyday")
    row = trust(planted.store, "photos").table.to_pylist()[0]
    assert (row["mark"], row["positives"], row["negatives"]) == ("unverified", 4, 76)
    assert row["why"] == "4 images known to have it and 76 known not to; 10 of each are asked"
    row = trust(planted.store, "all_red").table.to_pylist()[0]
    assert (row["mark"], row["positives"], row["negatives"], row["auroc"]) == ("unverified", 80, 0, None)


def test_copies_count_once_and_rows_are_limited_by_content(judged: Planted) -> None:
    store = judged.store
    hashes = content_hashes(open_images(store, "photos")).to_pylist()[:50]
    judged.images("copied", 100, content_hash=hashes * 2, duplicate_of=[None] * 50 + list(range(50)))
    x = judged.x(ROWS)[:50]
    judged.both("copied", np.concatenate([x, x]))
    score(store, "copied", source=SOURCE.name, bank="everyday")
    assert trust(store, "copied").table["n"][0].as_py() == 50
    some = trust(store, "photos", max_rows=200).table
    assert some["n"][0].as_py() == 200
    assert some.equals(trust(store, "photos", max_rows=200).table)


def test_without_the_targets_own_features_transport_is_not_known(judged: Planted) -> None:
    judged.images("bare", 60, label=["red", "blue"] * 30)
    judged.features("bare", SOURCE, judged.x(60, seed=4))
    score(judged.store, "bare", source=SOURCE.name, bank="everyday")
    report = trust(judged.store, "bare")
    row = report.table.to_pylist()[0]
    assert row["mark"] in ("unverified", "untrusted")
    assert (row["transport"], row["n"], row["spearman"]) == ("unknown", 0, None)
    assert f"t2c extract bare --encoder {TARGET.name}" in report.notes[-1]


def test_own_features_of_some_rows_do_for_transport_while_meaning_uses_all(judged: Planted) -> None:
    judged.images("half", 200, label=labels_of(judged, 200, seed=5))
    x = judged.x(200, seed=5)
    judged.features("half", SOURCE, x)
    judged.features("half", TARGET, x @ judged.weight + 1, present=np.arange(200) < 120)
    score(judged.store, "half", source=SOURCE.name, bank="everyday")
    row = trust(judged.store, "half").table.to_pylist()[0]
    assert (row["n"], row["positives"] + row["negatives"]) == (120, 200)


def test_the_targets_own_encoder_carries_everything_and_a_constant_nothing(judged: Planted) -> None:
    score(judged.store, "photos", source=TARGET.name, bank="everyday")
    row = trust(judged.store, "photos", source=TARGET.name).table.to_pylist()[0]
    assert (row["spearman"], row["overlap"], row["transport"]) == (1.0, 1.0, "good")
    judged.images("flat", 40, label=["red", "blue"] * 20)
    judged.both("flat", np.zeros((40, SOURCE.dimension)), noise=0.0)
    score(judged.store, "flat", source=SOURCE.name, bank="everyday")
    row = trust(judged.store, "flat").table.to_pylist()[0]
    assert (row["mark"], row["why"]) == ("untrusted", "its similarity is the same for every image")
    assert row["auroc"] == 0.5


def test_labels_that_name_no_concept_and_names_that_collide_are_refused(judged: Planted) -> None:
    with pytest.raises(InputError, match=r"tree of photos: expected values among the concepts 'red', .*--mapping"):
        trust(judged.store, "photos", labels=["tree"])
    vector = pa.array([judged.vector("red").astype(np.float32).tolist()], pa.list_(pa.float32()))
    more = pa.table(
        {
            "concept": ["RED"],
            "prompts": pa.array([["RED"]]),
            "vector": vector,
            "averaging": ["imported"],
            "kind": ["imported"],
        }
    )
    add_concepts(judged.store, "everyday", more, space=TARGET, text_encoder=TARGET.name)
    with pytest.raises(SpecError, match="'red' and 'RED'"):
        trust(judged.store, "photos")
    assert trust(judged.store, "photos", mapping={"red": "red"}).table.num_rows == len(WORDS) + 1
    with pytest.raises(SpecError, match="40 directions or more"):
        trust(judged.store, "photos", directions=10)


def test_a_map_without_folds_leaves_no_row_of_its_own(planted: Planted) -> None:
    planted.dataset("photos", 50)
    planted.bank()
    images = open_images(planted.store, "photos")
    fitted = pa.table([content_hashes(images), np.arange(50), np.full(50, -2)], names=FITTED_ROWS.names)
    certificate = Certificate(SOURCE, TARGET, "photos", 1, 0.0, 6, None, "cholesky", 50, 0, 0)
    weights = LinearMap(planted.weight.astype(np.float32), np.ones(TARGET.dimension, np.float32))
    write_map(planted.store, weights, certificate, fitted=fitted, spec={"by": "hand"}, parents=[])
    score(planted.store, "photos", source=SOURCE.name, bank="everyday")
    with pytest.raises(InputError, match="rows of photos: expected one or more out of fold or held out, but got none"):
        trust(planted.store, "photos")


def test_a_store_that_cannot_be_written_still_answers(judged: Planted) -> None:
    judged.store.files.put("answers", b"a file where the folder would be")
    report = trust(judged.store, "photos")
    assert report.path == ""
    assert "the answer was not stored: the store cannot be written" in report.notes
