"""The closed-form map against scikit-learn and against the bare matrix products, and its memory at two lengths."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Row, at_least, at_most, paired, peak_mebibytes
from t2c.core.maps.moments import Moments, estimate_centre
from t2c.core.maps.ridge import fit

ROWS, SOURCE, TARGET = 20_000, 1280, 512


def features(rows: int, *, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return rectified, correlated source features (rows, SOURCE) and a noisy linear target (rows, TARGET)."""
    rng = np.random.default_rng(seed)
    mix = rng.standard_normal((SOURCE, SOURCE), dtype=np.float32) / SOURCE**0.5
    x = np.maximum(rng.standard_normal((rows, SOURCE), dtype=np.float32) @ mix, 0)
    weight = rng.standard_normal((SOURCE, TARGET), dtype=np.float32) / SOURCE**0.5
    return x, x @ weight + rng.standard_normal((rows, TARGET), dtype=np.float32)


def rows() -> list[Row]:
    """Return the rows of this group."""
    from sklearn.linear_model import LinearRegression

    x, y = features(ROWS)

    def closed() -> None:
        fit(Moments.of(x, y, centre=estimate_centre(x[:4096], y[:4096])), ridge=0.0)

    def products() -> None:
        x.T @ x
        x.T @ y

    size = f"{ROWS:,} x {SOURCE} -> {TARGET}"
    return [
        at_least(
            f"closed form against LinearRegression, {size}", paired(lambda: LinearRegression().fit(x, y), closed), 3
        ),
        at_most(f"closed form against the bare products X'X and X'Y, {size}", paired(closed, products, pairs=11), 1.5),
        _memory(),
    ]


def _streamed(blocks: int) -> Callable[[], None]:
    """Return a fit over a stream of blocks that are never held together."""

    def work() -> None:
        x, y = features(4096)
        centre = estimate_centre(x, y)
        total = Moments.zero(centre)
        for _ in range(blocks):
            total = total + Moments.of(x, y, centre=centre)
        fit(total, ridge=1.0)

    return work


def _memory() -> Row:
    short, long = peak_mebibytes(_streamed(5)), peak_mebibytes(_streamed(40))
    ratio = long / short
    return Row(
        "peak memory of a streamed fit, 163,840 rows against 20,480",
        "<= 1.1x",
        f"{ratio:.2f}x ({long:,.0f} MiB against {short:,.0f} MiB)",
        ratio <= 1.1,
    )
