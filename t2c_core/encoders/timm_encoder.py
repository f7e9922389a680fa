"""Image encoders of timm: pooled features before the classifier, preprocessing from the model's own configuration."""

import math
from dataclasses import dataclass
from typing import Any

import torch

from t2c.core.encoders.base import Head, Preprocessing, Vectors, space_of
from t2c.core.encoders.forward import ImageForward
from t2c.core.encoders.hub import cached_file, hub_url, reachable, weights_missing
from t2c.core.encoders.layouts import Layout, build, encoder_tensors, layout_of
from t2c.core.encoders.weights import State, load_state, read_checkpoint, weights_digest
from t2c.schemas.errors import MismatchError, SpecError, WeightsMissing, expected, unknown
from t2c.schemas.spaces import Space
from t2c.schemas.specs.base import EncoderSpec

_FILES = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True, slots=True)
class TimmEncoder:
    """A timm model as an Encoder: `forward_features`, then `forward_head(pre_logits=True)`."""

    name: str
    """What the user typed."""
    space: Space
    """The feature space."""
    preprocessing: Preprocessing
    """From the model's pretrained configuration."""
    forward: ImageForward
    """Pixels to features on the chosen device."""

    @property
    def device(self) -> str:
        """Where the forward pass runs."""
        return str(self.forward.device)

    def encode(self, batch: torch.Tensor) -> Vectors:
        """Return pooled features (images, d) float32 of a uint8 batch (images, 3, h, w)."""
        return self.forward(batch)

    def head(self) -> Head | None:
        """Return the model's linear classifier, with ImageNet's class names where they apply; None without one."""
        layer = self.forward.model.get_classifier()
        if not isinstance(layer, torch.nn.Linear) or layer.in_features != self.space.dimension:
            return None
        shift = torch.zeros(layer.out_features) if layer.bias is None else layer.bias
        weight, bias = (part.detach().cpu().float().numpy() for part in (layer.weight, shift))
        return Head(weight, bias, _class_names(self.forward.model))


def load_timm(spec: EncoderSpec, *, device: torch.device) -> TimmEncoder:
    """Load a timm model from a local file (`timm:MODEL@FILE`), the local cache, or the hub.

    Raises UnknownName with the nearest names, WeightsMissing, MismatchError, InputError or SpecError.
    """
    check_timm_name(spec)
    state = read_checkpoint(spec.weights, subject=spec.name) if spec.weights else {}
    layout = layout_of(spec.layout, state)
    if layout is not None:
        return _laid_out(spec, layout, state, device=device)
    model = _from_state(spec, state) if spec.weights else _load_model(spec)
    return timm_encoder(spec, model, device=device)


def timm_encoder(
    spec: EncoderSpec,
    model: Any,
    *,
    device: torch.device,
    preprocessing: Preprocessing | None = None,
    variant: str = "",
) -> TimmEncoder:
    """Return a timm model that holds its weights as an Encoder; preprocessing defaults to the model's own.

    `variant` tells a model built with other arguments than its architecture's from the plain one.
    """
    from timm.data import resolve_model_data_config

    preprocessing = preprocessing or preprocessing_of(resolve_model_data_config(model))
    weights = weights_digest(model.state_dict(), architecture=f"timm:{model.pretrained_cfg['architecture']}{variant}")

    def pooled(pixels: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = model.forward_head(model.forward_features(pixels), pre_logits=True)
        return features

    forward = ImageForward.of(model, pooled, preprocessing, device=device, precision=spec.precision)
    dimension = forward.dimension(preprocessing.size, name=spec.name)
    parts = {"dimension": dimension, "weights": weights, "pooling": _pooling(model), "precision": spec.precision}
    return TimmEncoder(spec.name, space_of(spec.name, preprocessing, **parts), preprocessing, forward)


def check_timm_name(spec: EncoderSpec) -> None:
    """Raise UnknownName with the nearest names unless timm has the model and its pretrained tag."""
    from timm.models import is_model, list_models, list_pretrained, split_model_name_tag

    base, tag = split_model_name_tag(spec.model)
    if not is_model(base):
        raise unknown("timm model", spec.model, list_models())
    tags = list_pretrained(f"{base}.*")
    if tag and spec.model not in tags:
        raise unknown(f"pretrained weights of timm:{base}", spec.model, tags)
    if not tags and not spec.weights:
        todo = f"Give a checkpoint: timm:{base}@FILE"
        raise WeightsMissing(expected(f"weights of timm:{base}", "a model that timm has weights for", "none", todo))


def preprocessing_of(config: dict[str, Any]) -> Preprocessing:
    """Return timm's data configuration (input_size, crop_pct, crop_mode, interpolation, mean, std) as Preprocessing."""
    _, height, width = config["input_size"]
    resize = (math.floor(height / config["crop_pct"]), math.floor(width / config["crop_pct"]))
    mode = {"squash": "squash", "border": "longest"}.get(config.get("crop_mode", "center"), "shortest")
    mean, std = tuple(config["mean"]), tuple(config["std"])
    fill = tuple(round(255 * value) for value in mean) if mode == "longest" else (0, 0, 0)
    return Preprocessing((height, width), resize, mode, config["interpolation"], mean, std, fill)  # type: ignore[arg-type]


def check_timm_weights(spec: EncoderSpec) -> None:
    """Raise WeightsMissing unless the weights are a file that is named, in the local cache, or where a network reaches."""
    if not spec.weights:
        config, local = _cached(spec)
        if not local:
            _check_reachable(spec, config)


def _cached(spec: EncoderSpec) -> tuple[Any, str | None]:
    """Return the model's pretrained configuration, and the file of its weights in the local cache."""
    from timm.models import get_pretrained_cfg

    config = get_pretrained_cfg(spec.model)
    hub_id = config.hf_hub_id if config and not config.custom_load and not config.hf_hub_filename else None
    return config, cached_file(hub_id, _FILES) if hub_id else None


def _load_model(spec: EncoderSpec) -> Any:
    """Return the model with the hub's weights in float32 on the CPU."""
    config, local = _cached(spec)
    if local:
        return _from_state(spec, read_checkpoint(local, subject=spec.name))
    return _from_hub(spec, config)


def _laid_out(spec: EncoderSpec, layout: Layout, state: State, *, device: torch.device) -> TimmEncoder:
    """Return the encoder of a checkpoint in a project's own layout; a training head is not its classifier."""
    from timm.data import resolve_model_data_config
    from timm.models import get_pretrained_cfg

    tensors = encoder_tensors(layout, state, subject=spec.name)
    config = get_pretrained_cfg(spec.model)
    classes = tensors.get(f"{config.classifier if config else 'fc'}.weight")
    options = {"num_classes": 0 if classes is None else len(classes), **_pool_option(spec)}
    try:
        model, variant = build(spec.model, layout, tensors, **options)
    except (TypeError, AssertionError) as error:
        raise _bad_pooling(spec, error) from error
    load_state(model, tensors, subject=spec.name)
    preprocessing = preprocessing_of({**resolve_model_data_config(model), **layout.data})
    return timm_encoder(spec, model, device=device, preprocessing=preprocessing, variant=variant)


def _from_state(spec: EncoderSpec, state: State) -> Any:
    """Build the model around a state dict: its classifier may have any number of classes, or be left out."""
    import timm
    from timm.models import get_pretrained_cfg

    config = get_pretrained_cfg(spec.model)
    classifier = config.classifier if config else None
    classes = state.get(f"{classifier}.weight") if isinstance(classifier, str) else None
    options: dict[str, Any] = (
        {} if not isinstance(classifier, str) else {"num_classes": 0 if classes is None else len(classes)}
    )
    overlay = {"state_dict": state, "source": "", "custom_load": False, "label_offset": 0, **options}
    try:
        model = timm.create_model(
            spec.model, pretrained=True, pretrained_cfg_overlay=overlay, **options, **_pool_option(spec)
        )
    except (RuntimeError, KeyError) as error:
        got = " ".join(str(error).split())[:300]
        todo = "The file belongs to another model, or to a part of this one"
        raise MismatchError(
            expected(f"checkpoint of {spec.name}", f"the tensors of {spec.model}", got, todo)
        ) from error
    except (TypeError, AssertionError) as error:
        raise _bad_pooling(spec, error) from error
    model.pretrained_cfg.pop("state_dict", None)
    return model


def _from_hub(spec: EncoderSpec, config: Any) -> Any:
    import timm

    source = _check_reachable(spec, config)
    try:
        return timm.create_model(spec.model, pretrained=True, **_pool_option(spec))
    except (TypeError, AssertionError) as error:
        raise _bad_pooling(spec, error) from error
    except Exception as error:
        raise weights_missing(spec.name, source, reason=f"{type(error).__name__} ({str(error)[:200]})") from error


def _check_reachable(spec: EncoderSpec, config: Any) -> str:
    """Return where the weights are fetched from; raises WeightsMissing where no network reaches it."""
    source = _source(config)
    if not reachable(hub_url() if config.hf_hub_id else config.url):
        raise weights_missing(spec.name, source, reason="neither")
    return source


def _source(config: Any) -> str:
    if config.hf_hub_id:
        return f"{config.hf_hub_filename or _FILES[0]} of {hub_url()}/{config.hf_hub_id}"
    return str(config.url)


def _pool_option(spec: EncoderSpec) -> dict[str, str]:
    return {"global_pool": spec.pooling} if spec.pooling else {}


def _bad_pooling(spec: EncoderSpec, error: Exception) -> SpecError:
    want = f"a pooling that {spec.model} has, such as avg or token" if spec.pooling else f"options of {spec.model}"
    return SpecError(expected(f"encoder {spec.name}", want, f"{spec.pooling!r} ({error})", "Leave ?pooling= out"))


def _pooling(model: Any) -> str:
    """Return how the model pools, as its configuration says."""
    pool = getattr(model, "global_pool", None)
    if pool is None:
        pool = getattr(getattr(model, "head", None), "global_pool", None)
    return str(getattr(pool, "pool_type", pool)) if pool is not None else "model"


def _class_names(model: Any) -> tuple[str, ...] | None:
    from timm.data import ImageNetInfo, infer_imagenet_subset

    config = model.pretrained_cfg
    if config.get("label_descriptions"):
        return tuple(str(name) for name in config["label_descriptions"])
    subset = infer_imagenet_subset(model)
    if subset is None:
        return None
    info = ImageNetInfo(subset)
    return tuple(info.index_to_description(index) for index in range(model.num_classes))
