"""A tiny language model on disk, the demo's CLIP, and vectors that mean one word each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from t2c.core.encoders.load import load_text_encoder
from t2c.core.words.language.decoder import LanguageDecoder, load_language_decoder
from t2c.core.words.language.settings import Settings
from t2c.schemas.specs.base import parse_encoder
from tests.planted.language import save_gpt2

MEANT = (
    "red", "blue", "green", "yellow", "black", "white", "star", "circle", "square", "triangle", "octagon", "striped", "dotted",
    "checkered", "grass", "snow", "sand", "water",
)  # fmt: skip
"""Words that the demo's CLIP and the tiny language model share."""


@pytest.fixture(scope="session")
def clip() -> Any:
    """The demo's CLIP as a text encoder."""
    return load_text_encoder(parse_encoder("demo:clip"), device="cpu")


@pytest.fixture(scope="session")
def vectors(clip: Any) -> np.ndarray:
    """One vector a word of MEANT."""
    return clip.encode_text(list(MEANT))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny language model."""
    return save_gpt2(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def decoder(clip: Any, tiny: Path) -> Callable[..., LanguageDecoder]:
    """Makes a decoder of the tiny model and the demo's CLIP."""

    def make(name: str = "zerocap", **settings: Any) -> LanguageDecoder:
        options = {"encode": clip.encode_text, "check": clip.check_texts, "model": str(tiny), "device": "cpu"}
        return load_language_decoder(name, settings=Settings(**settings), **options)

    return make
