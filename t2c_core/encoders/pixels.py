"""Decoded images as tensors: uint8 RGB with channels last in memory."""

import numpy as np
import torch

from t2c.core.images.decode import read_rgb
from t2c.core.images.jpeg import sees_warnings
from t2c.core.images.outcomes import MAX_PIXELS, UnreadableImage
from t2c.schemas.extras import missing

__all__ = ["MAX_PIXELS", "UnreadableImage", "decode"]

if not sees_warnings():  # without it half a picture would be a feature
    raise missing("extract", module="simplejpeg", subject="JPEG decoder")


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS) -> torch.Tensor:
    """Return uint8 RGB (3, h, w), channels last in memory, upright by its header's orientation.

    Raises UnreadableImage: corrupt for a truncated or damaged file, too_large over the cap, unsupported for a format
    or pixel type that is not read.
    """
    return torch.from_numpy(np.ascontiguousarray(read_rgb(data, max_pixels=max_pixels))).permute(2, 0, 1)
