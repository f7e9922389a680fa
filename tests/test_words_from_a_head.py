"""Real photographs in words without a CLIP: by the classes of Lite0's head, and by real CLIP texts through two heads alone."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.head_background import ENCODER, PHOTOS, moments
from t2c.core.concepts.head_bank import weights_on_classes
from t2c.core.statistics.unit_rows import unit
from t2c.flows.concepts.from_head import BACKGROUNDS, from_head
from t2c.flows.concepts.head_groups import imagenet_groups
from t2c.flows.data.index import index
from t2c.flows.features.extract import extract
from t2c.flows.features.imports import import_concepts
from t2c.flows.maps.align import align
from t2c.flows.maps.encoder_heads import head_classes
from t2c.flows.scores.score import score
from t2c.schemas.specs.align import MethodSpec
from t2c.schemas.specs.base import parse_encoder
from t2c.store.artifacts.bank_background import read_background
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.artifacts.features import open_features
from t2c.store.artifacts.images import open_images
from t2c.store.artifacts.similarities import resolve_scores
from t2c.store.disk.root import Store
from tests.assets import assets
from tests.planted.heads import LITE0, STYLES, pacs_by_words_of_a_head

pytestmark = pytest.mark.assets


def read(store: Store, folder: Path, *, every: int) -> np.ndarray:
    """Make the dataset `photos` of one photograph of each `every`-th class, read by Lite0; return its classes."""
    files = sorted(assets(PHOTOS).glob("*.jpg"))[::every]
    folder.mkdir()
    for file in files:
        shutil.copyfile(file, folder / file.name)
    index(store, str(folder), "photos")
    extract(store, "photos", [parse_encoder(LITE0)])
    ids = open_images(store, "photos").table(["image_id"])["image_id"].to_pylist()
    return np.array([int(name[:4]) for name in ids])


def similarities(store: Store, bank: str) -> np.ndarray:
    """Return the stored similarities of `photos` to a bank, (images, concepts)."""
    scores = resolve_scores(store, "photos", bank=bank)
    return np.stack([scores.column(key).similarity for key in range(open_concepts(store, bank).count)], axis=1)


def standardised(store: Store, bank: str, dataset: str) -> np.ndarray:
    """Return z of every image and concept against the bank's own background, (images, concepts)."""
    concepts = open_concepts(store, bank)
    background, classes = read_background(concepts), np.flatnonzero(concepts.singles())
    assert background is not None
    vectors = concepts.vectors().astype(np.float64)
    features = open_features(store, dataset, LITE0)
    centred = unit(features.read(0, features.rows).astype(np.float64)) @ (vectors - vectors[classes].mean(axis=0)).T
    weights = weights_on_classes(concepts.vectors(), classes, concepts.groups())
    variance = np.einsum("kc,kc->k", weights @ background.covariance, weights)
    return (centred - weights @ background.mean) / np.sqrt(variance)


def test_classes_of_the_head_name_photographs_and_groups_find_them(store: Store, tmp_path: Path) -> None:
    truth = read(store, tmp_path / "photos", every=5)
    from_head(store, "words", encoder=LITE0)
    score(store, "photos", source=LITE0, bank="words")
    cosine = similarities(store, "words")
    z = standardised(store, "words", "photos")
    assert (cosine[:, :1000].argmax(axis=1) == truth).mean() > 0.8, "84.4 % of all 1,000"
    assert (z[:, :1000].argmax(axis=1) == truth).mean() > 0.82, "87.2 % of all 1,000; the head's own logits have 85.3 %"
    names = open_concepts(store, "words").names()
    for word, least in {"dog": 0.7, "bird": 0.97, "vehicle": 0.92, "food": 0.95, "cat": 0.99, "insect": 0.95}.items():
        members = np.isin(truth, imagenet_groups()[word])
        assert area(z[:, names.index(word)], members) > least, f"{word}; of all 1,000 and all words 0.98, dog 0.80"


def test_two_heads_alone_put_photographs_into_words_of_a_real_clip(store: Store, tmp_path: Path) -> None:
    vectors = assets("clip-vit-b16-text") / "imagenet-a-photo-of-a.npy"
    truth = read(store, tmp_path / "photos", every=5)
    names = tmp_path / "classes.txt"
    names.write_text("".join(f"{name}\n" for name in head_classes(LITE0)["name"].to_pylist()))
    import_concepts(store, "clip", vectors, names=names, space="ViT-B-16")
    method = MethodSpec(method="data-free", head="zeroshot:clip")
    report = align(store, "photos", source=LITE0, target="ViT-B-16", method=method)
    assert report.certificate.needed == ("a head of the source space", "a head of the target space")
    score(store, "photos", source=LITE0, bank="clip")
    said = similarities(store, "clip").argmax(axis=1)
    assert (said == truth).mean() > 0.68, "74.8 % of all 1,000, of the head's own 85.3 %"


@pytest.mark.slow
def test_a_ridge_carries_words_that_are_no_class(store: Store, tmp_path: Path) -> None:
    texts = assets("clip-vit-b16-text")
    truth = read(store, tmp_path / "photos", every=1)
    names = tmp_path / "classes.txt"
    names.write_text("".join(f"{name}\n" for name in head_classes(LITE0)["name"].to_pylist()))
    import_concepts(store, "clip", texts / "imagenet-a-photo-of-a.npy", names=names, space="ViT-B-16")
    words = (texts / "broden-words.txt").read_text().splitlines()
    groups = {word: members for word, members in imagenet_groups().items() if word in words}
    np.save(tmp_path / "words.npy", np.load(texts / "broden-words.npy")[[words.index(word) for word in groups]])
    (tmp_path / "words.txt").write_text("".join(f"{word}\n" for word in groups))
    import_concepts(store, "broden", tmp_path / "words.npy", names=tmp_path / "words.txt", space="ViT-B-16")
    areas = {}
    for ridge in (None, 0.1):
        method = MethodSpec(method="data-free", head="zeroshot:clip", ridge=ridge)
        digest = align(store, "photos", source=LITE0, target="ViT-B-16", method=method).digest
        score(store, "photos", source=LITE0, bank="broden", linear_map=digest)
        scores = resolve_scores(store, "photos", bank="broden", linear_map=digest[:12])
        columns = [scores.column(key).similarity for key in range(len(groups))]
        areas[ridge] = np.mean([area(*pair) for pair in zip(columns, inside(truth, groups), strict=True)])
    assert areas[None] < 0.7, "0.63: directions that the texts hardly see are noise"
    assert areas[0.1] > 0.85, "0.88"


def inside(truth: np.ndarray, groups: dict[str, tuple[int, ...]]) -> list[np.ndarray]:
    return [np.isin(truth, members) for members in groups.values()]


def area(similarity: np.ndarray, positive: np.ndarray) -> float:
    """Return the area under the curve, by its definition."""
    above = similarity[positive][:, None] > similarity[~positive][None, :]
    return float(above.mean())


@pytest.mark.slow
def test_photographs_that_become_sketches_lose_their_words(store: Store) -> None:
    pacs_by_words_of_a_head(store)
    names = open_concepts(store, "words").names()
    counts = [
        np.bincount(standardised(store, "words", style)[:, :1000].argmax(axis=1), minlength=1000) for style in STYLES
    ]
    change = np.argsort(counts[1] - counts[0])
    assert {names[place] for place in change[:3]} == {"electric guitar", "tusker", "sorrel"}
    assert {"nematode", "hook", "envelope"} <= {names[place] for place in change[-5:]}


@pytest.mark.slow
def test_the_packaged_background_is_what_the_photographs_give(store: Store) -> None:
    index(store, str(assets(PHOTOS)), "photos")
    extract(store, "photos", [parse_encoder(ENCODER)])
    made = moments(store)
    with np.load(BACKGROUNDS[0], allow_pickle=False) as packaged:
        assert str(packaged["provenance"]) == str(made["provenance"])
        assert int(packaged["n"]) == int(made["n"]) == 1000
        for name, scale in (("mean", 1e-3), ("upper", 1e-5), ("cosine", 1e-3)):
            np.testing.assert_allclose(made[name], packaged[name], atol=scale)
