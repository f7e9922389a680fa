"""The forward pass of an image model: uint8 pixels in, float32 features out, on one device in one precision.

Weights and activations are channels_last: measured 2x faster for convolutions on CPUs and what tensor cores want. The
memory format changes the last bits of a feature, so it is not an option.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from t2c.core.encoders.base import Preprocessing, Vectors
from t2c.core.encoders.devices import halving, precision_context
from t2c.schemas.errors import SpecError, expected

Pooled = Callable[[torch.Tensor], torch.Tensor]
"""Normalised pixels (images, 3, h, w) to pooled features (images, d)."""


@dataclass(frozen=True, slots=True)
class ImageForward:
    """A model placed on a device; calling it is safe from several threads."""

    model: Any
    """The module itself, in eval mode."""
    pooled: Pooled
    """How features are read from it."""
    device: torch.device
    """Where it runs."""
    precision: str
    """float32, bfloat16 or float16."""
    scale: torch.Tensor
    """(1, 3, 1, 1): pixels in 0..255 times this, plus offset, is the model's input."""
    offset: torch.Tensor
    """(1, 3, 1, 1)."""

    @staticmethod
    def of(
        model: Any, pooled: Pooled, preprocessing: Preprocessing, *, device: torch.device, precision: str
    ) -> "ImageForward":
        """Place a model on a device in eval mode; scale and offset come from the preprocessing's mean and std."""
        model = model.eval().requires_grad_(False).to(device=device, memory_format=torch.channels_last)
        mean = torch.tensor(preprocessing.mean, dtype=torch.float64)
        std = torch.tensor(preprocessing.std, dtype=torch.float64)
        scale, offset = (part.float().reshape(1, 3, 1, 1).to(device) for part in (1 / (255 * std), -mean / std))
        return ImageForward(model, pooled, device, precision, scale, offset)

    def __call__(self, batch: torch.Tensor) -> Vectors:
        """Return features (images, d) float32 of a uint8 batch (images, 3, h, w)."""
        with torch.inference_mode():
            placed = batch.to(self.device, non_blocking=True)
            result: Vectors = halving(self._forward, placed).float().cpu().numpy()
        return result

    def _forward(self, batch: torch.Tensor) -> torch.Tensor:
        pixels = batch.contiguous(memory_format=torch.channels_last).float().mul_(self.scale).add_(self.offset)
        with precision_context(self.device, self.precision):
            return self.pooled(pixels)

    def dimension(self, size: tuple[int, int], *, name: str) -> int:
        """Return d by running one black image; raises SpecError when the model gives no (images, d) features."""
        try:
            shape = self(torch.zeros(1, 3, *size, dtype=torch.uint8)).shape
        except (RuntimeError, AttributeError, TypeError, AssertionError) as error:
            want = f"a model that pools {size[0]} x {size[1]} RGB images"
            raise SpecError(expected(f"encoder {name}", want, f"{type(error).__name__} ({error})")) from error
        if len(shape) != 2:
            todo = "Choose a pooling: ?pooling=avg or ?pooling=token"
            raise SpecError(expected(f"encoder {name}", "one pooled vector an image", f"shape {tuple(shape)}", todo))
        return int(shape[1])
