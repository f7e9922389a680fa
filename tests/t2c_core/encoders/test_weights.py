"""A checkpoint is data: read whatever wraps it, refused when it would run code, named by what is in it."""

import os
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from t2c.core.encoders.weights import check_keys, load_state, read_checkpoint, weights_digest
from t2c.schemas.errors import InputError, MismatchError, WeightsMissing

STATE = {"fc.weight": torch.arange(6.0).reshape(2, 3), "fc.bias": torch.zeros(2)}


def same(state: dict[str, torch.Tensor]) -> bool:
    return state.keys() == STATE.keys() and all(torch.equal(state[name], STATE[name]) for name in STATE)


def saved(file: Path, content: object) -> Path:
    torch.save(content, file)
    return file


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"state_dict": STATE, "epoch": 3},
        {"model": STATE},
        {"state_dict": {"model": STATE}},
        {f"module.{name}": tensor for name, tensor in STATE.items()},
        {"model_state_dict": {f"module._orig_mod.{name}": tensor for name, tensor in STATE.items()}},
    ],
)
def test_wrappers_and_prefixes_are_taken_off(tmp_path: Path, content: object) -> None:
    assert same(read_checkpoint(saved(tmp_path / "w.pth", content), subject="timm:x"))


@pytest.mark.parametrize("name", ["w.safetensors", "w.bin"])
def test_safetensors_is_known_by_its_bytes(tmp_path: Path, name: str) -> None:
    save_file(STATE, tmp_path / name)
    assert same(read_checkpoint(tmp_path / name, subject="timm:x"))


class Gadget:
    """Runs a command when unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/t2c-gadget-ran",)


@pytest.mark.parametrize("protocol", ["torch", "pickle", "wrapped"])
def test_a_pickle_that_runs_code_is_refused(tmp_path: Path, protocol: str) -> None:
    file = tmp_path / "w.pth"
    if protocol == "pickle":
        file.write_bytes(pickle.dumps(Gadget()))
    else:
        torch.save({"state_dict": STATE, "extra": Gadget()} if protocol == "wrapped" else Gadget(), file)
    got = "a pickle that torch did not write" if protocol == "pickle" else "one that would run code when loaded"
    want = rf"expected a safetensors file.*, but got {got} \(refused\)\. Save the weights"
    with pytest.raises(InputError, match=want):
        read_checkpoint(file, subject="timm:x")
    assert not Path("/tmp/t2c-gadget-ran").exists()


def test_damaged_and_foreign_files_are_named(tmp_path: Path) -> None:
    whole = saved(tmp_path / "w.pth", STATE).read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.pth").write_text("hello, this is not a checkpoint")
    (tmp_path / "empty.pth").write_bytes(b"")
    save_file(STATE, tmp_path / "w.safetensors")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "w.safetensors").read_bytes()[:-4])
    for name in ("cut.pth", "text.pth", "empty.pth", "cut.safetensors"):
        with pytest.raises(InputError, match=f"checkpoint .*{name}: expected a .*safetensors file"):
            read_checkpoint(tmp_path / name, subject="timm:x")


def test_a_file_without_tensors_is_refused(tmp_path: Path) -> None:
    for content in ({"epoch": 3}, [1, 2], {"state_dict": {}}):
        with pytest.raises(InputError, match="expected tensors by name"):
            read_checkpoint(saved(tmp_path / "w.pth", content), subject="timm:x")


def test_a_missing_file_says_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"weights of timm:x@.*: expected a file .*w\.pth, but got none\. Put the"):
        read_checkpoint(tmp_path / "w.pth", subject=f"timm:x@{tmp_path / 'w.pth'}")


def test_mismatched_keys_are_named() -> None:
    got = {"fc.weight": torch.zeros(5, 3), "head.weight": torch.zeros(1), "bn.num_batches_tracked": torch.tensor(1)}
    want = r"without fc.bias; with unknown head.weight; with fc.weight \(5, 3\) in place of \(2, 3\)"
    with pytest.raises(MismatchError, match=want):
        check_keys("timm:x", STATE, got)
    many = {f"layer{number}": torch.zeros(1) for number in range(9)}
    with pytest.raises(MismatchError, match="without layer0, layer1, layer2 and 6 more"):
        check_keys("timm:x", many, {})


def test_loading_checks_first() -> None:
    model = torch.nn.Sequential()
    model.add_module("fc", torch.nn.Linear(3, 2))
    load_state(model, STATE, subject="x")
    assert same(model.state_dict())
    with pytest.raises(MismatchError):
        load_state(model, {"fc.weight": STATE["fc.weight"]}, subject="x")


def test_the_digest_knows_values_names_shapes_and_architecture() -> None:
    base = weights_digest(STATE, architecture="a")
    assert base == weights_digest(dict(reversed(STATE.items())), architecture="a")
    counter = {**STATE, "bn.num_batches_tracked": torch.tensor(5)}
    assert base == weights_digest(counter, architecture="a")
    last = {name: tensor.contiguous(memory_format=torch.contiguous_format) for name, tensor in STATE.items()}
    assert base == weights_digest(last, architecture="a")
    others = [
        weights_digest(STATE, architecture="a?quick_gelu"),
        weights_digest({**STATE, "fc.bias": torch.ones(2)}, architecture="a"),
        weights_digest({**STATE, "fc.weight": STATE["fc.weight"].reshape(3, 2)}, architecture="a"),
        weights_digest({**STATE, "fc.weight": STATE["fc.weight"].half()}, architecture="a"),
        weights_digest({"fc.w": STATE["fc.weight"], "fc.bias": STATE["fc.bias"]}, architecture="a"),
    ]
    assert len({base, *others}) == 6
