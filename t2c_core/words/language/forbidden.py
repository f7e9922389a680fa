"""Which tokens a decoder should not write, which it never writes, and which end a text: read off any tokenizer's own texts."""

import unicodedata
from dataclasses import dataclass

import torch

from t2c.core.words.language.model import LanguageModel
from t2c.core.words.language.settings import Settings
from t2c.schemas.errors import SpecError, expected

MEDIUM_WORDS = (
    "image", "images", "photo", "photos", "photograph", "photographs", "photography", "picture", "pictures", "pic", "gallery",
    "video", "videos", "screenshot", "snapshot", "thumbnail", "caption", "stock", "getty", "flickr", "instagram", "jpg",
    "jpeg", "png", "gif", "pdf", "http", "https", "www",
)  # fmt: skip
"""Words about the picture as a thing rather than what it shows; the published list is the authors', this one is ours."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Factors on the next token, above 1 to raise it and below 1 to lower it; (tokens,) each."""

    never: torch.Tensor
    """bool: special tokens that end nothing: they are never written."""
    ends: torch.Tensor
    """bool: tokens that end a text."""
    first: torch.Tensor
    """Factors of the first token after the prompt: by the default rule the rest of a word is forbidden there."""
    later: torch.Tensor
    """Factors of every further token."""

    def on_logits(self, logits: torch.Tensor, *, first: bool) -> torch.Tensor:
        """Return log-probabilities (rows, tokens) of logits: a factor multiplies a positive one and divides a negative one."""
        factors = self.first if first else self.later
        by_sign = torch.where(logits > 0, logits * factors, logits / factors)
        return by_sign.masked_fill(self.never, -torch.inf).log_softmax(dim=1)

    def on_probability(self, log_p: torch.Tensor, *, first: bool) -> torch.Tensor:
        """Return log-probabilities (rows, tokens) whose probabilities were multiplied; no end comes first."""
        never, factors = (self.never | self.ends, self.first) if first else (self.never, self.later)
        return (log_p + factors.log()).masked_fill(never, -torch.inf).log_softmax(dim=1)


def rules_of(language: LanguageModel, settings: Settings) -> Rules:
    """Return the rules for a model's tokens; raises SpecError for a forbidden word that is no token of its own."""
    last = language.prompt_tokens(settings.prompt)[-1]
    before = len(language.text([last]))
    written = [text[before:] for text in language.texts([[last, token] for token in range(language.tokens)])]
    special = set(language.tokenizer.all_special_ids)
    special |= {token for token, added in language.tokenizer.added_tokens_decoder.items() if added.special}
    closing = {language.tokenizer.eos_token_id}
    ends = [token in closing or text.strip() in settings.end for token, text in enumerate(written)]
    never = [token in special and not end for token, end in enumerate(ends)]
    if settings.forbidden is None:
        forbidden = [not end and no_word(text) for text, end in zip(written, ends, strict=True)]
    else:
        forbidden = named(written, settings.forbidden, language.name)
    inside = [not text[:1].isspace() for text in written] if settings.forbidden is None else forbidden
    marks = (never, ends, forbidden, inside)
    never_, ends_, forbidden_, inside_ = (torch.tensor(mark, device=language.device) for mark in marks)
    if settings.forbidden is None:
        inside_ &= ~ends_
    first = settings.forbidden_factor ** -(forbidden_ | inside_).float() * settings.first_end_factor ** -ends_.float()
    later = settings.forbidden_factor ** -forbidden_.float() * settings.end_factor ** ends_.float()
    return Rules(never_, ends_, first, later)


def no_word(text: str) -> bool:
    """Tell whether a token's text is no word: no letter in it, half a character, a line break, or a word for the medium."""
    if any(unicodedata.category(sign) in ("Cc", "Co", "Cn") or sign == "\N{REPLACEMENT CHARACTER}" for sign in text):
        return True
    return not any(sign.isalpha() for sign in text) or text.strip().casefold() in MEDIUM_WORDS


def named(written: list[str], words: tuple[str, ...], model: str) -> list[bool]:
    """Tell of each token whether it is one of these words, whatever the case; raises SpecError for one that is no token."""
    folded = {word.strip().casefold() for word in words}
    token_texts = [text.strip().casefold() for text in written]
    if missing := sorted(folded - set(token_texts)):
        want = f"words that {model} has as one token"
        raise SpecError(expected("forbidden words", want, repr(missing[0]), "Forbid the word's first part instead"))
    return [text in folded and text != "" for text in token_texts]
