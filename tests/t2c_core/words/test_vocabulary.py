"""The nearest words are those of a plain product, hubs lose their head start, and words that say nothing are refused."""

import numpy as np
import pytest

import t2c.core.words.vocabulary as module
from t2c.core.words.decoders import Decoder
from t2c.core.words.vocabulary import Vocabulary, VocabularyDecoder, chance_cosine, nearest_words, word_ranks
from t2c.schemas.errors import InputError, MismatchError

WORDS = 500
TARGET = 16


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def cone(rng: np.random.Generator, words: int = WORDS) -> np.ndarray:
    """Return word vectors that share a large part, as a text encoder's do, of many lengths."""
    shared = rng.normal(size=TARGET) * 4
    return ((rng.normal(size=(words, TARGET)) + shared) * rng.uniform(0.1, 9, (words, 1))).astype(np.float32)


def vocabulary(vectors: np.ndarray) -> Vocabulary:
    return Vocabulary.of([f"word {i}" for i in range(len(vectors))], vectors)


def plain(vectors: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Return the centred cosines (vectors, words) in float64, straight from their definition."""
    units = words.astype(np.float64) / np.linalg.norm(words, axis=1, keepdims=True).astype(np.float64)
    away = units - units.mean(axis=0)
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True) @ away.T


@pytest.mark.parametrize("block", [7, 100, 8192])
@pytest.mark.parametrize("k", [1, 5, 499, 900])
def test_the_nearest_words_are_those_of_the_definition(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, block: int, k: int
) -> None:
    monkeypatch.setattr(module, "BLOCK_WORDS", block)
    words, vectors = cone(rng), rng.normal(size=(9, TARGET)).astype(np.float32)
    cosines = plain(vectors, words)
    places, found = nearest_words(vocabulary(words), vectors, k=k)
    order = np.argsort(-cosines, axis=1)[:, : min(k, WORDS)]
    assert np.array_equal(places, order)
    assert np.abs(found - np.take_along_axis(cosines, order, axis=1)).max() < 1e-5


def test_rising_words_are_found_although_every_block_beats_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_WORDS", 50)
    angle = np.linspace(2, 0.1, 400)
    words = np.stack([np.cos(angle), np.sin(angle), np.zeros(400)], axis=1).astype(np.float32)
    vector = np.array([[1, 0.0, 0]], np.float32)
    places, _ = nearest_words(vocabulary(words), vector, k=3)
    assert np.array_equal(places, np.argsort(-plain(vector, words), axis=1)[:, :3])


def test_of_equal_words_the_first_of_the_list_comes_first(rng: np.random.Generator) -> None:
    words = cone(rng, 40)
    words[[30, 10, 20]] = words[5]
    places, _ = nearest_words(vocabulary(words), plain_direction(words, 5), k=4)
    assert places.tolist() == [[5, 10, 20, 30]]


def plain_direction(words: np.ndarray, place: int) -> np.ndarray:
    """Return the direction (1, target) in which a word differs from the mean word."""
    units = words / np.linalg.norm(words, axis=1, keepdims=True)
    return (units[place] - units.mean(axis=0))[None].astype(np.float32)


def test_a_hub_word_does_not_win_everything(rng: np.random.Generator) -> None:
    words = rng.normal(size=(60, TARGET)) + 6
    words[0] = words.mean(axis=0) + rng.normal(size=TARGET) * 0.5
    units = words / np.linalg.norm(words, axis=1, keepdims=True)
    images = rng.normal(size=(200, TARGET)) + 3
    assert np.mean((images @ units.T).argmax(axis=1) == 0) < 0.5
    hub = np.mean((images @ units.T)[:, 0] > np.median(images @ units.T, axis=1))
    centred = nearest_words(vocabulary(words.astype(np.float32)), images - images.mean(axis=0), k=60)[0]
    above = np.mean([np.flatnonzero(row == 0)[0] < 30 for row in centred])
    assert hub > 0.9
    assert 0.3 < above < 0.7


def test_words_come_with_scores_and_margins(rng: np.random.Generator) -> None:
    words = cone(rng)
    vector = rng.normal(size=(1, TARGET)).astype(np.float32)
    best = np.sort(plain(vector, words)[0])[::-1]
    decoder: Decoder = VocabularyDecoder(vocabulary(words), k=3)
    (answer,) = decoder.decode(vector)
    assert [word.score for word in answer.words] == pytest.approx(best[:3], abs=1e-5)
    assert [word.margin for word in answer.words] == pytest.approx(best[:3] - best[1:4], abs=1e-5)
    assert answer.cosine == answer.words[0].score
    assert (decoder.name, decoder.target, decoder.centred) == ("vocabulary", TARGET, True)


def test_the_last_word_of_all_has_no_margin(rng: np.random.Generator) -> None:
    (answer,) = VocabularyDecoder(vocabulary(cone(rng, 3)), k=5).decode(rng.normal(size=(1, TARGET)))
    assert len(answer.words) == 3
    assert [word.margin is None for word in answer.words] == [False, False, True]


def test_length_of_a_vector_does_not_matter(rng: np.random.Generator) -> None:
    decoder, vector = VocabularyDecoder(vocabulary(cone(rng)), k=3), rng.normal(size=(1, TARGET))
    texts = [[word.text for word in decoder.decode(vector * scale)[0].words] for scale in (1e-20, 1, 1e20)]
    assert texts[0] == texts[1] == texts[2]


def test_the_rank_of_a_word_is_its_place(rng: np.random.Generator) -> None:
    words, vectors = cone(rng), rng.normal(size=(6, TARGET)).astype(np.float32)
    known = vocabulary(words)
    _, cosines = nearest_words(known, vectors, k=WORDS)
    for place in (0, 1, 17, WORDS - 1):
        assert word_ranks(known, vectors, cosines[:, place]).tolist() == [place + 1] * 6
    assert word_ranks(known, vectors, np.full(6, -1.0, np.float32)).tolist() == [WORDS + 1] * 6


def test_a_text_outside_the_list_is_centred_as_its_words_are(rng: np.random.Generator) -> None:
    words = cone(rng)
    known = vocabulary(words)
    assert np.abs(known.centred(words[:4] * 3) - known.at(np.arange(4))).max() < 1e-5


def test_the_chance_cosine_is_what_random_directions_reach(rng: np.random.Generator) -> None:
    words = rng.normal(size=(2000, 128)).astype(np.float32)
    best = nearest_words(vocabulary(words), rng.normal(size=(200, 128)), k=1)[1]
    assert chance_cosine(words=2000, target=128) == pytest.approx(float(best.mean()), rel=0.05)


def test_a_word_that_is_the_mean_says_nothing_and_breaks_nothing() -> None:
    words = np.array([[1, 0, 1], [0, 1, 1], [0.5, 0.5, 1], [1, 0, 1], [0, 1, 1]], np.float32)
    words[2] = (words[0] + words[1]) / np.linalg.norm(words[0])
    known = Vocabulary.of(["left", "right", "mean", "left again", "right again"], np.vstack([words]))
    assert np.isfinite(np.concatenate([block for _, block in known.blocks()])).all()


@pytest.mark.parametrize(("words", "got"), [([], "0"), (["dog"], "1: 'dog'")])
def test_an_empty_or_one_word_vocabulary_is_refused(words: list[str], got: str) -> None:
    with pytest.raises(InputError, match=f"words of a vocabulary: expected 2 or more, but got {got}"):
        Vocabulary.of(words, np.ones((len(words), 3), np.float32))


def test_a_word_that_comes_twice_is_named(rng: np.random.Generator) -> None:
    with pytest.raises(InputError, match="each once, but got 'cat' twice"):
        Vocabulary.of(["dog", "cat", "cat"], cone(rng, 3))


@pytest.mark.parametrize(("value", "got"), [(np.nan, "NaN or infinity"), (np.inf, "NaN or infinity"), (0, "a zero")])
def test_a_vector_that_is_none_names_its_word(rng: np.random.Generator, value: float, got: str) -> None:
    vectors = cone(rng, 3)
    vectors[1] = value
    with pytest.raises(InputError, match=rf"vector of word 'cat': expected .*, but got {got}"):
        Vocabulary.of(["dog", "cat", "cow"], vectors)


@pytest.mark.usefixtures("unchecked_shapes")
def test_one_vector_a_word_is_needed(rng: np.random.Generator) -> None:
    with pytest.raises(MismatchError, match=r"expected shape \(2, target\), one a word, but got \(3, 16\)"):
        Vocabulary.of(["dog", "cat"], cone(rng, 3))


@pytest.mark.usefixtures("unchecked_shapes")
def test_vectors_of_another_dimension_are_refused(rng: np.random.Generator) -> None:
    with pytest.raises(MismatchError, match=r"decoder vocabulary: expected shape \(vectors, 16\), but got \(2, 17\)"):
        VocabularyDecoder(vocabulary(cone(rng))).decode(np.ones((2, 17)))


def test_no_words_asked_for_is_refused(rng: np.random.Generator) -> None:
    with pytest.raises(InputError, match="words a vector: expected 1 or more, but got 0"):
        VocabularyDecoder(vocabulary(cone(rng)), k=0)
