"""The guide compares candidates' texts with vectors: each text is read once, prefixes are remembered, the unreadable left out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from t2c.core.words.language import guide as module
from t2c.core.words.language.decoder import LanguageDecoder
from t2c.core.words.language.guide import TextVectors, text_dimension
from t2c.schemas.errors import MismatchError, SpecError


class Reader:
    """A text encoder that writes down what it was asked, and cannot read some words."""

    def __init__(self, *unreadable: str) -> None:
        self.unreadable, self.asked = unreadable, []

    def vectors(self) -> TextVectors:
        return TextVectors(self.encode, torch.device("cpu"), 2, self.check)

    def check(self, texts: list[str]) -> None:
        if any(text in self.unreadable for text in texts):
            raise SpecError("cannot read")

    def encode(self, texts: list[str]) -> np.ndarray:
        self.check(texts)
        self.asked += texts
        return np.array([[len(text), 1.0] for text in texts], np.float32)


def test_each_text_is_read_once_and_has_unit_length() -> None:
    reader = Reader()
    vectors = reader.vectors().of(["aa", "b", "aa"])
    assert reader.asked == ["aa", "b"]
    torch.testing.assert_close(vectors, torch.nn.functional.normalize(torch.tensor([[2.0, 1], [1, 1], [2, 1]])))


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_only_texts_that_cannot_be_read_are_left_out(count: int) -> None:
    texts = [f"word {number}" for number in range(count)]
    vectors = Reader(texts[-1]).vectors().of(texts)
    assert vectors.isnan().any(dim=1).tolist() == [False] * (count - 1) + [True]


def test_nothing_readable_is_nothing() -> None:
    assert Reader("a", "b").vectors().of(["a", "b"]).isnan().all()


def test_a_prefix_is_read_once_for_all_vectors(
    decoder: Callable[..., LanguageDecoder], vectors: np.ndarray, clip: Any
) -> None:
    made = decoder()
    calls: list[int] = []

    def counting(texts: list[str]) -> np.ndarray:
        calls.append(len(texts))
        return clip.encode_text(texts)

    made.guide.texts.encode = counting
    made.decode(vectors)
    first, calls[:] = len(calls), []
    made.decode(vectors)
    assert (first, len(calls)) == (2, 1)  # the texts said are read again, the candidates are not


def test_prefixes_are_forgotten_when_there_are_too_many(
    decoder: Callable[..., LanguageDecoder], vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = decoder(length=3).decode(vectors[:4])
    monkeypatch.setattr(module, "KEPT_BYTES", 4 * 39 * 128 * 2)
    made = decoder(length=3)
    assert made.decode(vectors[:4]) == whole
    assert len(made.guide._kept) == 2


def test_a_text_encoder_of_another_shape_is_refused() -> None:
    with pytest.raises(MismatchError, match=r"text encoder: expected \(1, target\) of one text, but got shape \(3,\)"):
        text_dimension(lambda _: np.zeros(3, np.float32), "Image of a")
