"""Where a forward pass runs and in which precision: cuda, mps or cpu, float32 or autocast; memory errors halve the batch."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch

from t2c.schemas.errors import PlanError, SpecError, expected

DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def choose_device(wanted: str = "auto") -> torch.device:
    """Return the device for `auto` (cuda, else mps, else cpu), `cpu`, `cuda`, `cuda:N` or `mps`; raises SpecError."""
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return torch.device(next(kind for kind, there in has.items() if there))
    try:
        device = torch.device(wanted)
    except RuntimeError:
        device = torch.device("meta")
    if not has.get(device.type, False) or (device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count()):
        present = ", ".join(kind for kind, there in has.items() if there)
        raise SpecError(expected("device", f"auto or one that is here ({present})", repr(wanted)))
    return device


def precision_context(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Return autocast for bfloat16 and float16, and a context that does nothing for float32."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, dtype=DTYPES[precision])


def halving(forward: Callable[[torch.Tensor], torch.Tensor], batch: torch.Tensor) -> torch.Tensor:
    """Return forward(batch); when the device runs out of memory, of its halves, down to single images.

    Raises PlanError when one image alone does not fit.
    """
    try:
        return forward(batch)
    except torch.OutOfMemoryError as error:
        if len(batch) == 1:
            todo = "Use a smaller model, precision=bfloat16, or --device cpu"
            message = expected("encoder", "a device with room for one image", f"out of memory on {batch.device}", todo)
            raise PlanError(message) from error
    if batch.device.type == "cuda":
        torch.cuda.empty_cache()
    half = len(batch) // 2
    return torch.cat([halving(forward, batch[:half]), halving(forward, batch[half:])])


def describe_devices() -> list[tuple[str, str]]:
    """Return (name, what it is) of every device that `--device` accepts here, the one `auto` takes first."""
    found = [("cpu", f"{torch.get_num_threads()} threads")]
    if torch.backends.mps.is_available():
        found.insert(0, ("mps", "Apple GPU"))
    for index in reversed(range(torch.cuda.device_count() if torch.cuda.is_available() else 0)):
        name, memory = torch.cuda.get_device_name(index), torch.cuda.get_device_properties(index).total_memory
        found.insert(0, (f"cuda:{index}", f"{name}, {memory / 2**30:.0f} GiB"))
    return found
