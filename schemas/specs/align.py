"""Which aligner fits a map, and its options: each method takes its own and refuses those of others."""

from typing import Any, Literal, Self, get_args

from pydantic import Field, model_validator

from t2c.schemas.errors import SpecError, expected
from t2c.schemas.specs.base import Spec

Method = Literal["ridge", "least-squares", "procrustes", "low-rank", "sgd", "cross-entropy", "self-labels", "data-free"]
METHODS: tuple[Method, ...] = get_args(Method)
"""In the order in which help lists them; the first is the default."""

FROM_MOMENTS: tuple[Method, ...] = ("ridge", "least-squares", "procrustes", "low-rank")
"""Methods that read each row once, as moments."""
DESCENDING: tuple[Method, ...] = ("sgd", "cross-entropy", "self-labels")
"""Methods that read rows again in every epoch."""

_TAKERS: dict[str, tuple[Method, ...]] = {
    "ridge": ("ridge", "low-rank", "data-free"),
    "rank": ("low-rank",),
    **dict.fromkeys(("preset", "epochs", "batch", "learning_rate", "momentum", "weight_decay"), DESCENDING),
    "temperature": ("cross-entropy", "self-labels"),
    "labels": ("cross-entropy", "self-labels", "data-free"),
    "head": ("cross-entropy", "self-labels", "data-free"),
    "source_head": ("self-labels", "data-free"),
    "classes": ("cross-entropy", "self-labels", "data-free"),
}
"""Option -> the methods that take it."""


class MethodSpec(Spec):
    """An aligner and its options; None leaves an option to the method."""

    method: Method = "ridge"
    """ridge: closed-form regression, strength chosen by cross-validation unless given; least-squares: the same without
    a ridge; procrustes: rotation, one scale, shift; low-rank: regression through few dimensions; sgd: the published SGD;
    cross-entropy: labels through a head of the target space; self-labels: the source model's own predictions instead of
    labels; data-free: from two heads alone."""
    ridge: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Ridge strength; 0 is exact least squares, None chooses by cross-validation (data-free: takes 0)."""
    rank: int | None = Field(default=None, gt=0)
    """Dimensions that a low-rank map passes through."""
    preset: Literal["paper", "authors"] | None = None
    """SGD as the paper's text has it (default) or as the authors' code does: 5 epochs for 6, and the bias decays too."""
    epochs: int | None = Field(default=None, gt=0)
    """Passes over the rows, instead of the preset's."""
    batch: int | None = Field(default=None, gt=0)
    """Rows of a step, instead of the preset's 100."""
    learning_rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Learning rate, instead of the preset's 0.01."""
    momentum: float | None = Field(default=None, ge=0, lt=1, allow_inf_nan=False)
    """Momentum, instead of the preset's 0.9."""
    weight_decay: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Weight decay, instead of the preset's 0.0005."""
    temperature: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Divides the target head's logits; None is 0.01 for a text head (CLIP's logit scale of 100), else 1."""
    labels: str | None = None
    """`label` (default), or the imported attribute that holds the class."""
    head: str | None = None
    """Head of the target space: zeroshot (default), zeroshot:BANK, probe, probe:ATTRIBUTE or classifier."""
    source_head: str | None = None
    """Head of the source space: classifier (default), probe, probe:ATTRIBUTE, zeroshot or zeroshot:BANK."""
    classes: tuple[str, ...] = ()
    """Class names in order; empty takes the source head's, or the labels there are."""

    @model_validator(mode="after")
    def _own_options(self) -> Self:
        for name, takers in _TAKERS.items():
            if getattr(self, name) not in (None, ()) and self.method not in takers:
                want = f"a method that takes it ({', '.join(takers)})"
                raise SpecError(expected(f"--{name.replace('_', '-')}", want, f"--method {self.method}"))
        if self.method == "low-rank" and self.rank is None:
            raise SpecError(
                expected("--rank", "a number of dimensions for --method low-rank", "none", "Try: --rank 64")
            )
        return self

    def settings(self) -> dict[str, Any]:
        """Return the options that were given, without the method and the ridge."""
        options = self.model_dump(include=set(_TAKERS) - {"ridge"}, mode="json")
        return {name: value for name, value in options.items() if value not in (None, [])}
