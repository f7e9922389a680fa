"""The closed form against the published SGD on equal data: time, training loss, and R2 on held-out rows."""

import argparse
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.closed_form import ROWS, SOURCE, TARGET, features
from benchmarks.harness import Row, at_least, paired
from t2c.core.maps.gradient.options import PRESETS
from t2c.core.maps.gradient.sgd import fit_sgd
from t2c.core.maps.linear_map import LinearMap
from t2c.core.maps.moments import Moments, estimate_centre, fold_moments, merge
from t2c.core.maps.quality import quality
from t2c.core.maps.ridge import choose_ridge, fit

SIZES = (1_000, 5_000, ROWS)
"""Rows fitted: fewer than source dimensions, a few times as many, many."""
TIMED_ROWS = 50_000
"""Rows of the timed fits: at 20,000 the solve, which does not grow with rows, is still a tenth of the closed form."""
HELD = 4_000
FOLDS = 5
WORSE = 0.005

Array = NDArray[np.float32]


def rows(n: int = ROWS, *, timed: int = TIMED_ROWS) -> list[Row]:
    """Return the rows of this group; `n` is the largest number of rows fitted for losses, `timed` that of the timed fits."""
    x, y = features(n + HELD)
    fitted = sorted({min(size, n) for size in SIZES})
    compared = [_compare(x[:size], y[:size], x[n:], y[n:]) for size in fitted]
    sizes = ", ".join(f"{size:,}" for size in fitted)
    return [
        *_speeds(*features(timed)),
        _losses([one[0] for one in compared], sizes),
        _held([one[1] for one in compared], sizes),
    ]


def _speeds(x: Array, y: Array) -> list[Row]:
    def closed() -> None:
        fit(Moments.of(x, y, centre=estimate_centre(x[:4096], y[:4096])), ridge=0.0)

    size = f"(6 epochs, CPU), {len(x):,} x {SOURCE} -> {TARGET}"
    plain = paired(partial(plain_descent, x, y), closed, pairs=3)
    own = paired(partial(fit_sgd, x, y, options=PRESETS["paper"], device="cpu"), closed, pairs=3)
    return [
        at_least(f"closed form against the published SGD as a plain torch loop over a DataLoader {size}", plain, 8),
        at_least(f"closed form against `t2c align --method sgd`, the same steps {size}", own, 8),
    ]


def plain_descent(x: Array, y: Array) -> LinearMap:
    """Return the map of the published SGD, written down as one writes it in torch: what a user replaces."""
    preset = PRESETS["paper"]
    scale, unscale = (np.float32(np.sqrt(preset.variance / one.var())) for one in (x, y))
    data = torch.utils.data.TensorDataset(torch.from_numpy(x * scale), torch.from_numpy(y * unscale))
    shuffled = torch.Generator().manual_seed(preset.seed)
    loader = torch.utils.data.DataLoader(data, batch_size=preset.batch, shuffle=True, generator=shuffled)
    layer, loss = torch.nn.Linear(x.shape[1], y.shape[1]), torch.nn.MSELoss()
    optimiser = torch.optim.SGD(
        layer.parameters(), lr=preset.learning_rate, momentum=preset.momentum, weight_decay=preset.weight_decay
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=preset.schedule_epochs)
    for _ in range(preset.epochs):
        for some, wanted in loader:
            optimiser.zero_grad()
            torch.autograd.backward(loss(layer(some), wanted))
            optimiser.step()
        schedule.step()
    weight, bias = (part.detach().numpy() for part in (layer.weight, layer.bias))
    return LinearMap(np.ascontiguousarray(weight.T) * (scale / unscale), bias / unscale)


def _compare(x: Array, y: Array, held_x: Array, held_y: Array) -> tuple[float, float]:
    """Return how much lower the closed form's training R2 is than SGD's, and the chosen ridge's held-out R2; worst preset."""
    fold = np.random.default_rng(0).integers(0, FOLDS, len(x))
    centre = estimate_centre(x[:4096], y[:4096])
    folds = fold_moments([(x, y, fold)], centre=centre, folds=FOLDS)
    train, held = merge(folds), Moments.of(held_x, held_y, centre=centre)
    exact = fit(train, ridge=0.0).map
    chosen = fit(train, ridge=choose_ridge(folds).ridge).map

    def r2(of: Moments, linear_map: LinearMap) -> float:
        return quality(of, linear_map, train_mean=train.mean_y).r2_variance_weighted

    descended = [fit_sgd(x, y, options=options, device="cpu").map for options in PRESETS.values()]
    descended.append(plain_descent(x, y))
    return (
        max(r2(train, one) - r2(train, exact) for one in descended),
        max(r2(held, one) - r2(held, chosen) for one in descended),
    )


def _losses(gaps: list[float], sizes: str) -> Row:
    worst = max(gaps)
    claim = f"training loss of the closed form against both SGD presets and the plain loop, {sizes} rows"
    measured = f"R2 on the fitted rows higher by {-worst:.4f} to {-min(gaps):.4f}"
    return Row(claim, "never worse", measured, worst <= 0)


def _held(gaps: list[float], sizes: str) -> Row:
    worst = max(gaps)
    claim = f"held-out R2 of the chosen ridge against both SGD presets and the plain loop, {sizes} rows"
    return Row(
        claim, f"never worse by more than {WORSE}", f"higher by {-worst:.4f} to {-min(gaps):.4f}", worst <= WORSE
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="rows fitted at most where losses are compared")
    parser.add_argument("--timed", type=int, default=TIMED_ROWS, help="rows of the timed fits")
    asked = parser.parse_args()
    for row in rows(asked.rows, timed=asked.timed):
        print(row)
