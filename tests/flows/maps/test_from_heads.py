"""A data-free map needs two heads: no row, no feature of either side; the heads' classes meet by any of their names."""

from pathlib import Path

import numpy as np
import pytest

from t2c.core.encoders.load import load_encoder
from t2c.core.statistics.unit_rows import unit
from t2c.flows.concepts.from_head import from_head
from t2c.flows.features.imports import import_concepts
from t2c.flows.maps.align import AlignReport, align
from t2c.flows.maps.encoder_heads import head_classes
from t2c.flows.scores.score import score
from t2c.schemas.errors import MismatchError, UnknownName
from t2c.schemas.specs.align import MethodSpec
from t2c.schemas.specs.base import parse_encoder
from t2c.store.artifacts.linear_maps import open_map
from t2c.store.artifacts.similarities import resolve_scores
from t2c.store.disk.root import Store
from tests.planted.features import Planted
from tests.planted.heads import tiny_model

TEXTS = "text-space"


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A small model with a head of ImageNet's 1,000 classes."""
    return tiny_model(tmp_path / "model.safetensors", classes=1000)


@pytest.fixture
def heads(planted: Planted, model: str, tmp_path: Path) -> Planted:
    """Photos that nothing has read, and a bank of class vectors, a known map of the head's weights, in another order."""
    planted.images("photos", 40)
    rows = load_encoder(parse_encoder(model), device="cpu").head().weight.astype(np.float64)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(rows.shape[1], rows.shape[1])))[0]
    # one coordinate more brings all to one length, so that unit vectors lose nothing
    squares = (rows**2).sum(axis=1)
    longer = np.column_stack([rows @ rotation, np.sqrt(1.1 * squares.max() - squares)])
    bank(planted.store, tmp_path, unit(longer), head_classes(model)["name"].to_pylist())
    return planted


def bank(store: Store, folder: Path, vectors: np.ndarray, names: list[str], *, name: str = "texts") -> None:
    order = np.random.default_rng(1).permutation(len(names))
    np.save(folder / f"{name}.npy", vectors[order].astype(np.float32))
    (folder / f"{name}.txt").write_text("".join(f"{names[place]}\n" for place in order))
    import_concepts(store, name, folder / f"{name}.npy", names=folder / f"{name}.txt", space=TEXTS)


def fit(store: Store, model: str, *, target: str = TEXTS, **options: object) -> AlignReport:
    method = MethodSpec(**{"method": "data-free", "head": "zeroshot:texts", **options})
    return align(store, "photos", source=model, target=target, method=method, device="cpu")


def test_two_heads_are_all_that_is_read(heads: Planted, model: str) -> None:
    report = fit(heads.store, model)
    certificate = report.certificate
    assert (report.new, report.dataset, certificate.dataset, certificate.fitted, certificate.folds) == (
        True,
        "",
        "",
        0,
        0,
    )
    assert (certificate.target.name, certificate.held_out) == (TEXTS, None)
    assert certificate.needed == ("a head of the source space", "a head of the target space")
    assert certificate.settings == (("source_head", "classifier"), ("head", "zeroshot:texts"))
    assert any(note.startswith("no row was read") for note in certificate.notes)
    assert [parent.name for parent in open_map(heads.store, report.digest).manifest.parents] == ["texts"]
    again = fit(heads.store, model, target="texts")
    assert (again.new, again.digest) == (False, report.digest), "the bank's name is its space as well"


def test_photos_are_put_into_the_words_of_the_bank(heads: Planted, model: str) -> None:
    encoder = load_encoder(parse_encoder(model), device="cpu")
    head = encoder.head()
    x = 10 * np.random.default_rng(2).normal(size=(40, encoder.space.dimension))
    heads.features("photos", encoder.space, x)
    digest = fit(heads.store, model).digest
    score(heads.store, "photos", source=encoder.space.id, bank="texts", linear_map=digest)
    scores = resolve_scores(heads.store, "photos", bank="texts")
    similarity = np.stack([scores.column(key).similarity for key in range(1000)], axis=1)
    names = head_classes(model)["name"].to_pylist()
    said = [scores.names()[key] for key in similarity.argmax(axis=1)]
    assert said == [names[place] for place in (x @ head.weight.T + head.bias).argmax(axis=1)]
    assert set(scores.column(0).fold.tolist()) == {-1}, "no row was fitted: all are scored by the full map"


def test_ridge_is_part_of_what_a_map_is(heads: Planted, model: str) -> None:
    plain, held = fit(heads.store, model), fit(heads.store, model, ridge=0.1)
    assert plain.digest != held.digest
    assert (plain.certificate.ridge, held.certificate.ridge) == (0, 0.1)
    norms = [np.linalg.norm(open_map(heads.store, report.digest).arrays().weight) for report in (plain, held)]
    assert norms[1] < norms[0]


def test_classes_meet_by_synset_too(heads: Planted, model: str, tmp_path: Path) -> None:
    first = fit(heads.store, model)
    vectors = np.load(tmp_path / "texts.npy")
    names = (tmp_path / "texts.txt").read_text().splitlines()
    synsets = dict(zip(*(head_classes(model)[column].to_pylist() for column in ("name", "synset")), strict=True))
    bank(heads.store, tmp_path, vectors, [synsets[name] for name in names], name="by-id")
    second = fit(heads.store, model, head="zeroshot:by-id")
    weights = [open_map(heads.store, report.digest).arrays().weight for report in (first, second)]
    np.testing.assert_array_equal(*weights)


def test_a_bank_of_a_head_may_be_the_source_head(heads: Planted, model: str) -> None:
    from_head(heads.store, "own", encoder=model)
    report = fit(heads.store, model, source_head="zeroshot:own")
    assert report.certificate.settings[0] == ("source_head", "zeroshot:own")
    parents = [parent.name for parent in open_map(heads.store, report.digest).manifest.parents]
    assert parents == ["own", "texts"]


def test_what_does_not_meet_is_named(heads: Planted, model: str, tmp_path: Path) -> None:
    store = heads.store
    vectors, names = np.load(tmp_path / "texts.npy"), (tmp_path / "texts.txt").read_text().splitlines()
    bank(store, tmp_path, vectors[:998], names[:998], name="fewer")
    with pytest.raises(
        MismatchError, match=r"concept bank fewer: expected the 1,000 classes of timm.*but got 998 of them, w"
    ):
        fit(store, model, head="zeroshot:fewer")
    with pytest.raises(
        UnknownName, match=r"--target: expected a space that is known, but got 'nowhere'. Name an encoder"
    ):
        fit(store, model, target="nowhere")
    with pytest.raises(MismatchError, match=r"--target: expected another space than timm:test_vit"):
        fit(store, model, target=model, head="classifier")
    with pytest.raises(UnknownName, match=r"concept bank: expected one of 'fewer', 'texts', but got 'text'"):
        fit(store, model, head="zeroshot:text")
    with pytest.raises(UnknownName, match=r"features of photos.*Extract them"):
        fit(store, model, source_head="probe")


def test_where_both_sides_have_rows_they_judge_the_map(heads: Planted, model: str) -> None:
    encoder = load_encoder(parse_encoder(model), device="cpu")
    x = np.random.default_rng(2).normal(size=(40, encoder.space.dimension))
    target = fit(heads.store, model).certificate.target
    heads.features("photos", encoder.space, x)
    heads.features("photos", target, np.column_stack([x, x[:, 0]]))
    report = fit(heads.store, model)
    assert report.certificate.held_out is not None
    assert report.certificate.held_out.n == 40
