"""Checkpoints no hub carries are read in their authors' own layout: the right tensors, the right pixels, the right heads."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from torch.nn import functional

from t2c.core.encoders.base import Encoder
from t2c.core.encoders.layouts import KNOWN
from t2c.core.encoders.load import load_encoder
from t2c.schemas.errors import MismatchError, SpecError
from t2c.schemas.specs.base import LAYOUTS, parse_encoder

BATCH = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 224, 224), dtype=np.uint8))
State = Mapping[str, torch.Tensor]


def load(text: str) -> Encoder:
    return load_encoder(parse_encoder(text), device="cpu")


def seeded(name: str, **options: object) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return dict(timm.create_model(name, **options).eval().state_dict())


@pytest.fixture(scope="module")
def resnet() -> dict[str, torch.Tensor]:
    return seeded("resnet50")


def torchvision_forward(state: State, x: torch.Tensor) -> torch.Tensor:
    """Pooled features of a ResNet-50 of any width, written from its definition over torchvision's names."""

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        mean, var, weight, bias = (state[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
        return functional.batch_norm(x, mean, var, weight, bias)

    x = functional.conv2d(x, state["conv1.weight"], stride=2, padding=3)
    x = functional.max_pool2d(norm(x, "bn1").relu(), 3, stride=2, padding=1)
    for layer, blocks in ((1, 3), (2, 4), (3, 6), (4, 3)):
        for block in range(blocks):
            at, stride = f"layer{layer}.{block}", 2 if layer > 1 and block == 0 else 1
            out = norm(functional.conv2d(x, state[f"{at}.conv1.weight"]), f"{at}.bn1").relu()
            out = functional.conv2d(out, state[f"{at}.conv2.weight"], stride=stride, padding=1)
            out = norm(functional.conv2d(norm(out, f"{at}.bn2").relu(), state[f"{at}.conv3.weight"]), f"{at}.bn3")
            if block == 0:
                x = norm(functional.conv2d(x, state[f"{at}.downsample.0.weight"], stride=stride), f"{at}.downsample.1")
            x = (x + out).relu()
    return x.mean((2, 3))


def test_the_names_of_the_grammar_are_those_of_the_table() -> None:
    assert tuple(KNOWN) == LAYOUTS
    text = "timm:resnet50.tv_in1k@moco.pth.tar?layout=moco"
    assert parse_encoder(text).name == text


@pytest.mark.parametrize(
    "text", ["timm:resnet50@w.pth?layout=mocca", "timm:resnet50?layout=moco", "demo:clip?layout=moco"]
)
def test_an_unknown_or_misplaced_layout_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match=r"layout of .*: expected robustness, moco, moco-v3, dino, simclr"):
        parse_encoder(text)


@pytest.mark.parametrize("asked", ["?layout=robustness", ""])
def test_a_robust_checkpoint_gives_the_model_below_the_attack(
    tmp_path: Path, resnet: dict[str, torch.Tensor], asked: str
) -> None:
    noise = {name: torch.zeros_like(tensor) for name, tensor in resnet.items()}
    wrapped = {f"module.model.{name}": tensor for name, tensor in resnet.items()}
    wrapped |= {f"module.attacker.model.{name}": tensor for name, tensor in noise.items()}
    wrapped["module.normalizer.new_mean"] = torch.zeros(3, 1, 1)
    torch.save({"model": wrapped, "epoch": 90}, tmp_path / "resnet50_l2_eps1.ckpt")
    encoder = load(f"timm:resnet50@{tmp_path / 'resnet50_l2_eps1.ckpt'}{asked}")
    normal = (BATCH / 255 - torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).reshape(3, 1, 1)
    np.testing.assert_allclose(encoder.encode(BATCH), torchvision_forward(resnet, normal).numpy(), rtol=1e-3, atol=1e-4)
    head = encoder.head()
    assert head is not None
    np.testing.assert_array_equal(head.weight, resnet["fc.weight"].numpy())
    assert (encoder.preprocessing.resize, encoder.preprocessing.interpolation) == ((256, 256), "bilinear")


@pytest.mark.parametrize("asked", ["?layout=moco", ""])
def test_a_moco_checkpoint_gives_the_query_encoder_without_its_projection(
    tmp_path: Path, resnet: dict[str, torch.Tensor], asked: str
) -> None:
    state = {f"module.encoder_q.{name}": tensor for name, tensor in resnet.items() if not name.startswith("fc.")}
    state |= {f"module.encoder_k.{name}": torch.zeros_like(tensor) for name, tensor in resnet.items()}
    state |= {
        "module.encoder_q.fc.0.weight": torch.ones(2048, 2048),
        "module.encoder_q.fc.2.weight": torch.ones(128, 2048),
    }
    state["module.queue"] = torch.ones(128, 64)
    torch.save({"epoch": 800, "arch": "resnet50", "state_dict": state}, tmp_path / "moco.pth.tar")
    torch.save({name: tensor for name, tensor in resnet.items() if not name.startswith("fc.")}, tmp_path / "plain.pth")
    encoder = load(f"timm:resnet50.tv_in1k@{tmp_path / 'moco.pth.tar'}{asked}")
    plain = load(f"timm:resnet50.tv_in1k@{tmp_path / 'plain.pth'}")
    assert encoder.head() is None
    np.testing.assert_array_equal(encoder.encode(BATCH), plain.encode(BATCH))
    assert encoder.space.weights == plain.space.weights


def test_moco_v3s_small_vit_has_twelve_heads_and_another_space_than_timms(tmp_path: Path) -> None:
    vit = seeded("vit_small_patch16_224", num_classes=0)
    state = {f"module.base_encoder.{name}": tensor for name, tensor in vit.items()}
    state |= {f"module.momentum_encoder.{name}": torch.zeros_like(tensor) for name, tensor in vit.items()}
    state |= {"module.base_encoder.head.0.weight": torch.ones(4096, 384), "module.predictor.0.weight": torch.ones(4, 4)}
    torch.save({"state_dict": state}, tmp_path / "vit-s-300ep.pth.tar")
    torch.save(vit, tmp_path / "plain.pth")
    encoder = load(f"timm:vit_small_patch16_224@{tmp_path / 'vit-s-300ep.pth.tar'}?layout=moco-v3")
    plain = load(f"timm:vit_small_patch16_224@{tmp_path / 'plain.pth'}")
    assert encoder.forward.model.blocks[0].attn.num_heads == 12  # type: ignore[attr-defined]
    assert encoder.preprocessing.mean == (0.485, 0.456, 0.406)
    torch.manual_seed(3)
    twelve = timm.create_model("vit_small_patch16_224", num_classes=0, num_heads=12).eval()
    twelve.load_state_dict(vit)
    mean, std = (torch.tensor(KNOWN["moco-v3"].data[name]).reshape(3, 1, 1) for name in ("mean", "std"))
    with torch.inference_mode():
        want = twelve((BATCH / 255 - mean) / std).numpy()
    np.testing.assert_allclose(encoder.encode(BATCH), want, rtol=1e-3, atol=1e-4)
    assert encoder.space.weights != plain.space.weights, "the same tensors under other heads are another encoder"


@pytest.mark.parametrize("width", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_simclr_reads_raw_pixels_at_any_width(tmp_path: Path, resnet: dict[str, torch.Tensor], width: int) -> None:
    rng = np.random.default_rng(0)

    def wide(name: str, tensor: torch.Tensor) -> torch.Tensor:
        shape = [size * width if axis < 2 and size != 3 else size for axis, size in enumerate(tensor.shape)]
        if name.startswith("fc."):
            shape[0] = 1000
        if tensor.ndim == 0 or width == 1:
            return tensor
        if name.endswith(("running_var", "running_mean")) or tensor.ndim == 1:
            return tensor.repeat(-(-shape[0] // len(tensor)))[: shape[0]]
        return torch.from_numpy(rng.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape).astype(np.float32))

    state = {name: wide(name, tensor) for name, tensor in resnet.items()}
    torch.save({"state_dict": state}, tmp_path / f"resnet50-{width}x.pth")
    encoder = load(f"timm:resnet50@{tmp_path / f'resnet50-{width}x.pth'}?layout=simclr")
    assert encoder.space.dimension == 2048 * width
    want = torchvision_forward(state, BATCH / 255).numpy()
    np.testing.assert_allclose(encoder.encode(BATCH), want, rtol=1e-3, atol=1e-3 * np.abs(want).max())


def test_a_file_of_another_layout_names_what_it_holds(tmp_path: Path, resnet: dict[str, torch.Tensor]) -> None:
    torch.save(resnet, tmp_path / "plain.pth")
    with pytest.raises(MismatchError, match=r"expected tensors named base_encoder\.\*, but got conv1\.weight"):
        load(f"timm:resnet50@{tmp_path / 'plain.pth'}?layout=moco-v3")
