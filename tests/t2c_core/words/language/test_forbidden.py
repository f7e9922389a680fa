"""Which tokens are forbidden, never written, or end a text, read off a tokenizer's own texts."""

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
A_20TH = pytest.approx(1 / 20)


@pytest.fixture(scope="module")
def language(tiny: Path) -> LanguageModel:
    return load_language_model(str(tiny), prompt="Image of a", device="cpu")


def factors(rules: Rules, word: str) -> tuple[float, float]:
    token = WORDS.index(word)
    return float(rules.first[token]), float(rules.later[token])


def test_a_word_is_free(language: LanguageModel) -> None:
    assert factors(rules_of(language, Settings()), "red") == (1, 1)


@pytest.mark.parametrize("word", ["photo", "Image", "7"])
def test_words_of_the_medium_and_numerals_are_forbidden(language: LanguageModel, word: str) -> None:
    assert factors(rules_of(language, Settings()), word) == (A_20TH, A_20TH)


def test_words_can_be_forbidden_by_name_whatever_the_case(language: LanguageModel) -> None:
    rules = rules_of(language, Settings(forbidden=("RED",), forbidden_factor=10))
    assert factors(rules, "red") == pytest.approx((0.1, 0.1))
    assert factors(rules, "photo") == (1, 1)


def test_a_forbidden_word_that_is_no_token_is_refused(language: LanguageModel) -> None:
    with pytest.raises(SpecError, match=r"forbidden words: expected words that .* has as one token, but got 'giraffe'"):
        rules_of(language, Settings(forbidden=("giraffe",)))


def test_ends_are_lowered_first_and_raised_later(language: LanguageModel) -> None:
    rules = rules_of(language, Settings(forbidden=()))
    assert rules.ends.nonzero().flatten().tolist() == [WORDS.index("."), END]
    for token in (WORDS.index("."), END):
        assert float(rules.first[token]) == pytest.approx(1 / 1.6)
        assert float(rules.later[token]) == pytest.approx(1.01)


RULES = Rules(
    never=torch.tensor([False, False, False, False, True]),
    ends=torch.tensor([False, False, True, True, False]),
    first=torch.tensor([1, 1 / 20, 1 / 1.6, 1 / 1.6, 1]),
    later=torch.tensor([1, 1 / 20, 1.01, 1.01, 1]),
)
"""A free word, a forbidden one, two ends and a token that is never written."""


@pytest.mark.parametrize(
    ("logits", "first", "expected"),
    [
        ([1.0, 2.0, 2.0, -2.0, 9.0], False, [1.0, 0.1, 2.02, -1.9801980198]),
        ([1.0, 2.0, 2.0, -2.0, 9.0], True, [1.0, 0.1, 1.25, -3.2]),
        ([-1.0, -2.0, 0.0, -3.2, 9.0], True, [-1.0, -40.0, 0.0, -5.12]),
    ],
)
def test_factors_act_on_logits_by_their_sign(logits: list[float], first: bool, expected: list[float]) -> None:
    acted = RULES.on_logits(torch.tensor([logits]), first=first)
    torch.testing.assert_close(acted[:, :4], torch.tensor([expected]).log_softmax(dim=1))
    assert torch.isneginf(acted[0, 4])


def test_factors_of_probabilities_are_renormalised_and_no_end_comes_first() -> None:
    log_p = torch.tensor([[0.3, 0.2, 0.1, 0.1, 0.3]]).log()
    later = torch.tensor([[0.3, 0.01, 0.101, 0.101, 0.0]]) / 0.512
    torch.testing.assert_close(RULES.on_probability(log_p, first=False).exp(), later)
    first = torch.tensor([[0.3, 0.01, 0.0, 0.0, 0.0]]) / 0.31
    torch.testing.assert_close(RULES.on_probability(log_p, first=True).exp(), first)


def test_special_tokens_that_end_nothing_are_never_written(language: LanguageModel) -> None:
    rules = rules_of(language, Settings())
    assert rules.never.nonzero().flatten().tolist() == [END + 1, END + 2]
    for first in (True, False):
        for acted in (rules.on_logits, rules.on_probability):
            log_p = acted(torch.zeros(1, language.tokens), first=first)
            assert torch.isneginf(log_p[0, rules.never]).all()


@pytest.mark.parametrize("text", ["", " ", "\n", " 12", " ...", " caf\N{REPLACEMENT CHARACTER}", " Photos", "a\x00"])
def test_what_is_no_word(text: str) -> None:
    assert no_word(text)


@pytest.mark.parametrize("text", [" lizard", "ing", " R2", " Straße", " 犬"])
def test_what_is_a_word(text: str) -> None:
    assert not no_word(text)
