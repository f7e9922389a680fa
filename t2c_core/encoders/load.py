"""From a name to a running encoder: the one door to timm, open_clip and the demo's models."""

from t2c.core.encoders.base import Encoder, TextEncoder
from t2c.schemas.errors import SpecError, expected, unknown
from t2c.schemas.extras import require
from t2c.schemas.specs.base import EncoderSpec

DEMO = (*(f"efficientnet-lite{number}{small}" for number in (0, 1, 2) for small in ("", "-128")), "clip")
"""Models of the library `demo`."""


def load_encoder(spec: EncoderSpec, *, device: str = "auto") -> Encoder:
    """Load an image encoder onto a device (`auto`, `cpu`, `cuda`, `cuda:N`, `mps`).

    Raises UnknownName with the nearest names, WeightsMissing saying which file to put where, MismatchError when a
    checkpoint is another model's, InputError when it is damaged or would run code, SpecError, MissingExtra.
    """
    require("extract", subject=f"encoder {spec.name}")
    from t2c.core.encoders.devices import choose_device

    place = choose_device(device)
    if spec.library == "timm":
        from t2c.core.encoders.timm_encoder import load_timm

        return load_timm(spec, device=place)
    if spec.library == "open_clip":
        from t2c.core.encoders.open_clip_encoder import load_open_clip

        return load_open_clip(spec, device=place)
    if spec.model not in DEMO:
        raise unknown("demo encoder", spec.model, DEMO)
    from t2c.core.encoders.demo_encoders import load_demo_clip, load_lite

    return load_demo_clip(spec, device=place) if spec.model == "clip" else load_lite(spec, device=place)


def load_text_encoder(spec: EncoderSpec, *, device: str = "auto") -> TextEncoder:
    """Load the text side of a CLIP; its space is the image encoder's. Raises SpecError for a model without one."""
    if not spec.reads_text:
        todo = "Name a CLIP, such as open_clip:ViT-B-16/openai or demo:clip"
        raise SpecError(expected("text encoder", "a model that reads text", spec.name, todo))
    require("extract", subject=f"text encoder {spec.name}")
    from t2c.core.encoders.open_clip_encoder import OpenClip

    encoder = load_encoder(spec, device=device)
    if not isinstance(encoder, OpenClip):
        raise SpecError(expected("text encoder", "a model that reads text", spec.name))
    return encoder


def list_encoders(library: str = "") -> list[str]:
    """Return the names of all encoders with pretrained weights (about 2,000), or of one library: demo, timm, open_clip.

    Raises MissingExtra.
    """
    require("extract", subject="encoders")
    names = [f"demo:{name}" for name in DEMO] if library in ("", "demo") else []
    if library in ("", "timm"):
        from timm.models import list_pretrained

        names += [f"timm:{name}" for name in list_pretrained()]
    if library in ("", "open_clip"):
        import open_clip

        names += [f"open_clip:{model}/{tag}" for model, tag in open_clip.list_pretrained()]
    return names
