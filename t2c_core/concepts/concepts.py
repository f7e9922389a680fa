"""Concept prompts and concept vectors: what is encoded for a concept, and how its prompts' vectors become one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from t2c.schemas.errors import InputError, SpecError, expected
from t2c.schemas.specs.base import Averaging, ConceptFile

if TYPE_CHECKING:
    from jaxtyping import Float, Float32

Array = NDArray[Any]
Kind = Literal["concept", "context"]


@dataclass(frozen=True, slots=True)
class ConceptPrompts:
    """A concept and the texts that stand for it."""

    concept: str
    """The concept as the user wrote it."""
    prompts: tuple[str, ...]
    """Texts to encode, in order."""
    kind: Kind
    """`context` for phrases appended to templates, `concept` for the rest."""


def expand(file: ConceptFile) -> list[ConceptPrompts]:
    """Return every concept of a file with its prompts (paper, section 4): concepts, user prompts, contexts, in that order.

    Only `{}` is replaced, wherever it stands; other braces are the user's own text. Raises SpecError for a file without
    concepts, a template without `{}`, an empty text, and two concepts that a text encoder could not tell apart.
    """
    entries = list(_entries(file))
    if not entries:
        todo = "Write one concept a line, or `concepts:`, `prompts:` or `contexts:` in YAML."
        raise SpecError(expected("concept file", "at least one concept", "none", todo))
    _check_distinct(entries)
    return [entry for _, entry in entries]


def average(vectors: Float[np.ndarray, "prompts target"], *, averaging: Averaging) -> Float32[np.ndarray, " target"]:
    """Return one unit vector of the prompts' vectors.

    `normalise-then-average` gives every prompt one vote, as CLIP does; `average-then-normalise` is the paper's text.
    """
    if vectors.ndim != 2 or len(vectors) == 0:
        raise InputError(
            expected("prompt vectors", "shape (prompts, target) with a prompt or more", f"{vectors.shape}")
        )
    exact = vectors.astype(np.float64)
    if averaging == "normalise-then-average":
        exact = exact / _lengths(exact)
    mean = exact.mean(axis=0, keepdims=True)
    unit: NDArray[np.float32] = (mean / _lengths(mean))[0].astype(np.float32)
    return unit


def _lengths(vectors: Array) -> Array:
    lengths: Array = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise InputError(expected("concept vector", "a finite vector with a direction", "a zero, NaN or infinite one"))
    return lengths


def _entries(file: ConceptFile) -> Iterator[tuple[str, ConceptPrompts]]:
    """Yield (where in the file, concept) pairs."""
    if file.concepts or file.contexts:
        _check_templates(file.templates)
    for concept in file.concepts:
        _check_text("concepts", concept)
        yield "concepts", ConceptPrompts(concept, tuple(t.replace("{}", concept) for t in file.templates), "concept")
    for concept, prompts in file.prompts.items():
        _check_text("prompts", concept)
        if not prompts:
            raise SpecError(expected(f"prompts of {concept!r}", "at least one prompt", "none"))
        for prompt in prompts:
            _check_text(f"prompts of {concept!r}", prompt)
        yield "prompts", ConceptPrompts(concept, prompts, "concept")
    if file.contexts:
        for phrase in file.contexts.phrases:
            _check_text("contexts", phrase)
            yield "contexts", ConceptPrompts(phrase, tuple(_in_context(file, phrase)), "context")


def _in_context(file: ConceptFile, phrase: str) -> Iterator[str]:
    """Yield template + ' ' + phrase with {} filled by each class (appendix E; classes fill the template only)."""
    classes = file.contexts.classes if file.contexts else ()
    if not classes:
        raise SpecError(
            expected("classes of contexts", "at least one class name", "none", "Leave it out for 'object'.")
        )
    for template in file.templates:
        for name in classes:
            _check_text("classes of contexts", name)
            yield f"{template.replace('{}', name)} {phrase}"


def _check_templates(templates: tuple[str, ...]) -> None:
    if not templates:
        raise SpecError(
            expected("templates", "at least one text with {}", "none", "Leave it out for the seven defaults.")
        )
    for template in templates:
        if "{}" not in template:
            todo = "Write {} where the concept goes; finished texts belong under `prompts:`."
            raise SpecError(expected("template", "a text with {}", repr(template), todo))


def _check_text(where: str, text: str) -> None:
    if not text.strip():
        raise SpecError(expected(where, "a text that is not blank", repr(text)))


def _check_distinct(entries: list[tuple[str, ConceptPrompts]]) -> None:
    """Raise SpecError for names equal up to case and spaces, which text encoders fold."""
    by_name: dict[str, tuple[str, str]] = {}
    for where, entry in entries:
        folded = " ".join(entry.concept.casefold().split())
        if folded in by_name:
            first_where, first = by_name[folded]
            actual = f"{first!r} ({first_where}) and {entry.concept!r} ({where})"
            raise SpecError(
                expected("concepts", "names that differ in more than case and spaces", actual, "Rename or remove one.")
            )
        by_name[folded] = where, entry.concept
