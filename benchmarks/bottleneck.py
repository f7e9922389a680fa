"""The bottleneck's 40 epochs on 50,000 x 64 similarities: seconds, and against a plain loop over torch's own SGD."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Row, at_most, paired, seconds
from t2c.core.maps.gradient.linear_head import HeadOptions, LinearHead, fit_linear_head

IMAGES, CONCEPTS, CLASSES = 50_000, 64, 10
LIMIT_S = 5.0
AGREEMENT = 1e-3


def rows() -> list[Row]:
    """Return the rows of this group."""
    x, codes = planted()
    options = HeadOptions()
    times = sorted(seconds(lambda: fit_linear_head(x, codes, classes=CLASSES)) for _ in range(3))
    sizes = f"{options.epochs} epochs on {IMAGES:,} x {CONCEPTS} similarities, {CLASSES} classes, batches of {options.batch}"
    fewer = HeadOptions(epochs=5)
    ratio = paired(
        lambda: fit_linear_head(x, codes, classes=CLASSES, options=fewer),
        lambda: torch_loop(x, codes, fewer),
        pairs=3,
    )
    return [
        Row(sizes, f"< {LIMIT_S:g} s", f"{times[1]:.2f} s ({times[0]:.2f} to {times[2]:.2f})", times[1] < LIMIT_S),
        at_most("the same, 5 epochs, against a plain torch loop", ratio, 1.0),
        _agreement(x, codes, fewer),
    ]


def planted() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return standardised similarities and the classes that planted weights give them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(IMAGES, CONCEPTS)).astype(np.float32)
    weight = rng.normal(size=(CONCEPTS, CLASSES))
    return x, (x @ weight + rng.gumbel(size=(IMAGES, CLASSES))).argmax(axis=1)


def torch_loop(x: NDArray[Any], codes: NDArray[Any], options: HeadOptions) -> LinearHead:
    """Return what the loop that anyone would write learns from the same batches."""
    import torch

    rng = np.random.default_rng(options.seed)
    layer = torch.nn.Linear(x.shape[1], CLASSES)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    sgd = torch.optim.SGD(
        layer.parameters(), lr=options.learning_rate, momentum=options.momentum, weight_decay=options.weight_decay
    )
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, T_max=options.epochs)
    for _ in range(options.epochs):
        order = rng.permutation(len(x))
        inputs, wanted = torch.from_numpy(x[order]), torch.from_numpy(codes[order])
        for start in range(0, len(x), options.batch):
            batch = slice(start, start + options.batch)
            sgd.zero_grad()
            torch.nn.functional.cross_entropy(layer(inputs[batch]), wanted[batch]).backward()
            sgd.step()
        falling.step()
    return LinearHead(layer.weight.detach().numpy(), layer.bias.detach().numpy())


def _agreement(x: NDArray[Any], codes: NDArray[Any], options: HeadOptions) -> Row:
    mine, theirs = fit_linear_head(x, codes, classes=CLASSES, options=options), torch_loop(x, codes, options)
    worst = float(np.abs(mine.weight - theirs.weight).max())
    return Row("weights of the two", f"within {AGREEMENT:g}", f"{worst:.1e} apart at most", worst <= AGREEMENT)
