"""The cost of a forward pass is that of the architecture: no weights are needed, and the operations are countable by hand."""

import pytest
import torch

from t2c.core.encoders.speed import measure, untrained
from t2c.schemas.errors import UnknownName
from t2c.schemas.specs.base import parse_encoder


def test_a_resnet_costs_what_it_is_known_to_cost() -> None:
    encoder = untrained(parse_encoder("timm:resnet18.tv_in1k"), dimension=512)
    threads = torch.get_num_threads()
    found = measure(encoder, seconds=0.01)
    assert found.gflops == pytest.approx(2 * 1.8, rel=0.02), "1.8 billion multiply-adds at 224 px"
    assert (found.dimension, found.size, found.batch) == (512, 224, 8)
    assert found.images_per_second > 0.1
    assert torch.get_num_threads() == threads


def test_a_layout_is_built_as_wide_as_its_features() -> None:
    encoder = untrained(parse_encoder("timm:resnet50@none.pth?layout=simclr"), dimension=4096)
    assert encoder.space.dimension == 4096


@pytest.mark.slow
def test_attention_counts_in_a_clip(capfd: pytest.CaptureFixture[str]) -> None:
    encoder = untrained(parse_encoder("open_clip:ViT-B-32/openai"), dimension=512)
    assert measure(encoder, seconds=0.01).gflops == pytest.approx(2 * 4.4, rel=0.02), "4.4 billion multiply-adds"
    assert "WARNING" not in capfd.readouterr().err


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(UnknownName, match="timm model"):
        untrained(parse_encoder("timm:resnet5o"), dimension=1)
