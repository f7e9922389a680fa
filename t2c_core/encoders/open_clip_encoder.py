"""CLIP models of open_clip: image features (encode_image, not normalised) and texts in the same space."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from t2c.core.encoders.base import Head, Preprocessing, Vectors, space_of
from t2c.core.encoders.devices import precision_context
from t2c.core.encoders.forward import ImageForward
from t2c.core.encoders.hub import cached_file, hub_url, reachable, weights_missing
from t2c.core.encoders.weights import State, load_state, read_checkpoint, weights_digest
from t2c.schemas.digest import canonical_json
from t2c.schemas.errors import SpecError, expected, unknown
from t2c.schemas.extras import missing
from t2c.schemas.spaces import Space
from t2c.schemas.specs.base import EncoderSpec

_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_TEXTS_A_BATCH = 256

CheckTexts = Callable[[Sequence[str]], None]
"""Raises SpecError for a text that the tokenizer cannot say in full."""


@dataclass(frozen=True, slots=True)
class OpenClip:
    """A CLIP as an Encoder and a TextEncoder; both sides share one space."""

    name: str
    """What the user typed."""
    space: Space
    """The joint space of images and texts."""
    preprocessing: Preprocessing
    """From the model's preprocess configuration."""
    forward: ImageForward
    """Pixels to features on the chosen device."""
    tokenizer: Callable[[Sequence[str]], torch.Tensor]
    """Texts to tokens (prompts, length)."""
    check: CheckTexts
    """What `check_texts` does."""

    @property
    def device(self) -> str:
        """Where the forward pass runs."""
        return str(self.forward.device)

    def encode(self, batch: torch.Tensor) -> Vectors:
        """Return image features (images, d) float32, not normalised, of a uint8 batch (images, 3, h, w)."""
        return self.forward(batch)

    def head(self) -> Head | None:
        """Return None: a CLIP classifies by its texts."""
        return None

    def check_texts(self, texts: Sequence[str]) -> None:
        """Raise SpecError naming a word outside the trained vocabulary, or a text that is too long."""
        self.check(texts)

    def encode_text(self, texts: Sequence[str]) -> Vectors:
        """Return (prompts, d) float32 vectors, not normalised; raises SpecError as `check_texts` does."""
        self.check_texts(texts)
        model, device = self.forward.model, self.forward.device
        parts = [np.empty((0, self.space.dimension), np.float32)]
        for start in range(0, len(texts), _TEXTS_A_BATCH):
            tokens = self.tokenizer(list(texts[start : start + _TEXTS_A_BATCH])).to(device)
            with torch.inference_mode(), precision_context(device, self.forward.precision):
                parts.append(model.encode_text(tokens).float().cpu().numpy())
        return np.concatenate(parts)


def load_open_clip(spec: EncoderSpec, *, device: torch.device) -> OpenClip:
    """Load a CLIP from a local file (`open_clip:MODEL[/PRETRAINED]@FILE`), the local cache, or the hub.

    With a pretrained tag the tag's preprocessing and activation apply, also to a local file. Raises UnknownName with
    the nearest names, WeightsMissing, MismatchError or InputError.
    """
    import open_clip

    tag = check_open_clip_name(spec)
    path = spec.weights or _cached(tag)
    if path:
        model = _build(spec, tag)
        _load(model, read_checkpoint(path, subject=spec.name), subject=spec.name)
    else:
        model = _from_hub(spec, tag)
    config = _preprocess_config(model, tag)
    tokenizer = _tokenizer(open_clip, spec.model)
    architecture = _architecture(open_clip.get_model_config(spec.model), quick_gelu=_quick_gelu(spec, tag))
    return open_clip_encoder(
        spec, model, device=device, config=config, architecture=architecture, tokenizer=tokenizer,
        check=lambda texts: check_lengths(texts, tokenizer),
    )  # fmt: skip


def open_clip_encoder(
    spec: EncoderSpec,
    model: Any,
    *,
    device: torch.device,
    config: dict[str, Any],
    architecture: str,
    tokenizer: Any,
    check: CheckTexts,
) -> OpenClip:
    """Return an open_clip model that holds its weights as an encoder of images and texts."""
    preprocessing = preprocessing_of(config)
    weights = weights_digest(model.state_dict(), architecture=architecture)

    def pooled(pixels: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = model.encode_image(pixels)
        return features

    forward = ImageForward.of(model, pooled, preprocessing, device=device, precision=spec.precision)
    dimension = forward.dimension(preprocessing.size, name=spec.name)
    parts = {"dimension": dimension, "weights": weights, "pooling": "encode_image", "precision": spec.precision}
    space = space_of(spec.name, preprocessing, **parts)
    return OpenClip(spec.name, space, preprocessing, forward, tokenizer, check)


def check_open_clip_name(spec: EncoderSpec) -> dict[str, Any]:
    """Return the pretrained tag's configuration ({} without a tag); raises UnknownName with the nearest names."""
    import open_clip

    if spec.model not in open_clip.list_models():
        raise unknown("open_clip model", spec.model, open_clip.list_models())
    if not spec.pretrained:
        return {}
    tag: dict[str, Any] = open_clip.get_pretrained_cfg(spec.model, spec.pretrained)
    if not tag:
        tags = open_clip.list_pretrained_tags_by_model(spec.model)
        raise unknown(f"pretrained weights of open_clip:{spec.model}", spec.pretrained, tags)
    return tag


def preprocessing_of(config: dict[str, Any]) -> Preprocessing:
    """Return open_clip's preprocess configuration (size, resize_mode, interpolation, mean, std) as Preprocessing."""
    size = config["size"]
    height, width = (size, size) if isinstance(size, int) else tuple(size)
    fill = (int(config.get("fill_color", 0)),) * 3
    mean, std = tuple(config["mean"]), tuple(config["std"])
    mode = config.get("resize_mode", "shortest")
    return Preprocessing((height, width), (height, width), mode, config["interpolation"], mean, std, fill)


def check_lengths(texts: Sequence[str], tokenizer: Any) -> None:
    """Raise SpecError naming a text that the tokenizer would cut off."""
    encode, length = getattr(tokenizer, "encode", None), getattr(tokenizer, "context_length", None)
    if encode is None or length is None:
        return
    for text in texts:
        if (tokens := len(encode(text)) + 2) > length:
            want = f"at most {length - 2} tokens"
            raise SpecError(
                expected(f"text {text[:60]!r}", want, str(tokens - 2), "Shorten the concept or its template")
            )


def _tokenizer(open_clip: Any, model: str) -> Any:
    try:
        return open_clip.get_tokenizer(model)
    except (ImportError, NameError, AttributeError) as error:
        raise missing("language", module="transformers", subject=f"tokenizer of open_clip:{model}") from error
    except OSError as error:
        source = f"the tokenizer of open_clip:{model}"
        raise weights_missing(f"open_clip:{model}", source, reason=f"{type(error).__name__}") from error


def _architecture(config: dict[str, Any], *, quick_gelu: bool) -> str:
    """Return the text that stands for the architecture in the weights' digest; the activation is part of it."""
    return "open_clip:" + canonical_json({**config, "quick_gelu": quick_gelu}).decode()


def _quick_gelu(spec: EncoderSpec, tag: dict[str, Any]) -> bool:
    import open_clip

    return bool(tag.get("quick_gelu", False) or open_clip.get_model_config(spec.model).get("quick_gelu", False))


def _build(spec: EncoderSpec, tag: dict[str, Any]) -> Any:
    import open_clip

    return open_clip.create_model(
        spec.model,
        force_quick_gelu=_quick_gelu(spec, tag),
        pretrained_image=False,
        pretrained_text=False,
    )


def _load(model: Any, state: State, *, subject: str) -> None:
    """Load weights the way open_clip does: other layouts converted, then every key checked."""
    from open_clip.convert import convert_state_dict
    from open_clip.model import convert_to_custom_text_state_dict

    state = dict(convert_state_dict(model, state))
    if "positional_embedding" in state and not hasattr(model, "positional_embedding"):
        state = dict(convert_to_custom_text_state_dict(state))
    for name, tensor in model.state_dict().items():
        if name in state and tensor.ndim != state[name].ndim and tensor.numel() == state[name].numel() == 1:
            state[name] = state[name].reshape(tensor.shape)
    for name in ("text.transformer.embeddings.position_ids", "input_resolution", "context_length", "vocab_size"):
        state.pop(name, None)
    load_state(model, state, subject=subject)


def _cached(tag: dict[str, Any]) -> str | None:
    repository, _, filename = (tag.get("hf_hub") or "").rpartition("/")
    return cached_file(repository, (filename,) if filename else _FILES) if repository else None


def check_open_clip_weights(spec: EncoderSpec) -> None:
    """Raise WeightsMissing unless the weights are a file that is named, in the local cache, or where a network reaches."""
    tag = check_open_clip_name(spec)
    if not spec.weights and not _cached(tag):
        _check_reachable(spec, tag)


def _check_reachable(spec: EncoderSpec, tag: dict[str, Any]) -> str:
    """Return where the weights are fetched from; raises WeightsMissing where no network reaches it."""
    repository, _, filename = (tag.get("hf_hub") or "").rpartition("/")
    source = f"{filename or _FILES[0]} of {hub_url()}/{repository}" if repository else str(tag.get("url"))
    if not reachable(hub_url() if repository else str(tag.get("url"))):
        raise weights_missing(spec.name, source, reason="neither")
    return source


def _from_hub(spec: EncoderSpec, tag: dict[str, Any]) -> Any:
    import open_clip

    source = _check_reachable(spec, tag)
    try:
        return open_clip.create_model(
            spec.model, pretrained=spec.pretrained, force_quick_gelu=_quick_gelu(spec, tag), require_pretrained=True
        )
    except Exception as error:
        raise weights_missing(spec.name, source, reason=f"{type(error).__name__} ({str(error)[:200]})") from error


def _preprocess_config(model: Any, tag: dict[str, Any]) -> dict[str, Any]:
    from open_clip.transform import PreprocessCfg, merge_preprocess_dict

    config: dict[str, Any] = merge_preprocess_dict(PreprocessCfg(), tag)
    size = getattr(model.visual, "image_size", None)
    return {**config, "size": size or config["size"]}
