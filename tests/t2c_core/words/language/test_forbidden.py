"""Which tokens are forbidden, never written, or end a text, read off a tokenizer's own texts."""

import math
from pathlib import Path

import pytest
import torch

from t2c.core.words.language.forbidden import Rules, no_word, rules_of
from t2c.core.words.language.load import load_language_model
from t2c.core.words.language.model import LanguageModel
from t2c.core.words.language.settings import Settings
from t2c.schemas.errors import SpecError
from tests.planted.language import WORDS

END = len(WORDS)
TIMES_20 = pytest.approx(-math.log(20))


@pytest.fixture(scope="module")
def language(tiny: Path) -> LanguageModel:
    return load_language_model(str(tiny), prompt="Image of a", device="cpu")


def added(rules: Rules, word: str) -> tuple[float, float]:
    token = WORDS.index(word)
    return float(rules.first[token]), float(rules.later[token])


def test_a_word_is_free(language: LanguageModel) -> None:
    assert added(rules_of(language, Settings()), "red") == (0, 0)


@pytest.mark.parametrize("word", ["photo", "Image", "7"])
def test_words_of_the_medium_and_numerals_are_forbidden(language: LanguageModel, word: str) -> None:
    assert added(rules_of(language, Settings()), word) == (TIMES_20, TIMES_20)


def test_words_can_be_forbidden_by_name_whatever_the_case(language: LanguageModel) -> None:
    rules = rules_of(language, Settings(forbidden=("RED",), forbidden_factor=10))
    assert added(rules, "red") == pytest.approx((-math.log(10), -math.log(10)))
    assert added(rules, "photo") == (0, 0)


def test_a_forbidden_word_that_is_no_token_is_refused(language: LanguageModel) -> None:
    with pytest.raises(SpecError, match=r"forbidden words: expected words that .* has as one token, but got 'giraffe'"):
        rules_of(language, Settings(forbidden=("giraffe",)))


def test_ends_are_favoured_later_and_never_come_first(language: LanguageModel) -> None:
    rules = rules_of(language, Settings())
    assert rules.ends.nonzero().flatten().tolist() == [WORDS.index("."), END]
    for token in (WORDS.index("."), END):
        assert float(rules.first[token]) == -math.inf
        assert float(rules.later[token]) == pytest.approx(math.log(1.01))


def test_special_tokens_that_end_nothing_are_never_written(language: LanguageModel) -> None:
    rules = rules_of(language, Settings())
    assert rules.never.nonzero().flatten().tolist() == [END + 1, END + 2]
    assert torch.isneginf(rules.first[rules.never]).all()
    assert torch.isneginf(rules.later[rules.never]).all()


@pytest.mark.parametrize("text", ["", " ", "\n", " 12", " ...", " caf\N{REPLACEMENT CHARACTER}", " Photos", "a\x00"])
def test_what_is_no_word(text: str) -> None:
    assert no_word(text)


@pytest.mark.parametrize("text", [" lizard", "ing", " R2", " Straße", " 犬"])
def test_what_is_a_word(text: str) -> None:
    assert not no_word(text)
