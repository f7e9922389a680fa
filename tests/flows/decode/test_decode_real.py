"""Words for real CLIP vectors among a thousand real words: pets are cats, chequers are checkerboards, hubs win no more."""

import json
from pathlib import Path

import numpy as np
import pytest

import t2c.core.words.vocabulary as module
from t2c.core.words.sparse_code import SparseDecoder
from t2c.core.words.vocabulary import Vocabulary, VocabularyDecoder, chance_cosine, nearest_words
from t2c.flows.decode.decode import DecodeReport, decode
from t2c.flows.decode.decoders import DecoderSpec
from t2c.flows.features.imports import import_concepts, import_features
from t2c.store.disk.root import Store
from tests.assets import ASSETS

CLIP_B32, TEXT_B16 = ASSETS / "clip-vit-b32", ASSETS / "clip-vit-b16-text"
CATS = (0, 5, 6, 7, 9, 11, 20, 23, 26, 27, 32, 33)
"""Classes of Oxford pets that are cats."""
CHEQUERED = 5
"""Class of DTD."""

pytestmark = [
    pytest.mark.assets,
    pytest.mark.skipif(not ASSETS.is_dir(), reason="needs the folder of real photographs and CLIP vectors"),
]


@pytest.fixture(scope="module")
def lvis() -> Vocabulary:
    """1,203 real nouns in ViT-B/32's text space."""
    return Vocabulary.of(json.loads((CLIP_B32 / "lvis-names.json").read_text()), np.load(CLIP_B32 / "lvis-text.npy"))


@pytest.fixture(scope="module")
def broden() -> Vocabulary:
    """Broden's words in ViT-B/16's text space."""
    words = (TEXT_B16 / "broden-words.txt").read_text().split("\n")[: len(np.load(TEXT_B16 / "broden-words.npy"))]
    first = {word: row for row, word in reversed(list(enumerate(words)))}
    rows = sorted(first.values())
    return Vocabulary.of([words[row] for row in rows], np.load(TEXT_B16 / "broden-words.npy")[rows])


def class_means(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return real class means (classes, 512) less the mean image, and the mean image."""
    features = np.load(CLIP_B32 / f"{name}-features.npy").astype(np.float64)
    labels = np.load(CLIP_B32 / f"{name}-labels.npy")
    mean = features.mean(axis=0)
    return np.stack([features[labels == one].mean(axis=0) for one in np.unique(labels)]) - mean, mean


def said(vocabulary: Vocabulary, vectors: np.ndarray, k: int = 1) -> list[list[str]]:
    return [[word.text for word in one.words] for one in VocabularyDecoder(vocabulary, k).decode(vectors)]


def test_prompts_of_a_word_are_called_by_that_word(broden: Vocabulary) -> None:
    lines = (ASSETS / "photos" / "imagenet-one-per-class.tsv").read_text().splitlines()
    names = [line.split("\t")[2] for line in lines if line.split("\t")[0].isdecimal()]
    prompts = broden.centred(np.load(TEXT_B16 / "imagenet-a-photo-of-a.npy"))
    index = broden.index()
    shared = [row for row, name in enumerate(names) if name.casefold() in index]
    texts = said(broden, prompts[shared], 5)
    assert len(shared) > 80
    assert np.mean([words[0] == names[row] for row, words in zip(shared, texts, strict=True)]) > 0.8
    assert np.mean([names[row] in words for row, words in zip(shared, texts, strict=True)]) > 0.9


def test_breeds_of_cats_are_cats(lvis: Vocabulary) -> None:
    means, _ = class_means("oxford_pets")
    texts = said(lvis, means, 2)
    assert np.mean([bool({"cat", "kitten"} & set(texts[one])) for one in CATS]) > 0.9
    dogs = [words for one, words in enumerate(texts) if one not in CATS]
    assert not any({"cat", "kitten"} & set(words) for words in dogs)


def test_a_texture_is_called_by_things_that_have_it(lvis: Vocabulary) -> None:
    means, _ = class_means("dtd")
    assert {"checkerboard", "chessboard"} <= set(said(lvis, means[[CHEQUERED]], 3)[0])


@pytest.mark.parametrize("name", ["oxford_pets", "dtd", "caltech101"])
def test_centring_lets_classes_have_words_of_their_own(lvis: Vocabulary, name: str) -> None:
    means, mean = class_means(name)
    units = lvis.vectors / np.linalg.norm(lvis.vectors, axis=1, keepdims=True)
    plain = len(set(((means + mean) @ units.T).argmax(axis=1).tolist()))
    centred = len({words[0] for words in said(lvis, means)})
    assert centred >= plain


def test_classes_come_nearer_to_a_word_than_chance_and_noise_does_not(lvis: Vocabulary) -> None:
    means, _ = class_means("caltech101")
    floor = chance_cosine(words=len(lvis.words), target=lvis.target)
    assert np.mean(nearest_words(lvis, means, k=1)[1] > floor) > 0.9
    noise = nearest_words(lvis, np.random.default_rng(0).normal(size=(200, 512)), k=1)[1]
    assert np.mean(noise > floor) == pytest.approx(0.45, abs=0.2), (
        "the floor is what noise reaches about half of the time"
    )


def test_a_sparse_code_of_cats_holds_a_cat(lvis: Vocabulary) -> None:
    means, _ = class_means("oxford_pets")
    answers = SparseDecoder(lvis, 6).decode(means[list(CATS)])
    assert np.mean([bool({"cat", "kitten"} & {word.text for word in one.words}) for one in answers]) > 0.9
    nearest = nearest_words(lvis, means[list(CATS)], k=1)[1][:, 0]
    assert all(one.cosine > near for one, near in zip(answers, nearest, strict=True)), "together words come nearer"


def test_blocks_of_words_change_nothing(lvis: Vocabulary, monkeypatch: pytest.MonkeyPatch) -> None:
    means, _ = class_means("caltech101")
    whole = nearest_words(lvis, means, k=7)
    monkeypatch.setattr(module, "BLOCK_WORDS", 100)
    assert np.array_equal(nearest_words(lvis, means, k=7)[0], whole[0])


@pytest.fixture
def imported(store: Store, tmp_path: Path) -> Store:
    """Pets labelled cat and dog, textures, and the nouns, all in one real CLIP space."""
    for name in ("oxford_pets", "dtd"):
        labels = np.load(CLIP_B32 / f"{name}-labels.npy")
        lines = [f"{name}/{row:05d},{'cat' if label in CATS else 'dog'}\n" for row, label in enumerate(labels)]
        (tmp_path / "ids.csv").write_text("image_id,label\n" + "".join(lines))
        file = CLIP_B32 / f"{name}-features.npy"
        import_features(store, name, file, encoder="clip", ids=tmp_path / "ids.csv", space="ViT-B-32")
    text, names = CLIP_B32 / "lvis-text.npy", CLIP_B32 / "lvis-names.json"
    import_concepts(store, "lvis", text, names=names, space="ViT-B-32")
    return store


def ask(store: Store, what: str) -> DecodeReport:
    return decode(store, "oxford_pets", what, source="clip", vocabulary="bank:lvis", decoder=DecoderSpec(k=3))


def test_imported_vectors_are_decoded_without_any_map_or_model(imported: Store) -> None:
    rows = ask(imported, "classes").table.to_pylist()
    first = {row["vector"]: row for row in rows if row["place"] == 1}
    assert first["cat"]["word"] == "cat"
    assert "dog" in {row["word"] for row in rows if row["vector"] == "dog"}
    assert first["cat"]["below_floor"] == ""
    assert first["cat"]["auroc"] > 0.85


def test_what_has_changed_from_pets_to_textures_is_told(imported: Store) -> None:
    rows = ask(imported, "shift:dtd").table.to_pylist()
    fallen = {row["word"] for row in rows if row["vector"] == "fallen"}
    assert fallen & {"pet", "dog", "puppy", "cat"}
    assert all(row["auroc"] > 0.9 for row in rows if row["vector"] == "risen" and row["place"] == 1)
