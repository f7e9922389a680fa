"""Which tokens a decoder should not write, which it never writes, and which end a text: read off any tokenizer's own texts."""

import math
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
    """Factors on the next token's probability, as additions to its logarithm; (tokens,) each."""

    never: torch.Tensor
    """bool: special tokens that end nothing: they are never written."""
    ends: torch.Tensor
    """bool: tokens that end a text."""
    first: torch.Tensor
    """What is added for the first token after the prompt: by the default rule the rest of a word is forbidden there, and
    an end is never written."""
    later: torch.Tensor
    """What is added for every further token."""


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
    less, more = -math.log(settings.forbidden_factor), math.log(settings.end_factor)
    first = ((forbidden_ | inside_) * less).masked_fill(never_ | ends_, -torch.inf)
    later = (forbidden_ * less + ends_ * more).masked_fill(never_, -torch.inf)
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
