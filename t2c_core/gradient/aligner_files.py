"""Aligner files as the authors release them: a torch file of W (target, source) and b (target,); no pickle is executed."""

from pathlib import Path

import numpy as np
import torch

from schemas.errors import InputError, MismatchError, expected
from t2c_core.encoders.weights import State, read_checkpoint
from t2c_core.linear_map import LinearMap

NAMES = (("W", "b"), ("weight", "bias"))
"""Names of the two tensors: the authors' own, and those of a torch.nn.Linear; a prefix such as `linear.` may precede."""


def read_aligner(path: str | Path) -> tuple[LinearMap, str]:
    """Return the map x W' + b of a .pth or safetensors file, in float32, and the dtype it was kept in.

    Tensors of any floating type are taken. Raises InputError when there is no such file, when it is damaged, holds other
    tensors, numbers that are not finite, or a pickle that would run code; MismatchError for shapes that do not fit.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise InputError(expected(f"aligner {file}", "a file that is there", "none"))
    weight, bias = _two(read_checkpoint(file, subject=f"aligner {file}"), file)
    if weight.ndim != 2 or bias.shape != weight.shape[:1]:
        got = f"W {tuple(weight.shape)} and b {tuple(bias.shape)}"
        raise MismatchError(expected(f"aligner {file}", "W (target, source) and b (target,)", got))
    kept = str(weight.dtype).removeprefix("torch.")
    numbers, offset = (part.float().numpy() for part in (weight, bias))
    if not (np.isfinite(numbers).all() and np.isfinite(offset).all()):
        raise InputError(expected(f"aligner {file}", "finite numbers", "NaN or infinity"))
    return LinearMap(np.ascontiguousarray(numbers.T), offset), kept


def write_aligner(linear_map: LinearMap, path: str | Path, *, dtype: str) -> None:
    """Write W (target, source) and b (target,) as a torch file of the authors' layout, float16 or float32."""
    kind = {"float16": torch.float16, "float32": torch.float32}[dtype]
    weight = torch.tensor(np.ascontiguousarray(linear_map.weight.T)).to(kind)
    torch.save({"W": weight, "b": torch.tensor(linear_map.bias).to(kind)}, path)


def _two(state: State, file: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Return W and b of a state dict that holds no other tensor than these."""
    bare = {name.rpartition(".")[2]: tensor for name, tensor in state.items()}
    for names in NAMES:
        if set(bare) == set(names) and len(bare) == len(state):
            weight, bias = (bare[name] for name in names)
            if weight.is_floating_point() and bias.is_floating_point():
                return weight, bias
    listed = ", ".join(f"{name} {tuple(one.shape)} {one.dtype}" for name, one in list(state.items())[:4])
    more = f" and {len(state) - 4} more" if len(state) > 4 else ""
    want = "two floating tensors, W (target, source) and b (target,)"
    raise InputError(expected(f"aligner {file}", want, listed + more))
