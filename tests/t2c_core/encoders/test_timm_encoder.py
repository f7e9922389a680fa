"""timm models: the same weights give the same space from any file, features are what the classifier reads."""

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from t2c.core.encoders.base import Encoder, Preprocessing
from t2c.core.encoders.load import load_encoder
from t2c.schemas.errors import MismatchError, SpecError, UnknownName, WeightsMissing
from t2c.schemas.specs.base import parse_encoder

BATCH = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 3, 160, 160), dtype=np.uint8))


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return timm.create_model("test_vit").eval()


@pytest.fixture
def file(tmp_path: Path, model: torch.nn.Module) -> Path:
    save_file(model.state_dict(), tmp_path / "vit.safetensors")
    return tmp_path / "vit.safetensors"


def load(text: str) -> Encoder:
    return load_encoder(parse_encoder(text), device="cpu")


def test_features_are_pooled_pre_logits_of_normalised_pixels(file: Path, model: torch.nn.Module) -> None:
    encoder = load(f"timm:test_vit@{file}")
    mean, std = (torch.tensor(model.pretrained_cfg[name]).reshape(1, 3, 1, 1) for name in ("mean", "std"))
    with torch.inference_mode():
        want = model.forward_head(model.forward_features((BATCH / 255 - mean) / std), pre_logits=True)
    got = encoder.encode(BATCH)
    np.testing.assert_allclose(got, want.numpy(), rtol=1e-3, atol=1e-4)
    assert got.dtype == np.float32
    assert encoder.space.dimension == got.shape[1] == 64
    assert encoder.space.pooling == "token"
    assert encoder.device == "cpu"


def test_the_head_gives_the_models_logits(file: Path, model: torch.nn.Module) -> None:
    encoder = load(f"timm:test_vit@{file}")
    head = encoder.head()
    assert head is not None
    mean, std = (torch.tensor(model.pretrained_cfg[name]).reshape(1, 3, 1, 1) for name in ("mean", "std"))
    with torch.inference_mode():
        want = model((BATCH / 255 - mean) / std).numpy()
    np.testing.assert_allclose(encoder.encode(BATCH) @ head.weight.T + head.bias, want, rtol=1e-3, atol=1e-3)
    assert head.classes is not None
    assert (len(head.classes), head.classes[0]) == (1000, "tench, Tinca tinca")


def test_preprocessing_is_the_models_own() -> None:
    from t2c.core.encoders.timm_encoder import preprocessing_of

    config = timm.data.resolve_model_data_config(timm.create_model("test_vit"))
    own = preprocessing_of(config)
    assert own == Preprocessing((160, 160), (168, 168), "shortest", "bicubic", (0.5,) * 3, (0.5,) * 3)


def test_the_same_weights_from_any_file_are_one_space(file: Path, tmp_path: Path, model: torch.nn.Module) -> None:
    state = {f"module.{name}": tensor for name, tensor in model.state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "vit.pth")
    one, two = load(f"timm:test_vit@{file}"), load(f"timm:test_vit@{tmp_path / 'vit.pth'}")
    assert one.space.id == two.space.id
    assert one.name != two.name


def test_other_weights_pooling_precision_are_other_spaces(file: Path, tmp_path: Path, model: torch.nn.Module) -> None:
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state["norm.bias"][0] += 1e-3
    save_file(state, tmp_path / "other.safetensors")
    texts = [
        f"timm:test_vit@{file}",
        f"timm:test_vit@{tmp_path / 'other.safetensors'}",
        f"timm:test_vit@{file}?precision=bfloat16",
    ]
    spaces = [load(text).space for text in texts]
    assert len({space.id for space in spaces}) == 3
    half = load(texts[2]).encode(BATCH)
    full = load(texts[0]).encode(BATCH)
    assert half.dtype == np.float32
    assert (half * full).sum() / np.linalg.norm(half) / np.linalg.norm(full) > 0.99


def test_a_fine_tuned_head_keeps_its_classes(tmp_path: Path) -> None:
    tuned = timm.create_model("test_resnet", num_classes=7)
    save_file(tuned.state_dict(), tmp_path / "tuned.safetensors")
    head = load(f"timm:test_resnet@{tmp_path / 'tuned.safetensors'}").head()
    assert head is not None
    assert head.weight.shape[0] == 7
    assert head.classes is None
    bare = timm.create_model("test_resnet", num_classes=0)
    save_file(bare.state_dict(), tmp_path / "bare.safetensors")
    assert load(f"timm:test_resnet@{tmp_path / 'bare.safetensors'}").head() is None


def test_another_models_checkpoint_is_named(file: Path) -> None:
    with pytest.raises(MismatchError, match=r"checkpoint of timm:test_resnet@.*: expected the tensors of test_resnet"):
        load(f"timm:test_resnet@{file}")


def test_unknown_names_offer_the_nearest(file: Path) -> None:
    with pytest.raises(
        UnknownName, match=r"timm model: expected one of .*, but got 'resnet5o'. Did you mean 'resnet50"
    ):
        load("timm:resnet5o")
    with pytest.raises(UnknownName, match=r"pretrained weights of timm:resnet50: .*Did you mean 'resnet50.a1_in1k'"):
        load("timm:resnet50.a1_in2k")
    with pytest.raises(UnknownName, match=r"demo encoder: .*Did you mean 'efficientnet-lite\d'"):
        load("demo:efficientnet-lite")
    want = r"timm:vit_giant_patch14_224: expected a model that timm has weights for, but got none\. Give .*@FILE"
    with pytest.raises(WeightsMissing, match=want):
        load("timm:vit_giant_patch14_224")


def test_a_pooling_that_does_not_exist_is_named(file: Path) -> None:
    with pytest.raises(SpecError, match="expected a pooling that test_vit has"):
        load(f"timm:test_vit@{file}?pooling=mode")


def test_several_threads_may_encode_at_once(file: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    encoder = load(f"timm:test_vit@{file}")
    want = encoder.encode(BATCH)
    with ThreadPoolExecutor(4) as pool:
        for got in pool.map(lambda _: encoder.encode(BATCH), range(8)):
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)
