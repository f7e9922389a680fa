"""The demo CLIP's tokenizer: open_clip's byte-pair tokens, trimmed to the words that training used.

A word outside the vocabulary would read as other words' pieces, so it is an error that names the word.
"""

import html
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from t2c.schemas.errors import SpecError, expected, nearest

CONTEXT_LENGTH = 24
"""Tokens a text may have, start and end included."""

_WORD = re.compile(r"[^\W\d_]+|\d|[^\s\w]+|_")


def words_of(text: str) -> list[str]:
    """Return the words and signs of a text, lower case, as the tokenizer reads them."""
    return _WORD.findall(html.unescape(text).lower())


class DemoTokenizer:
    """Texts to trimmed token ids; calling it gives an int64 tensor (texts, context_length), padded with 0.

    The vocabulary maps each word to its byte-pair ids in open_clip's SimpleTokenizer; `start` and `end` are that
    tokenizer's own marks. Trimmed ids keep the order of the originals, so the end mark stays the largest.
    """

    def __init__(self, words: dict[str, list[int]], *, start: int, end: int) -> None:
        self.words = words
        self.original_ids = sorted({0, start, end, *(token for ids in words.values() for token in ids)})
        self._trimmed = {token: place for place, token in enumerate(self.original_ids)}
        self._start, self._end = self._trimmed[start], self._trimmed[end]
        self.context_length = CONTEXT_LENGTH

    @classmethod
    def read(cls, path: Path) -> "DemoTokenizer":
        """Read vocabulary.json."""
        content = json.loads(path.read_text())
        return cls(content["words"], start=content["start"], end=content["end"])

    @property
    def vocab_size(self) -> int:
        """Rows of the token embedding."""
        return len(self.original_ids)

    def unknown_words(self, text: str) -> list[str]:
        """Return the words of a text that training never saw, in order, each once."""
        return list(dict.fromkeys(word for word in words_of(text) if word not in self.words))

    def encode(self, text: str) -> list[int]:
        """Return trimmed ids of one text, start and end included; raises SpecError naming an unknown word."""
        for word in self.unknown_words(text)[:1]:
            todo = nearest(word, self.words) or "Its vocabulary is in t2c_core/encoders/demo_clip/vocabulary.json"
            raise SpecError(expected(f"text {text!r}", "words that the demo's CLIP was trained on", repr(word), todo))
        ids = [self._trimmed[token] for word in words_of(text) for token in self.words[word]]
        if len(ids) + 2 > self.context_length:
            want = f"at most {self.context_length - 2} tokens for the demo's CLIP"
            raise SpecError(expected(f"text {text!r}", want, str(len(ids)), "Shorten it or its template"))
        return [self._start, *ids, self._end]

    def __call__(self, texts: str | Sequence[str], context_length: int | None = None) -> Any:
        """Return the token tensor (texts, context_length), as open_clip's tokenizers do."""
        import torch

        listed = [texts] if isinstance(texts, str) else list(texts)
        result = torch.zeros(len(listed), context_length or self.context_length, dtype=torch.long)
        for place, text in enumerate(listed):
            ids = self.encode(text)
            result[place, : len(ids)] = torch.tensor(ids)
        return result


def trim(texts: Sequence[str]) -> dict[str, Any]:
    """Return the content of vocabulary.json for the words of these texts, from open_clip's SimpleTokenizer."""
    from open_clip.tokenizer import SimpleTokenizer

    full = SimpleTokenizer()
    words = sorted({word for text in texts for word in words_of(text)})
    return {
        "start": full.sot_token_id,
        "end": full.eot_token_id,
        "words": {word: [int(token) for token in full.encode(word)] for word in words},
    }
