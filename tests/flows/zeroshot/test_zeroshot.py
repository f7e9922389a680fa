"""Zero-shot: planted classes are named right, beside the target itself and chance; what cannot be classified is counted or refused."""

import numpy as np
import pyarrow as pa
import pytest

from t2c.core.statistics.proportions import wilson
from t2c.flows.maps.align import align
from t2c.flows.zeroshot.zeroshot import zeroshot
from t2c.schemas.errors import InputError, MismatchError, SpecError, UnknownName
from t2c.schemas.spaces import Space
from t2c.schemas.tables.tables import ATTRIBUTES, ZEROSHOT
from t2c.store.artifacts.concepts import add_concepts
from t2c.store.artifacts.dataset_tables import write_attributes
from tests.planted.features import SOURCE, TARGET, Planted

CLASSES = ("red", "blue", "in a tree")


@pytest.fixture
def classes(planted: Planted) -> Planted:
    """photos: 300 images of three classes, each near the class's vector in the target space; aligned, with a bank."""
    labels = [CLASSES[row % 3] for row in range(300)]
    planted.images("photos", 300, label=labels)
    back = np.linalg.pinv(planted.weight)
    centres = np.stack([(3 * planted.vector(name) - 1) @ back for name in CLASSES])
    x = centres[np.arange(300) % 3] + 0.3 * planted.x(300)
    planted.both("photos", x, noise=0.3)
    planted.bank()
    align(planted.store, "photos", source=SOURCE.name, target=TARGET.name)
    return planted


def test_planted_classes_are_named_right_beside_the_target_itself_and_chance(classes: Planted) -> None:
    report = zeroshot(classes.store, "photos", bank="everyday")
    assert report.classes == tuple(sorted(CLASSES))
    assert [(one.role, one.encoder, one.n) for one in report.scores] == [
        ("aligned", SOURCE.name, 300),
        ("target", TARGET.name, 300),
    ]
    for one in report.scores:
        assert one.accuracy > 0.9
        assert (one.low, one.high) == wilson(one.correct, one.n)
    assert (report.chance, report.majority) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert report.predictions.schema.equals(ZEROSHOT)
    right = np.array(report.predictions["label"].to_pylist()) == report.predictions["predicted"].to_pylist()
    assert report.scores[0].correct == right.sum()
    by_class = report.by_class.to_pylist()
    assert [row["class"] for row in by_class] == sorted(CLASSES)
    assert sum(row["n"] * row["aligned"] for row in by_class) == pytest.approx(report.scores[0].correct)


def test_the_target_alone_needs_no_map(classes: Planted) -> None:
    report = zeroshot(classes.store, "photos", source=TARGET.name, bank="everyday")
    assert [one.role for one in report.scores] == ["target"]


def test_without_the_targets_own_features_only_the_aligned_encoder_is_scored(classes: Planted) -> None:
    classes.images("new", 30, label=["red"] * 30)
    classes.features("new", SOURCE, classes.x(30))
    report = zeroshot(classes.store, "new", bank="everyday", classes=CLASSES)
    assert [one.role for one in report.scores] == ["aligned"]
    assert report.by_class["target"].to_pylist() == [None]


def test_labels_come_from_an_attribute_and_are_mapped(classes: Planted) -> None:
    rows = list(range(0, 300, 2))
    values = [["rouge", "blue", "in a tree", "no class"][row % 4] if row % 3 else "rouge" for row in rows]
    table = [pa.array(rows), pa.array(["colour"] * 150), pa.array(values), pa.nulls(150, pa.float64())]
    write_attributes(classes.store, "photos", pa.table(table, schema=ATTRIBUTES))
    report = zeroshot(
        classes.store, "photos", bank="everyday", labels="colour", mapping={"rouge": "red"}, classes=CLASSES
    )
    assert report.unlabelled == 150
    assert report.other_labels == 0
    assert report.scores[0].n == sum(value != "no class" for value in values)
    with pytest.raises(UnknownName, match=r"attribute of photos: expected one of 'colour', 'label', but got 'color'"):
        zeroshot(classes.store, "photos", bank="everyday", labels="color")


def test_labels_that_are_no_class_are_counted_and_left_out(classes: Planted) -> None:
    report = zeroshot(classes.store, "photos", bank="everyday", classes=["red", "blue"])
    assert (report.other_labels, report.unlabelled, report.scores[0].n) == (100, 0, 200)


def test_the_same_task_is_read_from_the_store(classes: Planted) -> None:
    first = zeroshot(classes.store, "photos", bank="everyday")
    again = zeroshot(classes.store, "photos", bank="everyday")
    assert (first.new, again.new) == (True, False)
    assert again.predictions.equals(first.predictions)
    assert again.scores == first.scores


def test_an_unlabelled_dataset_is_classified_without_a_score(classes: Planted) -> None:
    classes.dataset("plain", 20)
    report = zeroshot(classes.store, "plain", bank="everyday", classes=CLASSES)
    assert (report.scores, report.majority, report.unlabelled) == ((), None, 20)
    assert report.predictions.num_rows == 20
    with pytest.raises(SpecError, match=r"classes: expected two or more, but got 0 in the labels of plain"):
        zeroshot(classes.store, "plain", bank="everyday")


def test_a_class_the_bank_lacks_offers_the_nearest(classes: Planted) -> None:
    with pytest.raises(UnknownName, match=r"concept in bank everyday.*but got 'blu'. Did you mean 'blue'"):
        zeroshot(classes.store, "photos", bank="everyday", classes=["red", "blu"], mapping={"blue": "blu"})


def test_bad_classes_are_refused(classes: Planted) -> None:
    with pytest.raises(InputError, match=r"label of photos: expected labels among 'cat', 'dog', but got 'blue', 'in a"):
        zeroshot(classes.store, "photos", bank="everyday", classes=["cat", "dog"])
    with pytest.raises(SpecError, match=r"--classes: expected each class once, but got 'red' twice"):
        zeroshot(classes.store, "photos", bank="everyday", classes=["red", "red"])


def test_a_bank_of_another_space_is_refused_naming_both(classes: Planted) -> None:
    other = Space("imported", "elsewhere", 4, "other")
    names = ["red", "blue"]
    table = pa.table(
        {
            "concept": names,
            "prompts": pa.array([[], []], pa.list_(pa.string())),
            "vector": pa.array([[1.0, 0, 0, 0], [0, 1.0, 0, 0]], pa.list_(pa.float32())),
            "averaging": ["imported"] * 2,
            "kind": ["imported"] * 2,
        }
    )
    add_concepts(classes.store, "foreign", table, space=other, text_encoder="elsewhere")
    with pytest.raises(MismatchError, match=r"bank foreign: expected open_clip:planted/test .* but got elsewhere"):
        zeroshot(classes.store, "photos", bank="foreign", classes=names)


def test_no_map_says_how_to_fit_one_and_two_maps_are_a_choice(classes: Planted) -> None:
    with pytest.raises(
        UnknownName, match=r"expected a map from timm:other to nothing, but got none. Fit one: t2c align"
    ):
        zeroshot(classes.store, "photos", source="timm:other", target="nothing", bank="everyday")
    second = Space("encoder", "timm:second", 3, "second-weights")
    classes.features("photos", second, classes.x(300)[:, :3])
    align(classes.store, "photos", source="timm:second", target=TARGET.name)
    with pytest.raises(SpecError, match=r"expected one choice, but got --source timm:\w+ --target .* or --source timm"):
        zeroshot(classes.store, "photos", bank="everyday")


def test_without_any_map_features_in_the_banks_own_space_are_classified(planted: Planted) -> None:
    planted.images("photos", 30, label=["red", "blue", "in a tree"] * 10)
    planted.features("photos", TARGET, np.stack([planted.vector(CLASSES[0])] * 30))
    planted.bank()
    report = zeroshot(planted.store, "photos", bank="everyday")
    assert [(one.role, one.encoder, one.n) for one in report.scores] == [("target", TARGET.name, 30)]
    assert set(report.predictions["predicted"].to_pylist()) == {"red"}
