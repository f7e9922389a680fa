"""What every answer under a map stands on: which map, how good it is, and whether the concepts' names were borne out."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from t2c.flows.trust.trust import MARKS, Marks, marks_in_use
from t2c.schemas.certificate import Certificate
from t2c.store.artifacts.linear_maps import open_map
from t2c.store.artifacts.similarities import Scores

NONE_PASSED = "trust was measured and no concept passed"
"""Why nothing can be told where some names were refuted and none was borne out, not even weakly."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The ground of an answer, in words for its first lines and as facts for machines."""

    map: str
    """Name of the map: 12 hex digits, or identity-<space>."""
    between: str
    """The encoders it joins, for people."""
    quality: str
    """How good it is on rows it was not fitted on, or that nobody measured it."""
    trust: str
    """How many concepts are trusted, or that nobody measured it."""
    trusted: int | None
    """Concepts with the mark `trusted`; None when trust was not measured."""
    poor_map: str
    """Why no verdict may rest on the map; empty when one may."""
    refuted: str
    """Why none may rest on the concepts' names, unless untrusted ones are asked for; empty when one may."""


def standing_of(scores: Scores, *, marks: Marks | None = None) -> Standing:
    """Return what answers from some similarities stand on; `marks` are those in use, read from the store when not given."""
    marks = marks or marks_in_use(scores.store, scores.dataset, map=scores.map, bank=scores.bank)
    certificate = None if scores.identity else open_map(scores.store, scores.map).certificate
    quality, poor = _quality(certificate, scores)
    counts = None if marks is None else Counter(marks.by_key.values())
    # what nothing could verify is as if it had not been measured: it is said, not punished
    refuted = counts is not None and counts["untrusted"] > 0 and not counts["trusted"] + counts["weak"]
    between = (
        f"{scores.source.name}'s own space" if scores.identity else f"{scores.source.name} to {scores.target.name}"
    )
    return Standing(
        scores.map,
        between,
        quality,
        _trust(counts, scores),
        None if counts is None else counts["trusted"],
        poor,
        NONE_PASSED if refuted else "",
    )


def _quality(certificate: Certificate | None, scores: Scores) -> tuple[str, str]:
    """Return how good a map is, in words, and why nothing can be told through it; an identity needs no measure."""
    if certificate is None:
        return "the features as they are: nothing to measure", ""
    held = certificate.held_out
    if held is None:
        todo = f"t2c maps measure {scores.map} {scores.dataset}"
        return f"R2 not known: {todo}", f"the map was never measured on rows it was not fitted on ({todo})"
    where = f" of {certificate.measured_on}" if certificate.measured_on else ""
    words = f"R2 {held.r2_variance_weighted:.2f} on {held.n:,} images{where} it was not fitted on"
    if held.r2_variance_weighted <= held.mean_variance_weighted:
        mean = f"{held.mean_variance_weighted:.2f}"
        return f"{words}, no better than the mean predictor ({mean})", "the map is no better than predicting the mean"
    return words, ""


def _trust(counts: Mapping[str, int] | None, scores: Scores) -> str:
    if counts is None:
        return f"not measured: t2c trust {scores.dataset}"
    best, *others = MARKS
    rest = ", ".join(f"{counts[mark]} {mark}" for mark in others if counts[mark])
    text = f"{counts[best]} of {scores.concepts} concepts {best}"
    return f"{text} ({rest})" if rest else text
