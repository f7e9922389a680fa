"""The guiding distribution: which of the likeliest next tokens make a text that CLIP finds near to the vector."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.nn import functional

from t2c.core.words.decoders import EncodeText
from t2c.core.words.language.model import LanguageModel
from t2c.schemas.errors import MismatchError, SpecError, expected

CheckTexts = Callable[[list[str]], object]
"""Raises SpecError for texts that cannot be read."""

KEPT_BYTES = 512 * 2**20
"""Text vectors kept for prefixes met before: all vectors share the prompt's, many share the next."""


@dataclass(slots=True)
class TextVectors:
    """CLIP's vectors of texts, and which texts it can read."""

    encode: EncodeText
    """CLIP's text encoder."""
    device: torch.device
    """Where the vectors are put."""
    target: int
    """Dimension of CLIP's space."""
    check: CheckTexts
    """Raises SpecError for texts that CLIP cannot read."""

    def of(self, texts: Sequence[str]) -> torch.Tensor:
        """Return (prompts, target) unit vectors; a row of NaN where CLIP cannot read the text. Each text is read once."""
        unique = list(dict.fromkeys(texts))
        place = {text: number for number, text in enumerate(unique)}
        vectors = np.full((len(unique), self.target), np.nan, np.float32)
        if readable := unique if self._reads(unique) else [text for text in unique if self._reads([text])]:
            vectors[[place[text] for text in readable]] = self.encode(readable)
        return functional.normalize(torch.from_numpy(vectors).to(self.device), dim=1)[[place[text] for text in texts]]

    def _reads(self, texts: list[str]) -> bool:
        try:
            self.check(texts)
        except SpecError:
            return False
        return True


@dataclass(slots=True)
class Guide:
    """Candidates of a prefix and their cosines with vectors; what was read for a prefix is kept."""

    language: LanguageModel
    """Writes the candidates."""
    texts: TextVectors
    """Reads them."""
    prompt: tuple[int, ...]
    """Tokens that every text begins with."""
    candidates: int
    """How many next tokens are compared."""
    never: torch.Tensor
    """(tokens,) bool: tokens that are no candidates, such as padding."""
    count: int = field(init=False)
    """Candidates of a prefix: as many as asked for, or all tokens that may be written."""
    _kept: OrderedDict[tuple[int, ...], tuple[torch.Tensor, torch.Tensor]] = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self.count = min(self.candidates, int((~self.never).sum()))

    def of(
        self, prefixes: Sequence[tuple[int, ...]], log_p: torch.Tensor, vectors: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return candidates (rows, count) and their cosines with each row's vector, -inf where CLIP cannot read one.

        `prefixes` are the tokens written so far, log_p (rows, tokens) what the unmoved model says next, vectors
        (rows, target) unit length. A row without any readable candidate has strayed from what CLIP knows: its cosines are
        0, which leads nowhere. Raises SpecError when that is so right after the prompt.
        """
        groups: dict[tuple[int, ...], list[int]] = {}
        for row, prefix in enumerate(prefixes):
            groups.setdefault(prefix, []).append(row)
        self._read([prefix for prefix in groups if prefix not in self._kept], groups, log_p)
        ids = torch.empty((len(prefixes), self.count), dtype=torch.long, device=log_p.device)
        cosines = torch.empty((len(prefixes), self.count), device=log_p.device)
        for prefix, rows in groups.items():
            candidates, text_vectors = self._kept[prefix]
            self._kept.move_to_end(prefix)
            ids[rows] = candidates
            cosines[rows] = (vectors[rows] @ text_vectors.T).nan_to_num(nan=-torch.inf)
        self._forget()
        strayed = cosines.isneginf().all(dim=1)
        if prefixes[0] == self.prompt and bool(strayed.all()):
            self._refuse(ids[0])
        return ids, cosines.masked_fill(strayed[:, None], 0.0)

    def _read(
        self, prefixes: list[tuple[int, ...]], groups: dict[tuple[int, ...], list[int]], log_p: torch.Tensor
    ) -> None:
        """Read the candidates of new prefixes, all texts in one go."""
        if not prefixes:
            return
        first = [groups[prefix][0] for prefix in prefixes]
        allowed = log_p[first].masked_fill(self.never, -torch.inf)
        ids = allowed.topk(self.count, dim=1).indices
        written = [
            text.strip()
            for prefix, row in zip(prefixes, ids.tolist(), strict=True)
            for text in self.language.texts([(*prefix, token) for token in row])
        ]
        text_vectors = self.texts.of(written).reshape(len(prefixes), self.count, self.texts.target)
        for number, prefix in enumerate(prefixes):
            self._kept[prefix] = (ids[number], text_vectors[number].clone())

    def _refuse(self, ids: torch.Tensor) -> None:
        want = f"at least one of {self.count} candidates of {self.language.name} that CLIP can read"
        example = self.language.text([*self.prompt, int(ids[0])]).strip()
        todo = "Use a language model and a CLIP that share words"
        raise SpecError(expected("guiding texts", want, f"none, such as {example!r}", todo))

    def _forget(self) -> None:
        most = max(1, KEPT_BYTES // (4 * self.count * self.texts.target))
        while len(self._kept) > most:
            self._kept.popitem(last=False)


def text_dimension(encode: EncodeText, prompt: str) -> int:
    """Return the dimension of CLIP's space; raises SpecError when it cannot read the prompt, MismatchError for no vector."""
    vectors = np.asarray(encode([prompt]))
    if vectors.ndim != 2 or len(vectors) != 1:
        raise MismatchError(expected("text encoder", "(1, target) of one text", f"shape {vectors.shape}"))
    return int(vectors.shape[1])
