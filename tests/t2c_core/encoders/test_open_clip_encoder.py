"""open_clip models: images and texts land in one space, named by weights and activation, from a local file too."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from open_clip import factory
from safetensors.torch import save_file

from t2c.core.encoders.load import load_encoder, load_text_encoder
from t2c.core.encoders.open_clip_encoder import OpenClip
from t2c.schemas.errors import MismatchError, SpecError, UnknownName
from t2c.schemas.specs.base import parse_encoder

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 20, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
BATCH = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8))


@pytest.fixture(scope="module", autouse=True)
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Two tiny models in open_clip's registry, one with each activation."""
    folder = tmp_path_factory.mktemp("models")
    for name, extra in (("tiny", {}), ("tiny-quickgelu", {"quick_gelu": True})):
        (folder / f"{name}.json").write_text(json.dumps({**TINY, **extra}))
    open_clip.add_model_config(folder)
    yield
    factory._MODEL_CONFIG_PATHS.remove(folder)
    for name in ("tiny", "tiny-quickgelu"):
        factory._MODEL_CONFIGS.pop(name)


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return open_clip.create_model("tiny").eval()


@pytest.fixture
def file(tmp_path: Path, model: torch.nn.Module) -> Path:
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, tmp_path / "clip.safetensors")
    return tmp_path / "clip.safetensors"


def load(text: str) -> OpenClip:
    encoder = load_encoder(parse_encoder(text), device="cpu")
    assert isinstance(encoder, OpenClip)
    return encoder


def test_features_are_encode_image_without_normalising(file: Path, model: torch.nn.Module) -> None:
    encoder = load(f"open_clip:tiny@{file}")
    mean, std = (
        torch.tensor(value).reshape(1, 3, 1, 1)
        for value in (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
    )
    with torch.inference_mode():
        want = model.encode_image((BATCH / 255 - mean) / std).numpy()
    np.testing.assert_allclose(encoder.encode(BATCH), want, rtol=1e-3, atol=1e-5)
    assert encoder.head() is None
    assert encoder.preprocessing.size == encoder.preprocessing.resize == (32, 32)


def test_texts_share_the_images_space(file: Path, model: torch.nn.Module) -> None:
    encoder = load(f"open_clip:tiny@{file}")
    texts = load_text_encoder(parse_encoder(f"open_clip:tiny@{file}"), device="cpu")
    assert texts.space.id == encoder.space.id
    with torch.inference_mode():
        want = model.encode_text(open_clip.get_tokenizer("tiny")(["a dog", "a cat"])).numpy()
    np.testing.assert_allclose(texts.encode_text(["a dog", "a cat"]), want, rtol=1e-3, atol=1e-5)
    assert texts.encode_text([]).shape == (0, 16)


def test_many_texts_go_in_batches(file: Path) -> None:
    encoder = load(f"open_clip:tiny@{file}")
    many = encoder.encode_text([f"number {n}" for n in range(300)])
    np.testing.assert_allclose(many[299], encoder.encode_text(["number 299"])[0], rtol=1e-3, atol=1e-5)


def test_a_text_that_would_be_cut_off_is_refused(file: Path) -> None:
    encoder = load(f"open_clip:tiny@{file}")
    encoder.check_texts(["dog " * 18])
    with pytest.raises(SpecError, match=r"text 'dog dog.*: expected at most 18 tokens, but got 19"):
        encoder.encode_text(["a dog", "dog " * 19])


def test_the_activation_is_part_of_the_space(file: Path) -> None:
    plain, quick = load(f"open_clip:tiny@{file}"), load(f"open_clip:tiny-quickgelu@{file}")
    assert plain.space.id != quick.space.id
    assert np.abs(plain.encode(BATCH) - quick.encode(BATCH)).max() > 1e-6


def test_wrapped_checkpoints_are_the_same_space(file: Path, tmp_path: Path, model: torch.nn.Module) -> None:
    state = {f"module.{name}": tensor for name, tensor in model.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 1}, tmp_path / "clip.pt")
    assert load(f"open_clip:tiny@{tmp_path / 'clip.pt'}").space.id == load(f"open_clip:tiny@{file}").space.id


def test_another_models_checkpoint_names_the_keys(tmp_path: Path, model: torch.nn.Module) -> None:
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    state["visual.proj"] = torch.zeros(64, 8)
    del state["ln_final.bias"]
    save_file(state, tmp_path / "clip.safetensors")
    want = r"without ln_final.bias; with visual.proj \(64, 8\) in place of \(64, 16\)"
    with pytest.raises(MismatchError, match=want):
        load(f"open_clip:tiny@{tmp_path / 'clip.safetensors'}")


def test_unknown_names_offer_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"open_clip model: .*'ViT-B-61'. Did you mean 'ViT-B-16"):
        load("open_clip:ViT-B-61/openai")
    with pytest.raises(UnknownName, match=r"pretrained weights of open_clip:ViT-B-16: .*Did you mean 'openai'"):
        load("open_clip:ViT-B-16/openia")


def test_a_tags_activation_and_preprocessing_apply_to_a_local_file() -> None:
    from t2c.core.encoders.open_clip_encoder import _quick_gelu, check_open_clip_name

    spec = parse_encoder("open_clip:ViT-B-16/openai@weights.safetensors")
    tag = check_open_clip_name(spec)
    assert _quick_gelu(spec, tag)
    assert not _quick_gelu(parse_encoder("open_clip:ViT-B-16/laion2b_s34b_b88k"), {})
