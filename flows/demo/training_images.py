"""The training images of the demo's CLIP, drawn once on all cores into a cache of uint8 arrays."""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from t2c.flows.engine.machine import cores
from t2c.flows.world.world import VALUES, draw

IMAGE_SIZE = 96
"""Pixels a side that the image tower sees."""
BLOCK = 500
"""Images drawn by one task."""

Labelled = tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]
"""Images (n, 96, 96, 3) and attribute indices (n, 4)."""


def render(seed: int, start: int, stop: int) -> Labelled:
    """Return images (n, 96, 96, 3) uint8 resized as the encoder resizes, and attribute indices (n, 4) uint8."""
    images = np.empty((stop - start, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    labels = np.empty((stop - start, len(VALUES)), np.uint8)
    for place, index in enumerate(range(start, stop)):
        pixels, attributes = draw(seed, index)
        small = Image.fromarray(pixels).resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC)
        images[place] = np.asarray(small)
        labels[place] = [VALUES[name].index(getattr(attributes, name)) for name in VALUES]
    return images, labels


def _render_block(seed: int, limits: tuple[int, int]) -> Labelled:
    return render(seed, *limits)


def cached(cache: Path, seed: int, n: int) -> Labelled:
    """Return the first n images of a seed and their attributes, drawing them into the cache when they are not there."""
    image_file, label_file = cache / f"images-{seed}-{n}.npy", cache / f"labels-{seed}-{n}.npy"
    if not label_file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        limits = [(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK)]
        with ProcessPoolExecutor(cores(), mp_context=get_context("spawn")) as pool:
            blocks = list(pool.map(partial(_render_block, seed), limits))
        np.save(image_file, np.concatenate([images for images, _ in blocks]))
        np.save(label_file, np.concatenate([labels for _, labels in blocks]))
    return np.load(image_file, mmap_mode="r"), np.load(label_file)
