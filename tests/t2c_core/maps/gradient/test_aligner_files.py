"""Aligner files: the authors' layout read as released, float16 included; what carries code is refused and never run."""

import io
import os
import pickle
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from t2c.core.maps.gradient.aligner_files import read_aligner, read_metadata, write_aligner
from t2c.schemas.errors import InputError, MismatchError

W = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
B = np.random.default_rng(1).normal(size=5).astype(np.float32)
X = np.random.default_rng(2).normal(size=(40, 8)).astype(np.float32)


def save(file: Path, **tensors: Any) -> Path:
    torch.save({name: torch.as_tensor(value) for name, value in tensors.items()}, file)
    return file


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_a_released_file_applies_as_x_times_w_transposed_plus_b(tmp_path: Path, dtype: torch.dtype) -> None:
    kept = {"W": torch.from_numpy(W).to(dtype), "b": torch.from_numpy(B).to(dtype)}
    linear_map, name = read_aligner(save(tmp_path / "aligner.pth", **kept))
    assert name == str(dtype).removeprefix("torch.")
    want = torch.from_numpy(X) @ kept["W"].float().T + kept["b"].float()
    np.testing.assert_allclose(linear_map.apply(X), want.numpy(), rtol=1e-6, atol=1e-6)
    assert linear_map.weight.dtype == linear_map.bias.dtype == np.float32


@pytest.mark.parametrize("names", [("weight", "bias"), ("linear.weight", "linear.bias"), ("module.W", "module.b")])
def test_a_state_dict_of_a_linear_layer_is_read_too(tmp_path: Path, names: tuple[str, str]) -> None:
    linear_map, _ = read_aligner(save(tmp_path / "layer.pth", **dict(zip(names, (W, B), strict=True))))
    np.testing.assert_array_equal(linear_map.weight, W.T)


def test_safetensors_is_read(tmp_path: Path) -> None:
    save_file({"W": torch.from_numpy(W), "b": torch.from_numpy(B)}, tmp_path / "aligner.safetensors")
    linear_map, _ = read_aligner(tmp_path / "aligner.safetensors")
    np.testing.assert_array_equal(linear_map.bias, B)


@pytest.mark.parametrize("sparse", [False, True])
def test_parameters_and_sparse_tensors_are_read_as_their_numbers(tmp_path: Path, sparse: bool) -> None:
    weight = torch.from_numpy(W)
    kept = weight.to_sparse() if sparse else torch.nn.Parameter(weight)
    torch.save({"W": kept, "b": torch.from_numpy(B).requires_grad_()}, tmp_path / "aligner.pth")
    linear_map, _ = read_aligner(tmp_path / "aligner.pth")
    np.testing.assert_array_equal(linear_map.weight, W.T)
    np.testing.assert_array_equal(linear_map.bias, B)


def test_tensors_without_data_are_refused(tmp_path: Path) -> None:
    torch.save({"W": torch.empty(5, 8, device="meta"), "b": torch.from_numpy(B)}, tmp_path / "aligner.pth")
    with pytest.raises(InputError, match="expected tensors with data, but got tensors of the meta device, which have"):
        read_aligner(tmp_path / "aligner.pth")


def test_metadata_is_what_a_safetensors_file_says_of_itself(tmp_path: Path) -> None:
    save_file({"W": torch.from_numpy(W)}, tmp_path / "says.safetensors", metadata={"source": "timm:a"})
    save_file({"W": torch.from_numpy(W)}, tmp_path / "silent.safetensors")
    assert read_metadata(tmp_path / "says.safetensors") == {"source": "timm:a"}
    assert read_metadata(tmp_path / "silent.safetensors") == read_metadata(save(tmp_path / "a.pth", W=W)) == {}


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_what_is_written_is_the_released_layout(tmp_path: Path, dtype: str) -> None:
    linear_map, _ = read_aligner(save(tmp_path / "in.pth", W=W, b=B))
    write_aligner(linear_map, tmp_path / "out.pth", dtype=dtype)
    state = torch.load(tmp_path / "out.pth", weights_only=True)
    assert set(state) == {"W", "b"}
    assert tuple(state["W"].shape) == (5, 8)
    np.testing.assert_array_equal(state["W"].numpy(), W.astype(dtype))
    np.testing.assert_array_equal(read_aligner(tmp_path / "out.pth")[0].bias, B.astype(dtype).astype(np.float32))


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.mark),))


def legacy(value: Any, file: Path) -> None:
    torch.save(value, file, _use_new_zipfile_serialization=False)


def plain(value: Any, file: Path) -> None:
    file.write_bytes(pickle.dumps(value))


def zipped(value: Any, file: Path) -> None:
    """Write a torch archive whose tensors' pickle was replaced by one that runs code."""
    buffer = io.BytesIO()
    torch.save({"W": torch.from_numpy(W), "b": torch.from_numpy(B)}, buffer)
    with zipfile.ZipFile(buffer) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            new.writestr(name, pickle.dumps(value, protocol=2) if name.endswith("data.pkl") else old.read(name))


@pytest.mark.parametrize("write", [torch.save, legacy, plain, zipped])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".bin"])
def test_a_file_that_carries_code_is_refused_and_never_run(tmp_path: Path, write: Any, suffix: str) -> None:
    file, mark = tmp_path / f"aligner{suffix}", tmp_path / "it ran"
    write({"W": torch.from_numpy(W), "b": Bomb(mark)}, file)
    with pytest.raises(InputError, match=r"aligner.*expected") as refused:
        read_aligner(file)
    assert not mark.exists()
    if suffix != ".safetensors":
        why = "that torch did not write" if write is plain else "that would run code when loaded"
        assert f"but got a pickle {why} (refused). Write it as torch.save(" in str(refused.value)


@pytest.mark.parametrize(
    ("tensors", "error", "message"),
    [
        (
            {"W": W},
            InputError,
            r"expected two floating tensors, W \(target, source\) and b \(target,\), but got W \(5, 8\)",
        ),
        ({"W": W, "b": B, "c": B}, InputError, r"but got W \(5, 8\) torch.float32, b \(5,\) torch.float32, c"),
        ({"a.W": W, "b.W": W, "b": B}, InputError, "expected two floating tensors"),
        ({"W": W.astype(np.int64), "b": B}, InputError, "torch.int64"),
        (
            {"W": W, "b": W[0]},
            MismatchError,
            r"expected W \(target, source\) and b \(target,\), but got W \(5, 8\) and b \(8,\)",
        ),
        ({"W": B, "b": B}, MismatchError, r"but got W \(5,\) and b \(5,\)"),
        ({"W": np.full_like(W, np.nan), "b": B}, InputError, "expected finite numbers, but got NaN or infinity"),
    ],
)
def test_other_content_is_refused_naming_what_is_there(
    tmp_path: Path, tensors: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        read_aligner(save(tmp_path / "aligner.pth", **tensors))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"aligner .*none\.pth: expected a file that is there, but got none"):
        read_aligner(tmp_path / "none.pth")


@pytest.mark.parametrize("length", [0, 1, 2, 10, 300, 1500])
@pytest.mark.parametrize("name", ["aligner.pth", "aligner.safetensors", "aligner.onnx"])
def test_a_truncated_file_is_answered_with_how_an_aligner_is_written(tmp_path: Path, name: str, length: int) -> None:
    file = tmp_path / name
    if name == "aligner.safetensors":
        save_file({"W": torch.from_numpy(W), "b": torch.from_numpy(B)}, file)
        length = min(length, 250)
    else:
        save(file, W=W, b=B)
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(InputError, match=rf"aligner .*{name}: expected") as refused:
        read_aligner(file)
    message = str(refused.value)
    assert "Write it as torch.save({'W': W, 'b': b}, 'aligner.pth'), W (target, source) and b (target,)" in message
    assert not re.search(r"Error|model\.", message)
    assert ("An .onnx file is only written" in message) == name.endswith(".onnx")


def test_a_byte_flipped_within_a_tensor_is_found(tmp_path: Path) -> None:
    file = save(tmp_path / "aligner.pth", W=W, b=B)
    data = bytearray(file.read_bytes())
    data[data.index(W.tobytes()) + 5] ^= 1
    file.write_bytes(data)
    with pytest.raises(
        InputError, match=r"expected the bytes that were written, but got others in aligner/data/\d\. Copy"
    ):
        read_aligner(file)


@pytest.mark.parametrize("tensors", [{"W": W}, {"W": np.full_like(W, np.nan), "b": B}])
def test_every_refusal_says_what_to_do(tmp_path: Path, tensors: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"but got .*\. (Write it as torch.save|Fit the map again)"):
        read_aligner(save(tmp_path / "aligner.pth", **tensors))
