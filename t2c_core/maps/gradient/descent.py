"""The loop that every gradient-fitted map shares: a linear layer on scaled features, SGD with momentum, any loss."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from t2c.core.encoders.devices import choose_device
from t2c.core.maps.gradient.options import SgdOptions
from t2c.schemas.errors import InputError, PlanError, expected

Array = NDArray[Any]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(outputs (batch, target), indices of the batch's rows) to a scalar."""

_BLOCK_ROWS = 16_384


def scale_of(values: Array, *, variance: float) -> float:
    """Return the factor that gives values (images, d) this variance over all elements; 1 for values that do not vary.

    Summed in float64 about the mean of all elements, so that no digits cancel.
    """
    mean = sum(float(block.sum(dtype=np.float64)) for block in _blocks(values)) / max(values.size, 1)
    total = sum(float(((block.astype(np.float64) - mean) ** 2).sum()) for block in _blocks(values))
    return float(np.sqrt(variance * values.size / total)) if total > 0 else 1.0


def on_device(values: Array, place: torch.device) -> torch.Tensor:
    """Return an array as a tensor on a device; on the CPU they share memory where the array can be written."""
    return torch.from_numpy(np.require(values, requirements=["C", "W"])).to(place)


def _blocks(values: Array) -> list[Array]:
    return [values[start : start + _BLOCK_ROWS] for start in range(0, len(values), _BLOCK_ROWS)]


def minimise(
    x: Array,
    loss: Callable[[torch.device], Loss],
    *,
    target: int,
    scale: float,
    options: SgdOptions,
    device: str,
    watch: Callable[[int], None],
) -> tuple[Array, Array]:
    """Return weight (source, target) and bias (target,), float64, of z = scale * x W + b that SGD ends at.

    `loss` is asked once for the loss on the device; `watch` is told the rows of every batch that is done. First weights
    are drawn as torch.nn.Linear draws them. Raises InputError for no rows or when it diverges, PlanError when the device
    has no room for the rows.
    """
    if not len(x):
        raise InputError(expected("rows to fit", "1 or more", "0"))
    place = choose_device(device)
    try:
        weight, bias = _descend(x, loss(place), target=target, scale=scale, options=options, place=place, watch=watch)
    except torch.OutOfMemoryError as error:
        todo = "Fit fewer rows (--max-rows) or use --device cpu"
        message = expected("SGD", f"a device with room for {len(x):,} rows", f"out of memory on {place}", todo)
        raise PlanError(message) from error
    if not (torch.isfinite(weight).all() and torch.isfinite(bias).all()):
        todo = "Lower --learning-rate."
        raise InputError(expected("SGD", "weights that stay finite", "weights that diverged", todo))
    return weight.cpu().numpy().astype(np.float64), bias.cpu().numpy().astype(np.float64)


def _descend(
    x: Array,
    loss: Loss,
    *,
    target: int,
    scale: float,
    options: SgdOptions,
    place: torch.device,
    watch: Callable[[int], None],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weight and bias after the last epoch."""
    generator = torch.Generator().manual_seed(options.seed)
    features = on_device(x, place)
    weight, bias = _first(x.shape[1], target, generator, place)
    optimiser = torch.optim.SGD(
        [
            {"params": [weight], "weight_decay": options.weight_decay},
            {"params": [bias], "weight_decay": options.weight_decay if options.decay_bias else 0.0},
        ],
        lr=options.learning_rate,
        momentum=options.momentum,
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=options.schedule_epochs)
    for _ in range(options.epochs):
        order = torch.randperm(len(x), generator=generator).to(place)
        for start in range(0, len(x), options.batch):
            rows = order[start : start + options.batch]
            optimiser.zero_grad()
            torch.autograd.backward(loss(torch.addmm(bias, features[rows].float() * scale, weight), rows))
            optimiser.step()
            watch(len(rows))
        schedule.step()
    return weight.detach(), bias.detach()


def _first(source: int, target: int, generator: torch.Generator, place: torch.device) -> tuple[Any, Any]:
    """Return the first weight (source, target) and bias (target,), uniform in +-1 / sqrt(source)."""
    bound = source**-0.5
    shapes = ((source, target), (target,))
    drawn = (torch.empty(shape).uniform_(-bound, bound, generator=generator) for shape in shapes)
    weight, bias = (part.to(place).requires_grad_(True) for part in drawn)
    return weight, bias
