"""The published aligner: linear regression by a few epochs of SGD on scaled features (paper, section 3 and appendix D)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from t2c.core.maps.gradient.descent import Loss, minimise, on_device, scale_of
from t2c.core.maps.gradient.options import SgdOptions, equivalent_ridge
from t2c.core.maps.linear_map import LinearMap
from t2c.schemas.errors import MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True, slots=True)
class Descended:
    """The map that SGD ended at, and the ridge that its weight decay amounts to."""

    map: LinearMap
    """The map in the features' own units."""
    ridge: float
    """The ridge whose exact solution weight decay pulls towards, where the bias does not decay; 0 without weight decay."""


def fit_sgd(
    x: Float[np.ndarray, "images source"],
    y: Float[np.ndarray, "images target"],
    *,
    options: SgdOptions,
    device: str = "auto",
    watch: Callable[[int], None] = lambda _: None,
) -> Descended:
    """Return the map from x (images, source) to y (images, target) that the published SGD finds.

    Both are scaled to a variance over all elements of `options.variance`, by c and k, and the map is scaled back:
    W = W' c / k, b = b' / k. Rows are read `options.epochs` times. Raises MismatchError for shapes that do not fit,
    InputError for no rows or when SGD diverges, SpecError for a device that is not here.
    """
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y):
        want = "x (images, source) and y (images, target) of the same images"
        raise MismatchError(expected("paired features", want, f"shapes {x.shape} and {y.shape}"))
    scale, unscale = scale_of(x, variance=options.variance), scale_of(y, variance=options.variance)

    def squared(place: torch.device) -> Loss:
        targets = on_device(y, place)
        return lambda z, rows: torch.nn.functional.mse_loss(z, targets[rows].float() * unscale)

    weight, bias = minimise(x, squared, target=y.shape[1], scale=scale, options=options, device=device, watch=watch)
    fitted = LinearMap((weight * scale / unscale).astype(np.float32), (bias / unscale).astype(np.float32))
    return Descended(fitted, equivalent_ridge(options, n=len(x), target=y.shape[1], scale=scale))
