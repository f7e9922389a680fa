"""Which words a vector may be called: an English list, a file, or a bank's concepts; encoded once for a text space."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from t2c.core.concepts.concepts import ConceptPrompts, expand
from t2c.core.words.vocabulary import Vocabulary
from t2c.flows.concepts.banks import read_concept_file
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.rows.texts import encode_prompts, text_side
from t2c.schemas.digest import digest
from t2c.schemas.errors import InputError, MismatchError, SpecError, StoreWriteError, expected
from t2c.schemas.spaces import Space
from t2c.schemas.specs.base import Averaging, ConceptFile
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.artifacts.vocabularies import StoredVocabulary, add_vectors, open_vocabulary_words
from t2c.store.disk.manifest import Parent
from t2c.store.disk.root import Store

if TYPE_CHECKING:
    from t2c.core.encoders.base import TextEncoder

ENGLISH = "english"
"""The English nouns and adjectives of the package wonderwords."""
TEMPLATE = "a photo of a {}"
"""Prompt of a word where its list names none: one, because a vocabulary has thousands of words."""
PART = 4096
"""Words encoded between two commits: what a killed run loses at most."""

_EXAMPLE = "Try: --vocabulary english, --vocabulary bank:NAME or --vocabulary file:words.txt"


@dataclass(frozen=True, slots=True, eq=False)
class OpenVocabulary:
    """A vocabulary ready to decode with."""

    name: str
    """What the user asked for: english, bank:NAME or file:NAME."""
    vocabulary: Vocabulary
    """Its words and vectors."""
    parents: tuple[Parent, ...]
    """The artifact that holds the vectors; none when the store cannot be written."""
    notes: tuple[str, ...] = ()
    """What a reader must know, such as words left out."""
    bank: str = ""
    """The concept bank, where it is one."""


@dataclass(frozen=True, slots=True)
class _Words:
    """A word list before it is encoded."""

    name: str
    prompts: tuple[ConceptPrompts, ...]
    averaging: Averaging = "normalise-then-average"
    curated: bool = False
    """Whether words that the text encoder does not know are left out; a user's own are an error."""


def open_vocabulary(
    store: Store, which: str, *, target: Space, device: str = "auto", progress: Progress | None = None
) -> OpenVocabulary:
    """Return `english`, `bank:NAME` or `file:PATH` (as concept files are) with vectors in the target space.

    Vectors are encoded once for a list and a space, in parts that are committed as they come. Raises SpecError for
    another name or a file that cannot be read, UnknownName for a bank, MismatchError for a bank of another space or
    other weights than the features', InputError for a vocabulary of fewer than two words.
    """
    kind, _, rest = which.partition(":")
    if kind == "bank" and rest:
        return _of_bank(store, rest, target)
    if which != ENGLISH and (kind != "file" or not rest):
        raise SpecError(expected("vocabulary", "english, bank:NAME or file:PATH", repr(which), _EXAMPLE))
    words = _english() if which == ENGLISH else _of_file(rest)
    text = text_side(target, device=device)
    readable, notes = _readable(words, text) if words.curated else (words, ())
    _check_enough(readable, target)
    return _encoded(store, readable, text, notes=notes, progress=progress or NoProgress())


def english_words() -> tuple[str, ...]:
    """Return the nouns, then the adjectives, of wonderwords in lower case, each once, less its list of profanities."""
    profane = set(_listed("profanitylist.txt"))
    listed = (word.casefold() for name in ("nounlist.txt", "adjectivelist.txt") for word in _listed(name))
    return tuple(word for word in dict.fromkeys(listed) if word not in profane)


def encode_words(text: "TextEncoder", words: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return the unit vectors (words, target) of texts outside a vocabulary, prompted as its words are by default."""
    return encode_prompts(_prompted(words), text.encode_text, averaging="normalise-then-average")


def _prompted(words: Iterable[str]) -> tuple[ConceptPrompts, ...]:
    return tuple(ConceptPrompts(word, (TEMPLATE.replace("{}", word),), "concept") for word in words)


def _listed(name: str) -> list[str]:
    text = (files("wonderwords.assets") / name).read_text(encoding="utf-8")
    return [word.strip().casefold() for word in text.splitlines() if word.strip()]


def _english() -> _Words:
    return _Words(ENGLISH, _prompted(english_words()), curated=True)


def _of_file(path: str) -> _Words:
    file = read_concept_file(path)
    name = f"file:{Path(path).name}"
    if not (file.concepts or file.prompts or file.contexts):
        return _Words(name, ())
    templates = file.templates if "templates" in file.model_fields_set else (TEMPLATE,)
    whole = ConceptFile.model_validate({**dict(file), "templates": templates})
    return _Words(name, tuple(expand(whole)), file.averaging)


def _of_bank(store: Store, bank: str, target: Space) -> OpenVocabulary:
    concepts = open_concepts(store, bank)
    if concepts.space.id != target.id:
        todo = "Name a vocabulary of the space that the vectors are aligned to."
        raise MismatchError(expected(f"vocabulary bank:{bank}", target.describe(), concepts.space.describe(), todo))
    vocabulary = Vocabulary.of(concepts.names(), concepts.vectors())
    return OpenVocabulary(f"bank:{bank}", vocabulary, (concepts.manifest.as_parent(),), bank=bank)


def _readable(words: _Words, text: "TextEncoder") -> tuple[_Words, tuple[str, ...]]:
    """Return a list without the words that the text encoder was not trained on, and a note of how many they are."""
    prompts = tuple(concept for concept in words.prompts if _reads(text, concept))
    left_out = len(words.prompts) - len(prompts)
    note = f"{left_out:,} of {len(words.prompts):,} words of {words.name} left out: {text.name} cannot read them"
    return _Words(words.name, prompts, words.averaging, curated=True), ((note,) if left_out else ())


def _reads(text: "TextEncoder", concept: ConceptPrompts) -> bool:
    try:
        text.check_texts(concept.prompts)
    except SpecError:
        return False
    return True


def _check_enough(words: _Words, target: Space) -> None:
    if len(words.prompts) < 2:
        actual = f"{len(words.prompts)}" + (f": {words.prompts[0].concept!r}" if words.prompts else "")
        todo = "Of one word alone nothing can be said: the nearest is always it."
        want = f"2 words or more that {target.name} reads"
        raise InputError(expected(f"vocabulary {words.name}", want, actual, todo))


def _encoded(
    store: Store, words: _Words, text: "TextEncoder", *, notes: tuple[str, ...], progress: Progress
) -> OpenVocabulary:
    names = [concept.concept for concept in words.prompts]
    try:
        stored = _stored(store, words, text, progress)
    except StoreWriteError:
        text.check_texts([prompt for concept in words.prompts for prompt in concept.prompts])
        vectors = encode_prompts(words.prompts, text.encode_text, averaging=words.averaging, progress=progress)
        return OpenVocabulary(words.name, Vocabulary.of(names, vectors), (), notes)
    vocabulary = Vocabulary.of(names, stored.vectors())
    return OpenVocabulary(words.name, vocabulary, (stored.manifest.as_parent(),), notes)


def _stored(store: Store, words: _Words, text: "TextEncoder", progress: Progress) -> StoredVocabulary:
    """Return the vocabulary as the store holds it, encoding the words it lacks."""
    prompts = {"prompts": digest([list(concept.prompts) for concept in words.prompts]), "averaging": words.averaging}
    names = [concept.concept for concept in words.prompts]
    stored = open_vocabulary_words(store, names, space=text.space, list_name=words.name, prompts=prompts)
    # every word before the first part: one that cannot be read fails now, not after hours of encoding
    if stored.encoded < stored.count:
        text.check_texts([prompt for concept in words.prompts[stored.encoded :] for prompt in concept.prompts])
    while stored.encoded < stored.count:
        part = words.prompts[stored.encoded : stored.encoded + PART]
        vectors = encode_prompts(part, text.encode_text, averaging=words.averaging, progress=progress)
        stored = add_vectors(stored, vectors)
    return stored
