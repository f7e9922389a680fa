"""Cross-entropy aligners: a map trained so that a fixed head of the target space names the class (paper, A.2 a and b)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

from t2c.core.maps.gradient.descent import Loss, minimise, on_device, scale_of
from t2c.core.maps.gradient.options import SgdOptions
from t2c.core.maps.heads import UNLABELLED, Head
from t2c.core.maps.linear_map import LinearMap
from t2c.schemas.errors import InputError, MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Int64

_BLOCK_ROWS = 8192


def fit_cross_entropy(
    x: Float[np.ndarray, "images source"],
    codes: Int64[np.ndarray, " images"],
    *,
    head: Head,
    temperature: float,
    options: SgdOptions,
    device: str = "auto",
    watch: Callable[[int], None] = lambda _: None,
) -> LinearMap:
    """Return the map from x (images, source) whose logits under the head best name the class codes (images,).

    Logits are cos(W' x + b, class vector) / temperature for a text head, and the head's own / temperature for one that
    does not normalise. Under a text head the length of mapped features is free: they are scaled, all alike, to a root
    mean square of 1 over the rows fitted.
    Rows of class -1 are left out. Raises MismatchError, InputError for codes outside the head or fewer than two classes.
    """
    if x.ndim != 2 or codes.shape != (len(x),):
        want = "x (images, source) and one class code an image"
        raise MismatchError(expected("labelled features", want, f"shapes {x.shape} and {codes.shape}"))
    labelled = np.flatnonzero(codes != UNLABELLED)
    chosen = codes[labelled].astype(np.int64)
    if len(chosen) and not 0 <= chosen.min() <= chosen.max() < len(head.classes):
        want = f"0 to {len(head.classes) - 1}, the classes of the head"
        raise InputError(expected("class codes", want, f"{chosen.min()} to {chosen.max()}"))
    if len(np.unique(chosen)) < 2:
        todo = "Cross-entropy learns nothing from one class; use --method ridge, or images of more classes."
        raise InputError(expected("classes among the rows", "two or more", str(len(np.unique(chosen))), todo))
    used = x if len(labelled) == len(x) else x[labelled]
    scale = scale_of(used, variance=options.variance)

    def crossed(place: torch.device) -> Loss:
        vectors, offset = (on_device(part, place) for part in (head.weight, head.bias))
        targets = on_device(chosen, place)

        def loss(z: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
            features = torch.nn.functional.normalize(z, dim=1) if head.normalise else z
            return torch.nn.functional.cross_entropy(
                torch.addmm(offset, features, vectors.T) / temperature, targets[rows]
            )

        return loss

    weight, bias = minimise(
        used, crossed, target=head.dimension, scale=scale, options=options, device=device, watch=watch
    )
    fitted = LinearMap((weight * scale).astype(np.float32), bias.astype(np.float32))
    return _of_unit_length(fitted, used) if head.normalise else fitted


def _of_unit_length(linear_map: LinearMap, x: Float[np.ndarray, "images source"]) -> LinearMap:
    """Return the map times the one factor that gives mapped x a root mean square length of 1."""
    blocks = (x[start : start + _BLOCK_ROWS] for start in range(0, len(x), _BLOCK_ROWS))
    squares = sum(float((linear_map.apply(block).astype(np.float64) ** 2).sum()) for block in blocks)
    factor = np.float32((len(x) / squares) ** 0.5) if squares > 0 else np.float32(1)
    return LinearMap(linear_map.weight * factor, linear_map.bias * factor)
