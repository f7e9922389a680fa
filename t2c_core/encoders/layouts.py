"""Checkpoints that their authors wrote in a layout of their own: which tensors are the encoder, and how it must be built.

Where the same tensors fit a wrong model without an error (another number of attention heads, pixels that were never
normalised), the layout knows: MoCo v3's ViT-S has 12 heads where timm's has 6, and SimCLR saw pixels in 0..1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from t2c.core.encoders.weights import State
from t2c.schemas.errors import MismatchError, expected

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""What torchvision's recipes subtract from and divide by, channels in 0..1."""

_EVAL = {"crop_pct": 0.875, "crop_mode": "center", "interpolation": "bilinear", "input_size": (3, 224, 224)}
"""Resize the shorter side to 256, crop 224: what these projects' own evaluation does."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read one project's checkpoints."""

    prefix: str = ""
    """Tensors below it are the encoder, all others are left out; empty keeps all."""
    heads: tuple[str, ...] = ()
    """Starts of names, the prefix off, that belong to a training head and are left out."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """timm's data configuration in place of the model's own."""
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """timm's model arguments by architecture, where the project built another variant."""


KNOWN: Mapping[str, Layout] = {
    "robustness": Layout("model.", (), {**_EVAL, "mean": IMAGENET_MEAN, "std": IMAGENET_STD}),
    "moco": Layout("encoder_q.", ("fc.",), {**_EVAL, "mean": IMAGENET_MEAN, "std": IMAGENET_STD}),
    "moco-v3": Layout(
        "base_encoder.",
        ("head.", "fc."),
        {**_EVAL, "mean": IMAGENET_MEAN, "std": IMAGENET_STD},
        {"vit_small_patch16_224": {"num_heads": 12}},
    ),
    "dino": Layout(
        "", ("head.", "fc."), {**_EVAL, "interpolation": "bicubic", "mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    ),
    "simclr": Layout("", (), {**_EVAL, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}),
}
"""The layouts of `t2c.schemas.specs.base.LAYOUTS`; `module.` in front of every name is off already."""

_TELLING = {"encoder_q.": "moco", "base_encoder.": "moco-v3", "attacker.": "robustness"}
"""Starts of names that only one layout has."""


def layout_of(asked: str, state: State) -> Layout | None:
    """Return the layout asked for, else the one that the tensors' names tell, else None."""
    found = asked or next((name for start, name in _TELLING.items() if any(key.startswith(start) for key in state)), "")
    return KNOWN[found] if found else None


def encoder_tensors(layout: Layout, state: State, *, subject: str) -> State:
    """Return the encoder's tensors under the names that timm has for them; raises MismatchError when there are none."""
    below = {
        name.removeprefix(layout.prefix): tensor for name, tensor in state.items() if name.startswith(layout.prefix)
    }
    kept = {name: tensor for name, tensor in below.items() if not name.startswith(layout.heads or ("\0",))}
    if not kept:
        first = ", ".join(list(state)[:3])
        want = f"tensors named {layout.prefix}*"
        todo = "Name the layout that it has (?layout=...), or leave it out for a plain state dict."
        raise MismatchError(expected(f"checkpoint of {subject}", want, first, todo))
    return kept


def build(model: str, layout: Layout, state: State, **options: Any) -> tuple[Any, str]:
    """Return the untrained timm model that these tensors belong to, and the text that tells its variant apart.

    A ResNet whose stem is k times 64 wide is built k times as wide throughout (SimCLR's 2x).
    """
    import timm

    own = dict(layout.options.get(model.partition(".")[0], {}))
    stem = state.get("conv1.weight")
    width = 1 if stem is None or stem.ndim != 4 else max(1, len(stem) // 64)
    if width > 1:
        own["channels"] = tuple(width * channels for channels in (64, 128, 256, 512))
    built = timm.create_model(model, **own, **options)
    if width > 1:
        _widen_stem(built, width)
    return built, "".join(f":{name}={value}" for name, value in sorted(own.items()))


def _widen_stem(model: Any, width: int) -> None:
    """Widen what timm's `channels` leaves alone: the stem, and what reads it."""
    stem = 64 * width
    first = model.layer1[0]
    model.conv1 = _wider(model.conv1, outputs=stem)
    model.bn1 = torch.nn.BatchNorm2d(stem)
    first.conv1 = _wider(first.conv1, inputs=stem)
    first.downsample[0] = _wider(first.downsample[0], inputs=stem)


def _wider(layer: Any, *, inputs: int | None = None, outputs: int | None = None) -> torch.nn.Conv2d:
    return torch.nn.Conv2d(
        inputs or layer.in_channels,
        outputs or layer.out_channels,
        layer.kernel_size,
        layer.stride,
        layer.padding,
        bias=False,
    )
