"""What an encoder is: uint8 pixels or texts in, feature vectors out, and the space that the vectors live in."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from t2c.schemas.digest import canonical_json
from t2c.schemas.spaces import Space

if TYPE_CHECKING:
    import torch

Vectors = npt.NDArray[np.float32]
"""(images, d) or (prompts, d) float32 vectors, not normalised."""

ResizeMode = Literal["shortest", "squash", "longest"]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an image becomes a model's input: resize, centre crop (or pad), scale to 0..1, subtract mean, divide by std."""

    size: tuple[int, int]
    """Height and width of the model's input, pixels."""
    resize: tuple[int, int]
    """Height and width that the image is resized to before the crop, pixels."""
    mode: ResizeMode = "shortest"
    """shortest: the image covers `resize`; longest: it fits inside and is padded; squash: both sides exactly."""
    interpolation: str = "bicubic"
    """bicubic, bilinear or nearest; the first two are antialiased, as in Pillow."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Subtracted from channels in 0..1."""
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Divides what is left."""
    fill: tuple[int, int, int] = (0, 0, 0)
    """Colour of the padding, 0..255; used when the resized image is smaller than `size`."""

    def canonical(self) -> str:
        """Return the text that enters the space id."""
        return canonical_json(asdict(self)).decode()

    @property
    def pixels(self) -> "Preprocessing":
        """The part that decides the uint8 pixels: encoders that share it share the resized image."""
        return Preprocessing(self.size, self.resize, self.mode, self.interpolation, fill=self.fill)


@dataclass(frozen=True, slots=True)
class Head:
    """A linear classifier on top of the features: logits = features @ weight.T + bias."""

    weight: npt.NDArray[np.float32]
    """(classes, d)."""
    bias: npt.NDArray[np.float32]
    """(classes,)."""
    classes: tuple[str, ...] | None = field(default=None)
    """Class names in order; None when the model does not say."""


class Encoder(Protocol):
    """An image encoder, ready to run; safe to call from several threads at once."""

    @property
    def name(self) -> str:
        """What the user typed, such as `timm:resnet50.a1_in1k`."""

    @property
    def space(self) -> Space:
        """The feature space; its dimension is d."""

    @property
    def preprocessing(self) -> Preprocessing:
        """What `encode` expects its batch to have gone through, up to and including the crop."""

    @property
    def device(self) -> str:
        """`cpu`, `cuda`, `cuda:1`, `mps`: where the forward pass runs."""

    def encode(self, batch: "torch.Tensor") -> Vectors:
        """Return pooled features (images, d) of a uint8 batch (images, 3, h, w); normalises the pixels itself."""

    def head(self) -> Head | None:
        """Return the classifier that reads these features, or None when the model has no linear one."""


class TextEncoder(Protocol):
    """The text side of a CLIP: its vectors live in the image encoder's space."""

    @property
    def name(self) -> str:
        """What the user typed, such as `open_clip:ViT-B-16/openai`."""

    @property
    def space(self) -> Space:
        """The space shared with the image encoder of the same weights."""

    def check_texts(self, texts: Sequence[str]) -> None:
        """Raise SpecError naming a word outside the trained vocabulary, or a text that is too long."""

    def encode_text(self, texts: Sequence[str]) -> Vectors:
        """Return (prompts, d) vectors, not normalised; checks the texts first."""


def space_of(name: str, preprocessing: Preprocessing, **parts: Any) -> Space:
    """Return the space of an encoder; parts are Space's dimension, weights, pooling and precision."""
    return Space(kind="encoder", name=name, preprocessing=preprocessing.canonical(), **parts)
