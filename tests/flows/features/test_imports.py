"""Imports: joined on image id, in a space of their own unless one is declared, and never silently changed."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2c.flows.data.index import index
from t2c.flows.features.imports import ImportReport, import_concepts, import_features, imported_space
from t2c.flows.rows.row_ids import row_index
from t2c.schemas.errors import InputError, MismatchError, SpecError
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.artifacts.features import list_features, open_features
from t2c.store.artifacts.images import open_images
from t2c.store.disk.root import Store
from tests.assets import assets
from tests.flows.data.test_index import picture

HOSTILE = [
    "../../etc/p",
    "x'); DROP TABLE c;--",
    "NUL\0",
    "<img src=x onerror=1>",
    "🐕",
    "\u202eשלום",
    "é" * 2500,
    "=cmd()",
    "{0.__class__}",
    "a\nb",
]


def vectors(count: int, seed: int = 0, dimension: int = 5) -> Any:
    return np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)


def files(tmp_path: Path, array: Any, ids: list[str], name: str = "v") -> tuple[Path, Path]:
    np.save(tmp_path / f"{name}.npy", array)
    (tmp_path / f"{name}.json").write_text(json.dumps(ids))
    return tmp_path / f"{name}.npy", tmp_path / f"{name}.json"


def bring(store: Store, tmp_path: Path, array: Any, ids: list[str], **options: Any) -> ImportReport:
    path, names = files(tmp_path, array, ids)
    return import_features(store, "photos", path, ids=names, **{"encoder": "my-model", **options})


def photos(tmp_path: Path, count: int) -> Path:
    root = tmp_path / "photos"
    root.mkdir(exist_ok=True)
    for i in range(count):
        (root / f"{i}.png").write_bytes(picture((i, 0, 0)))
    return root


def test_import_makes_the_dataset_from_hostile_ids(store: Store, tmp_path: Path) -> None:
    array = vectors(len(HOSTILE))
    report = bring(store, tmp_path, array, HOSTILE)
    assert (report.vectors, report.matched, report.added, report.skipped, report.without) == (
        len(HOSTILE),
        0,
        len(HOSTILE),
        0,
        0,
    )
    table = open_images(store, "photos").table()
    assert table["image_id"].to_pylist() == HOSTILE
    assert table["content_hash"][0].as_py() == hashlib.sha256(b"id:photos/../../etc/p").hexdigest()
    assert set(table["outcome"].to_pylist()) == {"ok"}
    features = open_features(store, "photos", "my-model")
    np.testing.assert_array_equal(features.read(0, features.rows), array)
    assert report.path == store.files.local_path(features.manifest.artifact)
    assert features.manifest.parents[0].name == "photos"


def test_import_joins_a_dataset_in_any_order_and_leaves_the_rest_nan(store: Store, tmp_path: Path) -> None:
    index(store, photos(tmp_path, 4), "photos")
    array = vectors(3).astype(np.float16)
    report = bring(store, tmp_path, array, ["3.png", "0.png", "1.png"])
    assert (report.matched, report.added, report.without, report.images_snapshot) == (3, 0, 1, 1)
    features = open_features(store, "photos", "my-model")
    assert features.dtype == np.float16
    np.testing.assert_array_equal(features.present(0, 4), [True, True, False, True])
    np.testing.assert_array_equal(features.take([3, 0, 1]), array)


def test_ids_may_be_the_paths_of_the_files(store: Store, tmp_path: Path) -> None:
    root = photos(tmp_path, 2)
    index(store, root, "photos")
    bring(store, tmp_path, vectors(2), [str(root / "1.png"), "0.png"])
    np.testing.assert_array_equal(open_features(store, "photos", "my-model").take([1, 0]), vectors(2))
    with pytest.raises(
        InputError, match=r"ids for row 0 of photos: expected one vector an image, but got '0.png' and '/"
    ):
        bring(store, tmp_path, vectors(2), ["0.png", str(root / "0.png")])


def test_importing_again_commits_nothing(store: Store, tmp_path: Path) -> None:
    first = bring(store, tmp_path, vectors(3), ["a", "b", "c"])
    again = bring(store, tmp_path, vectors(3), ["a", "b", "c"])
    assert (again.snapshot, again.images_snapshot, again.space) == (first.snapshot, first.images_snapshot, first.space)
    assert (again.matched, again.added) == (3, 0)


def test_more_vectors_follow_in_a_declared_space(store: Store, tmp_path: Path) -> None:
    bring(store, tmp_path, vectors(3), ["a", "b", "c"], space="my-space")
    report = bring(store, tmp_path, vectors(2, seed=1), ["d", "e"], space="my-space", unknown="add")
    assert (report.added, report.snapshot) == (2, 2)
    features = open_features(store, "photos", "my-model")
    np.testing.assert_array_equal(features.read(0, 5), np.concatenate([vectors(3), vectors(2, seed=1)]))


def test_labels_and_times_come_from_the_id_file(store: Store, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", vectors(2))
    (tmp_path / "i.csv").write_text("image_id,label,split,captured_at,uri\na,dog,test,2026-01-02,/p/a.jpg\nb,,,,\n")
    import_features(store, "photos", tmp_path / "v.npy", ids=tmp_path / "i.csv", encoder="m")
    first, second = open_images(store, "photos").table().to_pylist()
    assert (first["label"], first["split"], first["uri"], first["captured_at"].year) == (
        "dog",
        "test",
        "/p/a.jpg",
        2026,
    )
    assert (second["label"], second["split"], second["uri"], second["captured_at"]) == (None, None, "", None)


def test_unknown_ids_are_named_skipped_or_added(store: Store, tmp_path: Path) -> None:
    index(store, photos(tmp_path, 2), "photos")
    message = r"ids for photos: expected image ids of the dataset, but got 1 of 2 that it lacks: 'nope'. Ids are paths"
    with pytest.raises(InputError, match=message):
        bring(store, tmp_path, vectors(2), ["0.png", "nope"])
    report = bring(store, tmp_path, vectors(2), ["0.png", "nope"], unknown="skip")
    assert (report.matched, report.skipped, report.without) == (1, 1, 1)
    report = bring(store, tmp_path, vectors(2, seed=1), ["0.png", "nope"], unknown="add", encoder="other")
    assert (report.matched, report.added, report.images_snapshot) == (1, 1, 2)
    with pytest.raises(InputError, match=r"but got 2 of 2 that it lacks: 'x', 'y'"):
        bring(store, tmp_path, vectors(2, seed=2), ["x", "y"], unknown="skip", encoder="third")
    with pytest.raises(SpecError, match="unknown ids: expected refuse, skip or add, but got 'guess'"):
        bring(store, tmp_path, vectors(2, seed=2), ["x", "y"], unknown="guess", encoder="third")


def test_nan_is_refused_by_row_before_anything_is_written(store: Store, tmp_path: Path) -> None:
    array = vectors(3)
    array[1, 2] = np.nan
    with pytest.raises(InputError, match=r"row 1 of .*v.npy \('b'\): expected finite numbers, but got NaN or infinity"):
        bring(store, tmp_path, array, ["a", "b", "c"])
    assert not store.files.walk("datasets")
    assert not store.files.walk("features")


def test_rows_never_change(store: Store, tmp_path: Path) -> None:
    index(store, photos(tmp_path, 3), "photos")
    bring(store, tmp_path, vectors(2), ["0.png", "1.png"], space="s")
    with pytest.raises(
        MismatchError, match=r"my-model features of photos, '1.png': expected the vector it has, but got another one"
    ):
        bring(store, tmp_path, vectors(1, seed=9), ["1.png"], space="s")
    with pytest.raises(
        MismatchError, match=r"'2.png': expected no vector, as committed, but got one. Rows never change"
    ):
        bring(store, tmp_path, vectors(1, seed=9), ["2.png"], space="s")
    assert open_features(store, "photos", "my-model").snapshot == 1


def test_one_name_in_two_spaces_is_refused(store: Store, tmp_path: Path) -> None:
    bring(store, tmp_path, vectors(2), ["a", "b"])
    with pytest.raises(
        MismatchError, match=r"space of my-model features of photos: expected my-model \(5 dimensions, space"
    ):
        bring(store, tmp_path, vectors(2, seed=1), ["a", "b"])
    with pytest.raises(MismatchError, match=r"but got s \(7 dimensions"):
        bring(store, tmp_path, vectors(2, dimension=7), ["a", "b"], space="s")
    assert len(list_features(store, "photos")) == 1


def test_own_identity_is_the_bytes_and_a_declared_one_is_shared() -> None:
    own = [imported_space("m", 4, space=None, digest=digest) for digest in ("a", "b")]
    assert len({space.id for space in own}) == 2
    declared = [imported_space(name, 4, space="clip", digest=name) for name in ("m", "n")]
    assert declared[0].id == declared[1].id
    assert imported_space("m", 5, space="clip", digest="a").id != declared[0].id
    assert imported_space("clip", 4, space=None, digest="clip").id != declared[0].id
    with pytest.raises(SpecError, match="space: expected a name, but got ' '"):
        imported_space("m", 4, space=" ", digest="a")


def test_names_are_checked(store: Store, tmp_path: Path) -> None:
    path, ids = files(tmp_path, vectors(1), ["a"])
    with pytest.raises(SpecError, match="encoder name: expected some text, but got ''"):
        import_features(store, "photos", path, ids=ids, encoder="")
    with pytest.raises(SpecError, match="dataset name"):
        import_features(store, "../up", path, ids=ids, encoder="m")
    with pytest.raises(SpecError, match="concept bank"):
        import_concepts(store, "../up", path, names=ids)


def test_concepts_are_normalised_and_share_a_declared_space(store: Store, tmp_path: Path) -> None:
    features = bring(store, tmp_path, vectors(2), ["a", "b"], space="s")
    path, names = files(tmp_path, 3 * vectors(3, seed=4), ["dog", HOSTILE[1], "{}"], "c")
    report = import_concepts(store, "words", path, names=names, space="s")
    assert (report.concepts, report.added, report.notes) == (3, 3, ())
    assert report.space.id == features.space.id
    bank = open_concepts(store, "words")
    assert bank.names() == ["dog", HOSTILE[1], "{}"]
    assert bank.space == report.space
    want = vectors(3, seed=4) / np.linalg.norm(vectors(3, seed=4), axis=1, keepdims=True)
    np.testing.assert_allclose(bank.vectors(), want, atol=1e-6)
    assert set(bank.table()["averaging"].to_pylist()) == {"imported"}
    again = import_concepts(store, "words", path, names=names, space="s")
    assert (again.added, again.snapshot) == (0, report.snapshot)


def test_concepts_without_a_space_say_so(store: Store, tmp_path: Path) -> None:
    path, names = files(tmp_path, vectors(1), ["dog"], "c")
    assert "in a space of its own" in import_concepts(store, "words", path, names=names).notes[0]


@pytest.mark.parametrize(
    ("array", "names", "message"),
    [
        (np.zeros((1, 3)), ["dog"], "vector of concept 'dog': expected a direction, but got zeros only"),
        (np.ones((2, 3)), ["dog", "dog"], "expected each once, but got 'dog' in rows 0 and 1"),
        (np.full((1, 3), np.nan), ["dog"], "row 0 of .*: expected finite numbers"),
        (np.ones((2, 3)), ["dog"], "expected 2 ids, one a vector, but got 1"),
    ],
)
def test_bad_concept_files_are_refused(
    store: Store, tmp_path: Path, array: Any, names: list[str], message: str
) -> None:
    path, listed = files(tmp_path, array, names, "c")
    with pytest.raises(InputError, match=message):
        import_concepts(store, "words", path, names=listed)


@pytest.mark.assets
def test_real_clip_features_meet_real_text_vectors(store: Store, tmp_path: Path) -> None:
    vectors = assets("clip-vit-b32")
    labels = np.load(vectors / "caltech101-labels.npy")
    lines = ["image_id,label", *(f"{row:05d}.jpg,{label}" for row, label in enumerate(labels))]
    (tmp_path / "ids.csv").write_text("\n".join(lines) + "\n")
    report = import_features(
        store,
        "caltech",
        vectors / "caltech101-features.npy",
        ids=tmp_path / "ids.csv",
        encoder="clip",
        space="ViT-B/32",
    )
    assert (report.added, report.without, report.notes) == (1649, 0, ())
    words = import_concepts(
        store, "lvis", vectors / "lvis-text.npy", names=vectors / "lvis-names.json", space="ViT-B/32"
    )
    assert (words.concepts, words.space.id) == (1203, report.space.id)
    images = open_features(store, "caltech", "clip").read(0, 1649).astype(np.float32)
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    best = (images @ open_concepts(store, "lvis").vectors().T).argmax(axis=1)
    names = np.array(open_concepts(store, "lvis").names())
    majority = [np.bincount(best[labels == label]).max() / (labels == label).sum() for label in np.unique(labels)]
    assert np.mean(majority) > 0.5, "images of one class should agree on a word"
    assert "airplane" in names[best]
    assert len(row_index(open_images(store, "caltech"))) == 1649


def test_another_encoder_name_in_a_declared_space_keeps_the_one_array(store: Store, tmp_path: Path) -> None:
    array = vectors(3)
    index(store, photos(tmp_path, 3), "photos")
    for encoder in ("my-model", "a-second-name"):
        bring(store, tmp_path, array, ["0.png", "1.png", "2.png"], space="mine", encoder=encoder)
    (found,) = list_features(store, "photos")
    np.testing.assert_array_equal(found.read(0, 3), array)


def test_imported_features_are_asked_by_encoder_or_by_space(store: Store, tmp_path: Path) -> None:
    from t2c.flows.scores.ask import summary
    from t2c.flows.scores.score import score

    np.save(tmp_path / "v.npy", np.eye(3, 4, dtype=np.float32))
    (tmp_path / "ids.txt").write_text("a\nb\nc\n")
    import_features(store, "photos", tmp_path / "v.npy", ids=tmp_path / "ids.txt", encoder="mine", space="shared")
    import_concepts(store, "words", tmp_path / "v.npy", names=tmp_path / "ids.txt", space="shared")
    score(store, "photos", source="mine", bank="words")
    by_encoder, by_space = (summary(store, "photos", source=name) for name in ("mine", "shared"))
    assert by_encoder.concepts.equals(by_space.concepts)
