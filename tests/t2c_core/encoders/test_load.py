"""Every encoder is loaded through one door; models without a text side say so."""

import pytest

from t2c.core.encoders.load import list_encoders, load_encoder, load_text_encoder
from t2c.schemas.errors import SpecError
from t2c.schemas.specs.base import parse_encoder


def test_every_listed_name_parses() -> None:
    names = list_encoders()
    assert {"demo:clip", "timm:resnet50.a1_in1k", "open_clip:ViT-B-16/openai"} <= set(names)
    assert len(names) > 1500
    for name in names:
        assert parse_encoder(name).name == name
    lites = [f"demo:efficientnet-lite{number}{small}" for number in (0, 1, 2) for small in ("", "-128")]
    assert list_encoders("demo") == [*lites, "demo:clip"]


def test_a_model_without_texts_says_so() -> None:
    spec = parse_encoder("demo:efficientnet-lite0")
    assert not spec.reads_text
    with pytest.raises(
        SpecError, match="text encoder: expected a model that reads text, but got demo:efficientnet-lite0"
    ):
        load_text_encoder(spec)


def test_an_absent_device_is_refused_before_loading() -> None:
    with pytest.raises(SpecError, match="device: expected"):
        load_encoder(parse_encoder("demo:efficientnet-lite0"), device="cuda:77")
