"""How fast an encoder is on this machine, from one small batch."""

import time

import torch

from t2c.core.encoders.base import Encoder


def seconds_an_image(encoder: Encoder, *, images: int = 8) -> float:
    """Return the seconds of a forward pass an image, on one thread where the encoder runs on a CPU."""
    batch = torch.zeros(images, 3, *encoder.preprocessing.size, dtype=torch.uint8)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        encoder.encode(batch[:1])
        started = time.perf_counter()
        encoder.encode(batch)
        return (time.perf_counter() - started) / images
    finally:
        torch.set_num_threads(before)
