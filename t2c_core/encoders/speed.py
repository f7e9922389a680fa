"""What a forward pass costs: floating-point operations and images a second, from the architecture alone, without weights."""

import logging
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from t2c.core.encoders.base import Encoder
from t2c.core.encoders.devices import choose_device
from t2c.core.encoders.layouts import KNOWN, build
from t2c.core.encoders.load import load_encoder
from t2c.core.encoders.open_clip_encoder import check_open_clip_name, open_clip_encoder
from t2c.core.encoders.timm_encoder import check_timm_name, preprocessing_of, timm_encoder
from t2c.schemas.specs.base import EncoderSpec

STEM_CHANNELS = {4096: 128}
"""Stem of a ResNet-50 whose features are this long; 64 otherwise."""


@dataclass(frozen=True, slots=True)
class Speed:
    """What one forward pass was measured to cost."""

    dimension: int
    """Length of the features."""
    size: int
    """Height of the input, pixels."""
    gflops: float
    """Billions of multiplications and additions an image, matrix products and convolutions alone."""
    images_per_second: float
    """On the device; on a CPU of one thread, so that cores add up."""
    batch: int
    """Images a forward pass."""


def untrained(spec: EncoderSpec, *, dimension: int, device: str = "cpu") -> Encoder:
    """Return the encoder with random weights: as fast as the trained one, and nothing to fetch.

    `dimension` tells how wide a ResNet-50 in SimCLR's layout is. The demo's encoders are loaded as they are.
    Raises UnknownName for a model that timm or open_clip does not have.
    """
    place = choose_device(device)
    if spec.library == "demo":
        return load_encoder(spec, device=device)
    return _timm(spec, dimension, place) if spec.library == "timm" else _open_clip(spec, place)


def measure(encoder: Encoder, *, seconds: float = 2.0) -> Speed:
    """Return the cost of a forward pass, timed for about so many seconds after a first one.

    A CPU runs one thread and batches of 8, anything else batches of 128.
    """
    height, width = encoder.preprocessing.size
    batch = 8 if encoder.device == "cpu" else 128
    pixels = torch.zeros(batch, 3, height, width, dtype=torch.uint8)
    before = torch.get_num_threads()
    torch.set_num_threads(1 if encoder.device == "cpu" else before)
    try:
        flops = _flops(encoder, pixels[:1])
        rate = _rate(encoder, pixels, seconds=seconds)
    finally:
        torch.set_num_threads(before)
    return Speed(encoder.space.dimension, height, flops / 1e9, rate, batch)


def _flops(encoder: Encoder, pixels: torch.Tensor) -> float:
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # its fused attention is one call that no counter sees into
    try:
        with FlopCounterMode(display=False) as counter:
            encoder.encode(pixels)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return float(counter.get_total_flops())


def _rate(encoder: Encoder, pixels: torch.Tensor, *, seconds: float) -> float:
    """Return images a second: the best of the passes that fit the time, which no other process on the machine slowed."""
    encoder.encode(pixels)
    best, ends = float("inf"), time.perf_counter() + seconds
    while True:
        started = time.perf_counter()
        encoder.encode(pixels)
        now = time.perf_counter()
        best = min(best, now - started)
        if now >= ends:
            return len(pixels) / best


def _timm(spec: EncoderSpec, dimension: int, place: torch.device) -> Encoder:
    import timm
    from timm.data import resolve_model_data_config

    check_timm_name(spec.model_copy(update={"weights": spec.weights or "none"}))
    options: dict[str, Any] = {"global_pool": spec.pooling} if spec.pooling else {}
    if not spec.layout:
        return timm_encoder(spec, timm.create_model(spec.model, num_classes=0, **options), device=place)
    layout = KNOWN[spec.layout]
    stem = torch.empty(STEM_CHANNELS.get(dimension, 64), 3, 7, 7)
    model, _ = build(spec.model, layout, {"conv1.weight": stem}, num_classes=0, **options)
    preprocessing = preprocessing_of({**resolve_model_data_config(model), **layout.data})
    return timm_encoder(spec, model, device=place, preprocessing=preprocessing)


def _open_clip(spec: EncoderSpec, place: torch.device) -> Encoder:
    tag = check_open_clip_name(spec)
    model = _silently(spec.model, quick_gelu=bool(tag.get("quick_gelu", False)))
    size = getattr(model.visual, "image_size", 224)
    height, width = (size, size) if isinstance(size, int) else tuple(size)
    config = {"size": (height, width), "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "interpolation": "bicubic"}
    return open_clip_encoder(
        spec, model, device=place, config=config, architecture="untrained", tokenizer=None, check=lambda _: None
    )


def _silently(model: str, *, quick_gelu: bool) -> Any:
    """Build a CLIP without open_clip's warning that it has no weights, which is what is wanted here."""
    import open_clip

    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        return open_clip.create_model(model, force_quick_gelu=quick_gelu, load_weights=False)
    finally:
        logging.disable(before)
