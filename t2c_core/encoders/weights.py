"""Checkpoints: read without running code from them, unwrapped, checked key by key, and named by a digest."""

import hashlib
import pickle
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from t2c.schemas.errors import InputError, MismatchError, WeightsMissing, expected

State = dict[str, torch.Tensor]
"""A state dict: tensor name to tensor."""

_WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model", "model_state_dict", "net")
_PREFIXES = ("module.", "_orig_mod.")
_UNUSED = "num_batches_tracked"
"""A counter of training steps; no forward pass in eval mode reads it."""


def read_checkpoint(path: str | Path, *, subject: str) -> State:
    """Return the state dict of a safetensors file or a torch file read with weights_only=True.

    Common wrappers (`state_dict`, `model`, ...) and prefixes (`module.`) are taken off. Raises WeightsMissing when there
    is no such file and InputError when it is damaged, holds no tensors, or is a pickle that would run code.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        todo = f"Put the file there, or write {subject.partition('@')[0]}@FILE with the right path"
        raise WeightsMissing(expected(f"weights of {subject}", f"a file {file}", "none", todo))
    content = _read_safetensors(file) if _is_safetensors(file) else _read_torch(file)
    return _unwrap(content, file)


def _is_safetensors(file: Path) -> bool:
    with file.open("rb") as stream:
        head = stream.read(9)
    return file.suffix.lower() == ".safetensors" or (len(head) == 9 and head[8:] == b"{" and head[6:8] == b"\0\0")


def _read_safetensors(file: Path) -> Any:
    try:
        return load_file(file)
    except (SafetensorError, OSError) as error:
        raise InputError(expected(f"checkpoint {file}", "a complete safetensors file", f"{error}")) from error


def _read_torch(file: Path) -> Any:
    want = "a safetensors file, or a torch checkpoint of tensors alone"
    todo = "Save the weights again: safetensors.torch.save_file(model.state_dict(), 'model.safetensors')"
    if _is_foreign_pickle(file):
        raise InputError(expected(f"checkpoint {file}", want, "a pickle that torch did not write (refused)", todo))
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        got = "one that would run code when loaded (refused)" if _is_pickle(file) else "a damaged or foreign file"
        raise InputError(expected(f"checkpoint {file}", want, got, todo)) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile) as error:
        raise InputError(expected(f"checkpoint {file}", want, f"{type(error).__name__} ({error})", todo)) from error


def _is_pickle(file: Path) -> bool:
    with file.open("rb") as stream:
        head = stream.read(4)
    return head[:1] == b"\x80" or head == b"PK\x03\x04"


def _is_foreign_pickle(file: Path) -> bool:
    """Tell a pickle of another protocol than torch's 2: torch.load would warn and then refuse it."""
    with file.open("rb") as stream:
        head = stream.read(2)
    return head[:1] == b"\x80" and head != b"\x80\x02"


def _unwrap(content: Any, file: Path) -> State:
    while isinstance(content, Mapping) and not any(isinstance(value, torch.Tensor) for value in content.values()):
        inner = next((content[key] for key in _WRAPPERS if isinstance(content.get(key), Mapping)), None)
        if inner is None:
            break
        content = inner
    tensors = content.items() if isinstance(content, Mapping) else ()
    state = {_bare(str(name)): value for name, value in tensors if isinstance(value, torch.Tensor)}
    if not state:
        got = f"a {type(content).__name__} with none"
        raise InputError(expected(f"checkpoint {file}", "tensors by name, such as model.state_dict()", got))
    return state


def _bare(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def check_keys(subject: str, want: Mapping[str, torch.Tensor], got: Mapping[str, torch.Tensor]) -> None:
    """Raise MismatchError naming the first keys that are missing, unexpected or of another shape."""
    needed = {name for name in want if not name.endswith(_UNUSED)}
    missing = _some(sorted(needed - got.keys()))
    extra = _some(sorted(name for name in got if name not in want and not name.endswith(_UNUSED)))
    shapes = _some(
        f"{name} {tuple(got[name].shape)} in place of {tuple(want[name].shape)}"
        for name in sorted(needed & got.keys())
        if got[name].shape != want[name].shape
    )
    parts = [("without ", missing), ("with unknown ", extra), ("with ", shapes)]
    differences = "; ".join(label + names for label, names in parts if names)
    if differences:
        todo = "The file belongs to another model, or to a part of this one"
        raise MismatchError(expected(f"checkpoint of {subject}", f"its {len(needed)} tensors", differences, todo))


def _some(names: Iterable[str], most: int = 3) -> str:
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def load_state(model: torch.nn.Module, state: State, *, subject: str) -> None:
    """Load a state dict into a model after checking every key; raises MismatchError."""
    check_keys(subject, model.state_dict(), state)
    model.load_state_dict(state, strict=False)


def weights_digest(state: Mapping[str, torch.Tensor], *, architecture: str) -> str:
    """Return the sha256 over the architecture's text and every tensor (name, dtype, shape, bytes) in name order.

    The same weights from a hub or a file have the same digest; the same tensors under another activation do not.
    """
    total = hashlib.sha256(architecture.encode())
    for name in sorted(state):
        if name.endswith(_UNUSED):
            continue
        tensor = state[name].detach().cpu().contiguous()
        total.update(f"\0{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()
