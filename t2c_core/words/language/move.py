"""A gradient-moved context: keys and values shifted until the model's next token agrees with the guide (Tewel et al. 2021).

The moves lower  CE(guide, moved) + divergence * KL(moved || unmoved).  Rows never touch each other: each tensor of each row
is normalised by its own norm, so that a batch gives what one row at a time gives.
"""

import torch

from t2c.core.words.language.model import Context, LanguageModel
from t2c.core.words.language.settings import Settings

LEAST_NORM = 1e-12
"""Norms are at least this, so that no gradient is no step."""


def moved(
    language: LanguageModel, context: Context, *, tokens: torch.Tensor, target: "Target", settings: Settings
) -> torch.Tensor:
    """Return logits (rows, tokens) of what follows `tokens` (rows,) after a context that was moved."""
    leaves = [torch.zeros_like(part, requires_grad=True) for layer in context for part in layer]
    for _ in range(settings.steps):
        with torch.enable_grad():
            logits, _ = language.follow(_shifted(context, leaves), tokens)
            loss = target.loss(logits.log_softmax(dim=1), divergence=settings.divergence)
        gradients = torch.autograd.grad(loss, leaves)
        with torch.no_grad():
            for leaf, gradient in zip(leaves, gradients, strict=True):
                leaf.sub_(_step(gradient, settings))
    with torch.no_grad():
        return language.follow(_shifted(context, leaves), tokens)[0]


class Target:
    """What the moved model should say: near to the guide, and not far from the unmoved model."""

    def __init__(self, candidates: torch.Tensor, guide: torch.Tensor, unmoved: torch.Tensor) -> None:
        """Take candidates (rows, k), their probabilities (rows, k), and the unmoved log-probabilities (rows, tokens)."""
        self.candidates, self.guide, self.unmoved = candidates, guide, unmoved

    def loss(self, log_p: torch.Tensor, *, divergence: float) -> torch.Tensor:
        """Return the sum over rows of the cross-entropy to the guide plus the weighted divergence."""
        cross_entropy = -(self.guide * log_p.gather(1, self.candidates)).sum()
        away = (log_p.exp() * (log_p - self.unmoved)).sum()
        return cross_entropy + divergence * away


def _shifted(context: Context, leaves: list[torch.Tensor]) -> Context:
    parts = iter(leaves)
    return [(keys + next(parts), values + next(parts)) for keys, values in context]


def _step(gradient: torch.Tensor, settings: Settings) -> torch.Tensor:
    """Return step_size * gradient / norm ** norm_exponent, the norm taken over each row."""
    norms = gradient.flatten(1).norm(dim=1).clamp_min(LEAST_NORM)
    scale: torch.Tensor = settings.step_size / norms**settings.norm_exponent
    return gradient * scale[:, None, None, None]
