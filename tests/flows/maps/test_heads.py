"""Heads are opened by name: probes on the rows that may be fitted, class vectors of a bank, a timm model's own head."""

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from t2c.core.encoders.load import load_encoder
from t2c.flows.maps.heads import HeadSpec, open_head, parse_head
from t2c.flows.maps.plan import AlignOptions, groups_of_rows
from t2c.flows.rows.features_of_rows import features_of
from t2c.flows.rows.labels import codes_of, labels_outside
from t2c.schemas.errors import InputError, MismatchError, SpecError, UnknownName
from t2c.schemas.spaces import Space
from t2c.schemas.specs.base import parse_encoder
from t2c.store.artifacts.images import open_images
from tests.planted.features import SOURCE, TARGET, Planted

CLASSES = ("blue", "in a tree", "red")


@pytest.fixture
def photos(planted: Planted) -> Planted:
    """300 labelled images in three clusters along the classes' vectors in the target space."""
    labels = [CLASSES[row % 3] for row in range(300)]
    planted.images("photos", 300, label=labels)
    rng = np.random.default_rng(0)
    near = np.stack([planted.vector(label) for label in labels])
    planted.features("photos", TARGET, 3 * near + 0.1 * rng.normal(size=near.shape))
    planted.bank()
    return planted


def parts(planted: Planted, which: str = TARGET.name):
    images = open_images(planted.store, "photos")
    return images, features_of(images, which)


@pytest.mark.parametrize("text", ["probe", "probe-sgd", "zeroshot:everyday"])
def test_planted_classes_are_told_apart(photos: Planted, text: str) -> None:
    images, features = parts(photos)
    head = open_head(images, parse_head(text), features=features)
    assert (head.classes, head.kind) == (CLASSES, text.partition(":")[0].removesuffix("-sgd"))
    codes = np.arange(300) % 3
    assert (head.predict(features.read(0, 300)) == codes).mean() > 0.98


@pytest.mark.parametrize("text", ["probe", "probe-sgd"])
def test_a_probe_never_sees_the_rows_held_out(photos: Planted, text: str) -> None:
    images, features = parts(photos)
    groups = groups_of_rows(images, features, features, options=AlignOptions())
    wrong = [label if group < 5 else "in a tree" for label, group in zip(truth(), groups, strict=True)]
    honest = open_head(images, parse_head(text), features=features, groups=groups)
    fooled = open_head(images, parse_head(text), features=features, groups=groups, truth=wrong)
    np.testing.assert_array_equal(honest.weight, fooled.weight)


def test_constant_columns_have_no_weight_in_an_sgd_probe(photos: Planted) -> None:
    space = Space("encoder", "timm:flat", 4, "flat-weights")
    values = np.stack([photos.vector(label) for label in truth()])
    values[:, 3] = 7
    photos.features("photos", space, values)
    images, features = parts(photos, space.name)
    head = open_head(images, parse_head("probe-sgd"), features=features)
    assert not head.weight[:, 3].any()
    assert (head.predict(features.read(0, 300)) == np.arange(300) % 3).all()


def test_no_labelled_row_to_fit_is_refused(photos: Planted) -> None:
    images, features = parts(photos)
    nothing = np.full(300, -1, np.int8)
    for text in ("probe", "probe-sgd"):
        with pytest.raises(
            InputError,
            match=r"probe on .* of photos: expected labelled images, but got none among the rows to fit. Hold out less",
        ):
            open_head(images, parse_head(text), features=features, groups=nothing)


def truth() -> list[str]:
    return [CLASSES[row % 3] for row in range(300)]


def test_codes_of_labels_that_are_no_class_are_unlabelled() -> None:
    np.testing.assert_array_equal(codes_of(("a", "b"), ["b", None, "c", "a"]), [1, -1, -1, 0])


@pytest.mark.parametrize("text", ["svm", "probe:", "classifier:mine", ""])
def test_a_head_of_no_kind_is_refused(text: str) -> None:
    with pytest.raises(
        SpecError, match=r"head: expected classifier, probe\[:ATTRIBUTE\], probe-sgd\[:ATTRIBUTE\], zer"
    ):
        parse_head(text)


def test_names_round_trip() -> None:
    for text in ("classifier", "probe:label", "probe:colour", "probe-sgd:label", "zeroshot", "zeroshot:everyday"):
        assert parse_head(text).text == text


def test_what_is_not_there_is_named(photos: Planted) -> None:
    images, features = parts(photos)
    with pytest.raises(UnknownName, match="attribute of photos"):
        open_head(images, parse_head("probe:colour"), features=features)
    with pytest.raises(UnknownName, match="concept in bank everyday"):
        open_head(images, parse_head("zeroshot:everyday", classes=["red", "green"]), features=features)
    with pytest.raises(InputError, match=r"label of photos: expected some labelled images, but got none"):
        open_head(images, parse_head("probe"), features=features, truth=[None] * 300)


@pytest.mark.parametrize("text", ["probe", "probe-sgd"])
def test_a_class_that_no_image_has_is_no_class_of_a_probe(photos: Planted, text: str) -> None:
    images, features = parts(photos)
    match = r"class of a probe on label of photos: expected one of 'blue', 'in a tree', 'red', but got 'rad'. Did you mean 'red'\?"
    with pytest.raises(UnknownName, match=match):
        open_head(images, parse_head(text, classes=["blue", "rad"]), features=features)
    with pytest.raises(
        UnknownName, match=r"but got 'zebra'. No image is 'lion' either. Name classes as .* --classes to"
    ):
        open_head(images, parse_head(text, classes=["zebra", "lion"]), features=features)
    assert open_head(images, parse_head(text, classes=["red", "blue"]), features=features).classes == ("red", "blue")


def test_labels_outside_the_classes_are_counted() -> None:
    assert labels_outside(("a", "b"), ["a", "c", None, "d", "d"]) == "'d' (2), 'c' (1)"
    assert labels_outside((), list("cddeee"), most=2) == "'e' (3), 'd' (2), ..."
    assert labels_outside(("a",), ["a", None]) == ""


def test_imported_features_have_no_classifier(photos: Planted) -> None:
    space = Space("imported", "vectors", 3, "declared")
    photos.features("photos", space, photos.x(300)[:, :3])
    images, features = parts(photos, "vectors")
    with pytest.raises(SpecError, match=r"classifier of vectors: expected an encoder .*\(--head probe\)"):
        open_head(images, HeadSpec("classifier"), features=features)


def timm_features(planted: Planted, file: Path, classes: int):
    """Return images and features named after a small timm model whose weights are in a file."""
    torch.manual_seed(0)
    save_file(timm.create_model("test_vit", num_classes=classes).state_dict(), file)
    encoder = load_encoder(parse_encoder(f"timm:test_vit@{file}"), device="cpu")
    planted.features("photos", encoder.space, np.random.default_rng(1).normal(size=(300, encoder.space.dimension)))
    images, features = parts(planted, encoder.space.id)
    return images, features, encoder


def test_a_timm_models_own_head_knows_imagenet_and_its_ids(photos: Planted, tmp_path: Path) -> None:
    images, features, encoder = timm_features(photos, tmp_path / "vit.safetensors", 1000)
    head = open_head(images, HeadSpec("classifier"), features=features, device="cpu")
    np.testing.assert_array_equal(head.weight, encoder.head().weight)
    assert (head.classes[0], head.classes[134]) == ("tench, Tinca tinca", "crane (class 134)")
    by_id = open_head(
        images, HeadSpec("classifier"), features=features, device="cpu", truth=["n01440764"] + [None] * 299
    )
    assert (by_id.classes[0], len(set(by_id.classes))) == ("n01440764", 1000)


def test_classes_of_another_order_or_number_are_refused(photos: Planted, tmp_path: Path) -> None:
    images, features, _ = timm_features(photos, tmp_path / "vit.safetensors", 3)
    with pytest.raises(SpecError, match=r"expected names of its 3 classes, which the model does not say, but got none"):
        open_head(images, HeadSpec("classifier"), features=features, device="cpu")
    named = parse_head("classifier", classes=CLASSES)
    assert open_head(images, named, features=features, device="cpu").classes == CLASSES
    with pytest.raises(MismatchError, match=r"expected 3 names, but got 2"):
        open_head(images, parse_head("classifier", classes=CLASSES[:2]), features=features, device="cpu")
    images, features, _ = timm_features(photos, tmp_path / "thousand.safetensors", 1000)
    with pytest.raises(
        MismatchError, match=r"classes of --classes: expected the 1000 classes of classifier of timm:test"
    ):
        open_head(images, named, features=features, device="cpu")


def test_other_weights_than_the_features_are_refused(photos: Planted, tmp_path: Path) -> None:
    images, features, _ = timm_features(photos, tmp_path / "vit.safetensors", 3)
    torch.manual_seed(1)
    save_file(timm.create_model("test_vit", num_classes=3).state_dict(), tmp_path / "vit.safetensors")
    with pytest.raises(MismatchError, match=r"encoder timm:test_vit@.*: expected .* space \w+\), but got"):
        open_head(images, HeadSpec("classifier"), features=features, device="cpu")


def test_source_features_are_read_by_their_own_probe(photos: Planted) -> None:
    photos.features("photos", SOURCE, photos.x(300))
    images, features = parts(photos, SOURCE.name)
    assert open_head(images, parse_head("probe"), features=features).dimension == SOURCE.dimension
