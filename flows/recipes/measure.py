"""Measure here what a recipe's encoders cost: forward passes of untrained models, and the decoding of one photograph."""

import io
import platform
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from t2c.flows.engine.progress import Progress
from t2c.flows.recipes.rates import CORE, DECODE, PHOTO, Rate
from t2c.schemas.errors import SpecError, expected, unknown
from t2c.schemas.specs.recipe import RecipeSpec


def measure_encoders(
    recipe: RecipeSpec, keys: Sequence[str], *, device: str, seconds: float, progress: Progress
) -> list[Rate]:
    """Return the rates of encoders by key (`all` takes each), equal ones measured once, and that of decoding.

    Raises UnknownName for a key that the recipe lacks, SpecError for a dimension that the encoder does not have.
    """
    from t2c.core.encoders.speed import measure, untrained

    for key in keys:
        if key not in (*recipe.encoders, "all"):
            raise unknown("encoder of the recipe", key, [*recipe.encoders, "all"])
    chosen = list(recipe.encoders) if "all" in keys else list(dict.fromkeys(keys))
    rates: dict[tuple[str, int], Rate] = {}
    progress.start("measure", len(chosen), "encoders")
    try:
        for key in chosen:
            recipe_encoder = recipe.encoders[key]
            if (recipe_encoder.encoder, recipe_encoder.dimension) not in rates:
                encoder = untrained(recipe_encoder.spec("weights"), dimension=recipe_encoder.dimension, device=device)
                speed = measure(encoder, seconds=seconds)
                if speed.dimension != recipe_encoder.dimension:
                    subject = f"dimension of encoder {key} ({recipe_encoder.encoder})"
                    raise SpecError(expected(subject, str(speed.dimension), str(recipe_encoder.dimension)))
                where = processor() if encoder.device == "cpu" else graphics(encoder.device)
                facts = speed.dimension, speed.size, speed.gflops, speed.images_per_second
                rates[recipe_encoder.encoder, recipe_encoder.dimension] = Rate(where, recipe_encoder.encoder, *facts)
            progress.advance(1)
    finally:
        progress.done()
    return [*rates.values(), decoding(seconds=seconds)]


def processor() -> str:
    """Return what this machine's processor calls itself, as one core of it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{CORE}{name.replace(',', ' ')}"


def graphics(device: str) -> str:
    """Return what a GPU calls itself; `cuda` is the first one."""
    from t2c.core.encoders.devices import describe_devices

    name = "cuda:0" if device == "cuda" else device
    return dict(describe_devices()).get(name, device).partition(",")[0]


def decoding(*, seconds: float) -> Rate:
    """Return how many photographs of PHOTO's size one core decodes and resizes a second; the best of several passes."""
    from t2c.core.encoders.base import Preprocessing
    from t2c.core.encoders.pixels import decode
    from t2c.core.encoders.resize import resize_and_crop

    data, preprocessing = _photo(), Preprocessing((224, 224), (256, 256))
    best, ends = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < ends:
        started = time.perf_counter()
        for _ in range(8):
            resize_and_crop(decode(data), preprocessing)
        # the best pass counts: whatever else the machine did can only have slowed a pass down
        best = min(best, (time.perf_counter() - started) / 8)
    return Rate(processor(), DECODE, 0, PHOTO[1], 0.0, 1 / best)


def _photo() -> bytes:
    """Return a JPEG of PHOTO's size that is as hard to decode as a photograph: soft shapes under fine grain, about 75 kB."""
    from PIL import Image

    rng = np.random.default_rng(0)
    soft = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)).resize(PHOTO, Image.Resampling.BICUBIC)
    grainy = np.asarray(soft, np.float32) + rng.normal(0, 10, (PHOTO[1], PHOTO[0], 3))
    stream = io.BytesIO()
    Image.fromarray(np.clip(grainy, 0, 255).astype(np.uint8)).save(stream, "jpeg", quality=90)
    return stream.getvalue()
