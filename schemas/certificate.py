"""The certificate of a linear map: what it was fitted on, how, and how good it is on rows it never saw; JSON in and out."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from t2c.schemas.errors import CorruptError, expected
from t2c.schemas.spaces import Space, space_from

REGRESSIONS = ("ridge", "least-squares")
"""Aligners whose map is taken unless another is named by digest: the closed-form regression of section 3."""
IMPORTED = "imported"
"""Aligner of a map that came as a file."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """R2 on rows that were not fitted, each beside what predicting the fitted rows' mean scores (PAPER.md, section 1)."""

    n: int
    """Rows measured."""
    r2_variance_weighted: float
    """1 - squared error / variance, both summed over target dimensions; the main figure."""
    r2_uniform: float
    """Mean over target dimensions of each one's own R2."""
    r2_global: float
    """1 - mean squared error / variance of all elements about one scalar mean."""
    mean_variance_weighted: float
    """r2_variance_weighted of the mean predictor."""
    mean_uniform: float
    """r2_uniform of the mean predictor."""
    mean_global: float
    """r2_global of the mean predictor; well above 0 on CLIP targets."""
    mean_cosine: float | None = None
    """Mean cosine of mapped and own target features; None where the rows were summed as moments and not read one by one."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How well similarities of aligned features follow the target model's own, for one concept, on rows not fitted."""

    bank: str
    """Concept bank."""
    concept: str
    """The concept."""
    n: int
    """Rows compared."""
    correlation: float | None
    """Pearson correlation of the two similarities; None where one of them is constant."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a linear map is, in words and numbers a person can check."""

    source: Space
    """Space the map takes features from."""
    target: Space
    """Space it gives features in."""
    dataset: str
    """Dataset it was fitted on; empty for an imported map."""
    snapshot: int
    """Snapshot of that dataset's images; 0 for an imported map."""
    ridge: float
    """Ridge strength added to the diagonal of the centred second moments; 0 is the exact least squares. For SGD the
    strength that its weight decay pulls towards."""
    rank: int
    """Numerical rank of the source features that were fitted; of X'Y for procrustes, of the weight where no system was
    solved."""
    condition: float | None
    """Condition number of the solved system; None when it is infinite or was not formed."""
    method: str
    """How the system was solved, such as cholesky or eigen."""
    fitted: int
    """Rows the map was fitted on."""
    folds: int
    """Folds for out-of-fold maps; 0 when there are none."""
    seed: int
    """Seed of the block and fold assignment."""
    held_out: HeldOut | None = None
    """Quality on rows not fitted; None when every row was fitted."""
    fidelity: tuple[Fidelity, ...] = ()
    """Per-concept fidelity, added when concepts are scored."""
    aligner: str = "ridge"
    """What fitted it: ridge, least-squares, procrustes, low-rank, sgd, cross-entropy, self-labels, data-free or imported."""
    objective: str = ""
    """What it minimised, in one sentence; empty in certificates older than this field."""
    needed: tuple[str, ...] = ()
    """What it needed, such as features of both encoders, labels, or heads."""
    settings: tuple[tuple[str, str], ...] = ()
    """The aligner's own options, name and value."""
    measured_on: str = ""
    """Dataset and snapshot of `held_out` where that is not the fitted one: where an imported map was measured."""
    claims: tuple[tuple[str, str], ...] = ()
    """What the file of an imported map says of itself, name and text, as it stands there: nothing of it was checked."""
    notes: tuple[str, ...] = ()
    """What a reader must know, such as `fewer rows than source dimensions`."""
    format: int = 1
    """Format of the certificate."""

    def to_json(self) -> str:
        """Return indented JSON; floats keep every digit."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False, allow_nan=False)


def parse_certificate(text: str | bytes, *, subject: str = "certificate") -> Certificate:
    """Parse a certificate; keys this code does not know are ignored. Raises CorruptError naming `subject`."""
    try:
        value: dict[str, Any] = json.loads(text)
        fields = _known(Certificate, value)
        fields["source"], fields["target"] = space_from(value["source"]), space_from(value["target"])
        held_out = value.get("held_out")
        fields["held_out"] = HeldOut(**_known(HeldOut, held_out)) if held_out is not None else None
        fields["fidelity"] = tuple(Fidelity(**_known(Fidelity, row)) for row in value.get("fidelity", ()))
        fields["notes"], fields["needed"] = tuple(value.get("notes", ())), tuple(value.get("needed", ()))
        for pairs in ("settings", "claims"):
            fields[pairs] = tuple((str(name), str(text)) for name, text in value.get(pairs, ()))
        fields.setdefault("aligner", REGRESSIONS[0] if fields["ridge"] else REGRESSIONS[1])
        return Certificate(**fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptError(expected(subject, "a certificate in JSON", f"{type(error).__name__}: {error}")) from error


def _known(kind: Any, value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value[name] for name in kind.__dataclass_fields__ if name in value}
