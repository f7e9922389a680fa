"""Without a network, weights that are not here are an error within seconds that names the file and what to type."""

import socket
import time

import pytest

from t2c.core.encoders import hub
from t2c.core.encoders.load import load_encoder
from t2c.schemas.errors import WeightsMissing
from t2c.schemas.specs.base import parse_encoder


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    for name in hub._PROXIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("timm:resnet50.a1_in1k", "model.safetensors of http.*/timm/resnet50.a1_in1k"),
        ("timm:test_vit", "model.safetensors of http.*/timm/test_vit.r160_in1k"),
        ("open_clip:ViT-B-16/openai", "open_clip_model.safetensors of http.*/timm/vit_base_patch16_clip_224.openai"),
        ("open_clip:RN50/cc12m", "open_clip_model.safetensors of http.*/timm/resnet50_clip.cc12m"),
    ],
)
def test_missing_weights_say_which_file_to_put_where(name: str, source: str) -> None:
    started = time.monotonic()
    want = rf"weights of {name}: expected .*, but got neither\. On a machine with network, fetch {source}; copy .* {name}@/path"
    with pytest.raises(WeightsMissing, match=want):
        load_encoder(parse_encoder(name), device="cpu")
    assert time.monotonic() - started < 60


def test_reachable_asks_the_host_only_where_that_means_something(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not hub.reachable("https://127.0.0.1:9")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        assert hub.reachable(f"http://127.0.0.1:{server.getsockname()[1]}")
    assert not hub.reachable("http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    assert hub.reachable("http://127.0.0.1:9")
