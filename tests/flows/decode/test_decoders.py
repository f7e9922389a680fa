"""Decoders are opened by name, and their settings read as their types."""

import pytest

from t2c.flows.decode.decoders import DecoderSpec, language_settings
from t2c.schemas.errors import SpecError, UnknownName


def test_decoders_and_their_settings_are_checked_by_name() -> None:
    with pytest.raises(UnknownName, match=r"decoder: expected one of 'rescore', 'sparse', .*, but got 'clip'"):
        DecoderSpec("clip")
    with pytest.raises(SpecError, match="-k: expected 1 or more words a vector, but got 0"):
        DecoderSpec(k=0)
    with pytest.raises(SpecError, match="expected no language model for decoder sparse, but got a model"):
        DecoderSpec("sparse", model="gpt2")
    with pytest.raises(SpecError, match=r"expected no language model .*, but got a setting, 'beams'"):
        DecoderSpec(settings={"beams": "3"})
    with pytest.raises(SpecError, match="expected no language model for decoder vocabulary, but got --raw"):
        DecoderSpec(raw=True)
    with pytest.raises(
        UnknownName, match=r"setting of zerocap: expected one of .* but got 'beam'. Did you mean 'beams'"
    ):
        language_settings(DecoderSpec("zerocap", settings={"beam": "3"}))
    with pytest.raises(SpecError, match=r"setting beams: expected a whole number, but got '3.5'"):
        language_settings(DecoderSpec("zerocap", settings={"beams": "3.5"}))


def test_settings_are_read_as_their_types() -> None:
    typed = {"guidance": "0.5", "length": "3", "prompt": "A photo of", "forbidden": "a,b"}
    found = language_settings(DecoderSpec("rescore", k=7, settings=typed))
    assert (found.guidance, found.length, found.prompt, found.forbidden) == (0.5, 3, "A photo of", ("a", "b"))
    assert (found.top, found.beams) == (7, 7)
