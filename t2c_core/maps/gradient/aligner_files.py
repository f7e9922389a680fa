"""Aligner files as the authors release them: a torch file of W (target, source) and b (target,); no pickle is executed."""

import warnings
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from t2c.core.encoders.weights import State, read_checkpoint
from t2c.core.maps.linear_map import LinearMap
from t2c.schemas.errors import InputError, MismatchError, expected

NAMES = (("W", "b"), ("weight", "bias"))
"""Names of the two tensors: the authors' own, and those of a torch.nn.Linear; a prefix such as `linear.` may precede."""


WRITE = "Write it as torch.save({'W': W, 'b': b}, 'aligner.pth'), W (target, source) and b (target,)"
"""What to do about a file that is no aligner."""


_PICKLES = {
    "torch did not write": "a pickle that torch did not write (refused)",
    "would run code": "a pickle that would run code when loaded (refused)",
}
"""What a checkpoint's reader says of pickles, and what is said of an aligner's."""


def read_aligner(path: str | Path) -> tuple[LinearMap, str]:
    """Return the map x W' + b of a .pth or safetensors file, in float32, and the dtype it was kept in.

    Tensors of any floating type are taken, parameters and sparse ones too. Raises InputError when there is no such file,
    when it is damaged (of flipped bytes only torch's zip format can tell), holds other tensors, tensors without data,
    numbers that are not finite, or a pickle that would run code; MismatchError for shapes that do not fit.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise InputError(expected(f"aligner {file}", "a file that is there", "none"))
    weight, bias = _two(_state(file), file)
    if weight.ndim != 2 or bias.shape != weight.shape[:1]:
        actual = f"W {tuple(weight.shape)} and b {tuple(bias.shape)}"
        raise MismatchError(expected(f"aligner {file}", "W (target, source) and b (target,)", actual, WRITE))
    if weight.is_meta or bias.is_meta:
        actual = "tensors of the meta device, which have none"
        raise InputError(expected(f"aligner {file}", "tensors with data", actual, WRITE))
    dtype = str(weight.dtype).removeprefix("torch.")
    numbers, offset = (part.detach().to_dense().float().numpy() for part in (weight, bias))
    if not (np.isfinite(numbers).all() and np.isfinite(offset).all()):
        todo = "Fit the map again, or convert it again from the numbers it was made from"
        raise InputError(expected(f"aligner {file}", "finite numbers", "NaN or infinity", todo))
    return LinearMap(np.ascontiguousarray(numbers.T), offset), dtype


def read_metadata(path: str | Path) -> dict[str, str]:
    """Return what a safetensors file says of itself, as text by name; empty for a torch file, which says nothing."""
    try:
        with safe_open(Path(path).expanduser(), "np") as tensors:
            return dict(tensors.metadata() or {})
    except SafetensorError:
        return {}


def write_aligner(linear_map: LinearMap, path: str | Path, *, dtype: str) -> None:
    """Write W (target, source) and b (target,) as a torch file of the authors' layout, float16 or float32."""
    kind = {"float16": torch.float16, "float32": torch.float32}[dtype]
    weight = torch.tensor(np.ascontiguousarray(linear_map.weight.T)).to(kind)
    torch.save({"W": weight, "b": torch.tensor(linear_map.bias).to(kind)}, path)


def _state(file: Path) -> State:
    """Return the tensors of a file; what is wrong with it is said of an aligner, with what to do."""
    _check_zip(file)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch's remarks on sparse and quantised tensors
            return read_checkpoint(file, subject=f"aligner {file}")
    except InputError as error:
        other = "a damaged file, or one of another kind"
        actual = next((text for sign, text in _PICKLES.items() if sign in str(error)), other)
        todo = f"An .onnx file is only written: import the .pth. {WRITE}" if file.suffix.lower() == ".onnx" else WRITE
        raise InputError(expected(f"aligner {file}", "W and b in a torch or safetensors file", actual, todo)) from error


def _check_zip(file: Path) -> None:
    """Raise InputError when a torch archive holds bytes that are not those that were written; torch does not look."""
    if not zipfile.is_zipfile(file):
        return
    try:
        with zipfile.ZipFile(file) as archive:
            broken = archive.testzip()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
        raise InputError(expected(f"aligner {file}", "a complete torch file", "a damaged archive", WRITE)) from error
    if broken is not None:
        todo = "Copy or download it again"
        raise InputError(expected(f"aligner {file}", "the bytes that were written", f"others in {broken}", todo))


def _two(state: State, file: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Return W and b of a state dict that holds no other tensor than these."""
    bare = {name.rpartition(".")[2]: tensor for name, tensor in state.items()}
    for names in NAMES:
        if set(bare) == set(names) and len(bare) == len(state):
            weight, bias = (bare[name] for name in names)
            if weight.is_floating_point() and bias.is_floating_point():
                return weight, bias
    listed = ", ".join(f"{name} {tuple(tensor.shape)} {tensor.dtype}" for name, tensor in list(state.items())[:4])
    more = f" and {len(state) - 4} more" if len(state) > 4 else ""
    want = "two floating tensors, W (target, source) and b (target,)"
    raise InputError(expected(f"aligner {file}", want, listed + more, WRITE))
