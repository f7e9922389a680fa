"""Fitting a bottleneck: planted signs, peers on the same images, trust and bad input; nothing is done twice."""

import numpy as np
import pyarrow as pa
import pytest

from t2c.core.maps.gradient.linear_head import HeadOptions
from t2c.flows.bottleneck.fit import fit_bottleneck
from t2c.flows.bottleneck.head import FitOptions
from t2c.flows.bottleneck.task import SplitOptions
from t2c.flows.rows.similarity_rows import find_concept
from t2c.flows.scores.score import score
from t2c.schemas.errors import InputError, SpecError, UnknownName
from t2c.schemas.tables.answers.trust import TRUST
from t2c.store.artifacts.answers import list_answers, write_answer
from t2c.store.artifacts.bottlenecks import list_bottlenecks
from t2c.store.artifacts.dataset_tables import write_attributes
from t2c.store.artifacts.images import open_images
from t2c.store.artifacts.similarities import list_similarities
from t2c.store.disk.root import Store
from t2c.store.queries.user_sql import run_user_sql
from tests.planted.attributes import SOURCE, World, add_bank, attribute_table
from tests.planted.features import content
from tests.planted.scored import add_bank as add_names
from tests.planted.scored import add_images, image_table
from tests.planted.scored import score as score_matrix


def mark(world: World, marks: dict[str, str]) -> None:
    """Store trust marks for concepts, as `t2c trust` would."""
    scores = list_similarities(world.store, dataset="photos")[0]
    names = scores.names()
    blank = {field.name: None if field.nullable else ([] if pa.types.is_list(field.type) else 0) for field in TRUST}
    text = {"why": "", "transport": "unknown", "meaning": "unknown"}
    rows = [
        {**blank, **text, "key": key, "concept": name, "mark": marks.get(name, "trusted")}
        for key, name in enumerate(names)
    ]
    spec = {"dataset": "photos", "map": scores.map, "bank": scores.bank}
    write_answer(
        world.store,
        "trust",
        pa.Table.from_pylist(rows, schema=TRUST),
        spec=spec,
        parents=[open_images(world.store, "photos").manifest.as_parent()],
    )


def test_planted_signs_are_found_and_accuracy_stands_beside_its_peers(world: World) -> None:
    report = fit_bottleneck(world.store, "photos")
    weights = {(row["class"], row["concept"]): row["weight"] for row in report.weights.to_pylist()}
    for concept in ("striped", "round", "in snow"):
        assert weights["zebra", concept] > 0.2
        assert weights["horse", concept] < -0.2
    assert abs(weights["zebra", "shiny"]) < 0.15
    rows = {row["who"]: row for row in report.accuracy.to_pylist()}
    assert list(rows) == ["concepts", "features", "attributes", "majority"]
    assert len({row["n"] for row in rows.values()}) == 1
    assert rows["concepts"]["n"] == report.certificate.held_out
    assert rows["concepts"]["accuracy"] > 0.9 > rows["majority"]["accuracy"]
    assert rows["attributes"]["accuracy"] > 0.94
    assert all(row["low"] < row["accuracy"] < row["high"] for row in rows.values())
    assert (rows["concepts"]["inputs"], rows["features"]["inputs"], rows["attributes"]["inputs"]) == (4, 8, 4)
    assert f"{rows['concepts']['accuracy']:.1%}" in report.headline


def test_similarities_tell_the_attributes_of_their_name(world: World) -> None:
    aurocs = {row["concept"]: row for row in fit_bottleneck(world.store, "photos").aurocs.to_pylist()}
    assert set(aurocs) == {"striped", "round", "in snow", "shiny"}
    assert aurocs["in snow"]["auroc"] > aurocs["shiny"]["auroc"] > aurocs["striped"]["auroc"] > 0.85
    there = world.truth["photos"][:, 0]
    assert (aurocs["striped"]["positives"], aurocs["striped"]["negatives"]) == (there.sum(), len(there) - there.sum())


def test_asked_again_nothing_is_fitted_and_sql_reads_it(world: World) -> None:
    first, again = (fit_bottleneck(world.store, "photos") for _ in range(2))
    assert not again.new
    assert (again.name, again.certificate) == (first.name, first.certificate)
    assert again.accuracy.equals(first.accuracy)
    sql = f"select who, accuracy from bottleneck where model = '{first.name}' order by accuracy desc"
    assert run_user_sql(world.store, sql)["accuracy"].to_pylist()[-1] == min(first.accuracy["accuracy"].to_pylist())
    parents = {one.kind for one in next(iter(list_bottlenecks(world.store))).manifest.parents}
    assert parents == {"images", "similarities"}


def test_no_content_is_on_both_sides_of_the_split(own_world: World) -> None:
    copies = content(f"photos/{row}" for row in range(100))
    images = add_images(
        own_world.store,
        image_table(
            400, 500, content_hash=copies, label=own_world.labels["photos"][:100], duplicate_of=list(range(100))
        ),
    )
    assert images.rows == 500
    report = fit_bottleneck(own_world.store, "photos")
    assert report.certificate.fitted + report.certificate.held_out == 400
    rows = next(iter(list_bottlenecks(own_world.store))).rows().to_pylist()
    sides: dict[str, set[str]] = {}
    for row in rows:
        sides.setdefault(row["content_hash"], set()).add(row["side"])
    assert all(len(one) == 1 for one in sides.values())


def test_held_out_rows_may_be_named_by_a_condition(world: World) -> None:
    split = SplitOptions(held_out_where="row < 300")
    report = fit_bottleneck(world.store, "photos", split=split)
    assert (report.certificate.held_out, report.certificate.fitted) == (300, 900)


def test_the_sparse_head_uses_fewer_concepts(world: World) -> None:
    report = fit_bottleneck(world.store, "photos", options=FitOptions(head="sparse"))
    assert report.certificate.used < 4
    assert "sparsest within one standard error" in report.certificate.recipe
    named = fit_bottleneck(world.store, "photos", options=FitOptions(head="sparse", strength=5.0))
    assert "C = 5 (as named)" in named.certificate.recipe
    assert named.certificate.used == 4


def test_untrusted_concepts_are_left_out_unless_asked_for(own_world: World) -> None:
    before = fit_bottleneck(own_world.store, "photos")
    assert set(before.weights["mark"].to_pylist()) == {"not measured"}
    assert "trust was not measured" in " ".join(before.certificate.notes)
    mark(own_world, {"in snow": "untrusted", "shiny": "weak"})
    after = fit_bottleneck(own_world.store, "photos")
    assert [(one.concept, one.why) for one in after.certificate.left_out] == [("in snow", "untrusted")]
    assert {row["concept"]: row["mark"] for row in after.weights.to_pylist()} == {
        "striped": "trusted",
        "round": "trusted",
        "shiny": "weak",
    }
    all_of_them = fit_bottleneck(own_world.store, "photos", options=FitOptions(untrusted=True))
    assert all_of_them.certificate.concepts == 4
    mark_all = dict.fromkeys(("striped", "round", "in snow", "shiny"), "untrusted")
    fresh = "everyday2"
    add_bank(own_world.store, bank=fresh)
    score(own_world.store, "photos", source=SOURCE.name, bank=fresh)
    write_marks_of(own_world.store, fresh, mark_all)
    with pytest.raises(InputError, match=r"concepts of everyday2: expected some that are not untrusted.*--untrusted"):
        fit_bottleneck(own_world.store, "photos", bank=fresh)


def write_marks_of(store: Store, bank: str, marks: dict[str, str]) -> None:
    newest = list_answers(store, "trust")[-1]
    blank = {field.name: None if field.nullable else ([] if pa.types.is_list(field.type) else 0) for field in TRUST}
    text = {"why": "", "transport": "unknown", "meaning": "unknown"}
    rows = [
        {**blank, **text, "key": key, "concept": name, "mark": one} for key, (name, one) in enumerate(marks.items())
    ]
    spec = {**newest.spec, "bank": bank}
    write_answer(store, "trust", pa.Table.from_pylist(rows, schema=TRUST), spec=spec, parents=newest.parents)


def test_attributes_may_be_missing_for_some_rows_or_be_words(own_world: World) -> None:
    there = own_world.truth["photos"].copy()
    there[::3, 0] = np.nan
    colours = [("red", "blue", "")[row % 3] for row in range(400)]
    table = attribute_table(there, ("Striped-", "other1", "other2", "other3"))
    words = [{"row": row, "name": "colour", "value": one, "number": None} for row, one in enumerate(colours) if one]
    ids = [{"row": row, "name": "serial", "value": f"n{row}", "number": None} for row in range(400)]
    write_attributes(
        own_world.store, "photos", pa.concat_tables([table, pa.Table.from_pylist(words + ids, schema=table.schema)])
    )
    report = fit_bottleneck(own_world.store, "photos")
    rows = {row["who"]: row for row in report.accuracy.to_pylist()}
    assert rows["attributes"]["inputs"] == 4 + 4 + 2  # the planted ones, the new ones, two colours; no serial number
    assert rows["attributes"]["n"] == rows["concepts"]["n"]


def test_too_few_of_a_class_one_class_and_labels_that_are_none_are_refused(own_world: World, planted) -> None:
    labels = ["zebra"] * 398 + ["horse"] * 2
    add_images(own_world.store, image_table(0, 400, content_hash=content(range(400)), label=labels), dataset="lone")
    add_names(own_world.store, ["a", "b", "c", "d"], bank="plain")
    matrix = np.random.default_rng(0).normal(0.2, 0.05, (400, 4))
    score_matrix(open_images(own_world.store, "lone"), open_plain(own_world.store), matrix)
    with pytest.raises(InputError, match=r"class 'horse' of lone: expected 5 images or more to fit on, but got \d"):
        fit_bottleneck(own_world.store, "lone")
    with pytest.raises(SpecError, match=r"classes: expected two or more, but got 1"):
        fit_bottleneck(own_world.store, "lone", classes=["zebra"])
    with pytest.raises(InputError, match=r"label of lone: expected labels among 'cat', 'dog'"):
        fit_bottleneck(own_world.store, "lone", classes=["cat", "dog"])
    with pytest.raises(UnknownName, match=r"attribute of photos: expected one of .* but got 'stripe'"):
        fit_bottleneck(own_world.store, "photos", labels="stripe")


def open_plain(store: Store):
    from t2c.store.artifacts.concepts import open_concepts

    return open_concepts(store, "plain")


def scored_matrix(store: Store, matrix: np.ndarray, names: list[str]) -> None:
    """Make a dataset of two classes with chosen similarities."""
    count = len(matrix)
    labels = ["zebra" if row % 2 else "horse" for row in range(count)]
    images = add_images(store, image_table(0, count, content_hash=content(range(count)), label=labels))
    score_matrix(images, add_names(store, names), matrix)


def test_constant_similarities_are_left_out_and_all_constant_refused(store: Store) -> None:
    matrix = np.random.default_rng(0).normal(0.2, 0.05, (200, 3))
    matrix[:, 1] = 0.25
    scored_matrix(store, matrix, ["red", "grey", "blue"])
    report = fit_bottleneck(store, "photos")
    assert [(one.concept, one.why) for one in report.certificate.left_out] == [("grey", "constant")]
    assert report.certificate.concepts == 2
    assert [row["who"] for row in report.accuracy.to_pylist()] == ["concepts", "majority"]


def test_only_constant_similarities_are_refused(store: Store) -> None:
    scored_matrix(store, np.full((100, 2), 0.2), ["red", "blue"])
    with pytest.raises(InputError, match=r"similarities to standardise: expected some that differ between images"):
        fit_bottleneck(store, "photos")


def test_names_that_read_alike_are_noted_never_guessed(store: Store) -> None:
    scored_matrix(store, np.random.default_rng(0).normal(0.2, 0.05, (200, 3)), ["Red", "red ", "blue"])
    assert "'Red' and 'red ' read alike" in " ".join(fit_bottleneck(store, "photos").certificate.notes)
    names = ["Red", "red ", "in_snow"]
    assert find_concept(names, "Red", bank="b") == 0
    assert find_concept(names, "in snow", bank="b") == 2
    with pytest.raises(
        SpecError, match=r"concept: expected one concept, but got 'RED', which reads like 'Red' and 'red '"
    ):
        find_concept(names, "RED", bank="b")
    with pytest.raises(UnknownName, match=r"Did you mean 'in_snow'"):
        find_concept(names, "in_sno", bank="b")
    yes = attribute_table((np.arange(200)[:, None] % 2).astype(float), ("red",))
    write_attributes(store, "photos", yes)
    with pytest.raises(SpecError, match=r"expected one concept by the name of 'red', but got 'Red' and 'red '"):
        fit_bottleneck(store, "photos", split=SplitOptions(seed=2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (FitOptions(head="forest"), r"--head: expected sgd or sparse, but got 'forest'"),
        (FitOptions(strength=1.0), r"--strength: expected a sparse head, but got --head sgd. Add: --head sparse"),
        (FitOptions(head="sparse", strength=-1.0), r"--strength: expected a number above 0, but got -1.0"),
    ],
)
def test_options_out_of_range_are_refused(world: World, options: FitOptions, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        fit_bottleneck(world.store, "photos", options=options)


def test_a_split_that_leaves_nothing_is_refused(world: World) -> None:
    with pytest.raises(SpecError, match=r"--holdout: expected a share above 0 and below 1, but got 1.5"):
        fit_bottleneck(world.store, "photos", split=SplitOptions(holdout=1.5))
    with pytest.raises(InputError, match=r"held-out images of photos: expected some with a label, but got none"):
        fit_bottleneck(world.store, "photos", split=SplitOptions(held_out_where="row < 0"))


def test_another_seed_is_another_bottleneck(world: World) -> None:
    options = FitOptions(sgd=HeadOptions(seed=4))
    assert fit_bottleneck(world.store, "photos", options=options).name != fit_bottleneck(world.store, "photos").name


def test_images_without_a_label_or_of_another_class_take_no_part_and_are_counted(store: Store) -> None:
    labels = [("zebra", "horse", "cow", None)[row % 4] for row in range(240)]
    images = add_images(store, image_table(0, 240, content_hash=content(range(240)), label=labels))
    matrix = np.random.default_rng(0).normal(0.2, 0.05, (240, 2))
    score_matrix(images, add_names(store, ["red", "blue"]), matrix)
    said = fit_bottleneck(store, "photos", classes=["zebra", "horse"]).certificate
    assert (said.unlabelled, said.other_labels, said.fitted + said.held_out) == (60, 60, 120)
    renamed = fit_bottleneck(store, "photos", classes=["zebra", "horse"], mapping={"cow": "horse"}).certificate
    assert (renamed.other_labels, renamed.fitted + renamed.held_out) == (0, 180)
