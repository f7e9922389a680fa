"""What users write: encoder names, concept files, audit files; checked, frozen, nothing extra allowed."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from t2c.schemas.errors import SpecError, expected, nearest
from t2c.schemas.names import composed

DEFAULT_TEMPLATES = (
    "itap of a {}",
    "a bad photo of the {}",
    "a origami {}",
    "a photo of the large {}",
    "a {} in a video game",
    "art of the {}",
    "a photo of the small {}",
)
"""The paper's seven default templates (appendix E), without a trailing period."""

Averaging = Literal["normalise-then-average", "average-then-normalise"]
"""normalise-then-average is CLIP's habit and the default; average-then-normalise is what the paper's text says."""


LAYOUTS = ("robustness", "moco", "moco-v3", "dino", "simclr")
"""Layouts of published checkpoints that no hub carries, for `?layout=` (t2c.core.encoders.layouts)."""


class Spec(BaseModel):
    """Base of all user-written specs: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class EncoderSpec(Spec):
    """One image encoder, parsed from `timm:NAME`, `open_clip:NAME/PRETRAINED`, `timm:NAME@FILE` or `demo:NAME`."""

    library: Literal["timm", "open_clip", "demo"]
    """Which library builds the model; `demo` names the two encoders this project can run with no hub."""
    model: str = Field(min_length=1)
    """Model name as the library lists it."""
    pretrained: str = ""
    """open_clip's pretrained tag; empty elsewhere."""
    weights: str = ""
    """Path of a local checkpoint (safetensors, or a state dict read with weights_only=True); empty uses the library's own."""
    pooling: str = ""
    """timm global_pool override; empty keeps the model's own."""
    layout: str = ""
    """One of LAYOUTS: how the checkpoint's authors wrote it; empty is a plain state dict, or what its names tell."""
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    """Compute precision; part of the space id."""

    @property
    def reads_text(self) -> bool:
        """Whether the model has a text side: a CLIP, a target that concepts can live in."""
        return self.library == "open_clip" or (self.library == "demo" and self.model == "clip")

    @property
    def name(self) -> str:
        """The text a user types for this encoder, pooling and precision left out when default."""
        middle = f"/{self.pretrained}" if self.pretrained else ""
        at = f"@{self.weights}" if self.weights else ""
        options = [f"pooling={self.pooling}"] if self.pooling else []
        options += [f"layout={self.layout}"] if self.layout else []
        options += [f"precision={self.precision}"] if self.precision != "float32" else []
        tail = f"?{'&'.join(options)}" if options else ""
        return f"{self.library}:{self.model}{middle}{at}{tail}"


def parse_encoder(text: str) -> EncoderSpec:
    """Parse an encoder name; raises SpecError.

    Grammar: `timm:MODEL[@FILE][?pooling=P&layout=L&precision=Q]`, `open_clip:MODEL/PRETRAINED`, `open_clip:MODEL@FILE`, `demo:NAME`.
    """
    head, _, tail = text.partition("?")
    library, _, rest = head.partition(":")
    model, at, weights = rest.partition("@")
    pretrained = ""
    if library == "open_clip":
        model, _, pretrained = model.partition("/")
    options = dict(part.partition("=")[::2] for part in tail.split("&")) if tail else {}
    want = "timm:MODEL, open_clip:MODEL/PRETRAINED, either with @FILE for a local checkpoint, or demo:NAME"
    supported = library in ("timm", "open_clip", "demo") and set(options) <= {"pooling", "layout", "precision"}
    if not supported or not model or (at and not weights):
        raise SpecError(expected("encoder", want, repr(text), "Try: t2c encoders"))
    if library == "open_clip" and not pretrained and not weights:
        raise SpecError(expected("encoder", want, repr(text), f"Add the pretrained tag: open_clip:{model}/openai"))
    if options.get("precision", "float32") not in ("float32", "bfloat16", "float16"):
        raise SpecError(expected("encoder precision", "float32, bfloat16 or float16", repr(options["precision"])))
    if (layout := options.get("layout")) is not None and (layout not in LAYOUTS or library != "timm" or not weights):
        want = f"{', '.join(LAYOUTS)}, of a timm model with @FILE"
        raise SpecError(expected(f"layout of {head}", want, repr(layout), nearest(layout, LAYOUTS)))
    return EncoderSpec.model_validate(
        {"library": library, "model": model, "pretrained": pretrained, "weights": weights, **options}
    )


class ContextConcepts(Spec):
    """Context concepts such as `in a tree`: appended to every template, {} filled with every class name (paper, section 4)."""

    phrases: tuple[str, ...] = Field(min_length=1)
    """The contexts, each a concept of its own."""
    classes: tuple[str, ...] = ("object",)
    """Class names that fill {}; `object` alone is about as good as all of them (appendix E)."""


class ConceptFile(Spec):
    """A YAML concept file; a text file is the same with one concept a line and the defaults."""

    concepts: tuple[str, ...] = ()
    """Concepts that fill {} of each template."""
    prompts: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Concepts with their own finished prompts, used as they are."""
    contexts: ContextConcepts | None = None
    """Context concepts."""
    templates: tuple[str, ...] = DEFAULT_TEMPLATES
    """Texts with {} where the concept goes; braces elsewhere are kept as they are."""
    averaging: Averaging = "normalise-then-average"
    """Order of normalising and averaging the prompts' vectors."""

    @field_validator("concepts")
    @classmethod
    def _compose(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return names as they are compared, so that no bank holds one word in two spellings of its bytes."""
        return tuple(map(composed, names))

    @field_validator("prompts")
    @classmethod
    def _compose_keys(cls, prompts: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """Return prompts under names as they are compared; raises ValueError when two become one."""
        names = {composed(name): texts for name, texts in prompts.items()}
        if len(names) < len(prompts):
            raise ValueError(
                "expected each concept once, but got two names that differ in how accents are written alone"
            )
        return names
