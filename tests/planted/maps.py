"""Planted maps for aligners: paired features that a known map joins, two heads that one map joins, labelled rows."""

import numpy as np

from t2c.core.concepts.heads import zeroshot_head
from t2c.core.maps.aligners import Evidence, Rows
from t2c.core.maps.heads import Head
from t2c.core.maps.moments import Moments, estimate_centre

SOURCE, TARGET, N = 8, 5, 1200
FREE = np.random.default_rng(1).normal(size=(SOURCE, TARGET))


def rotation(source: int = SOURCE, target: int = TARGET, *, seed: int = 3) -> np.ndarray:
    """Return a (source, target) matrix with orthonormal rows or columns."""
    size = max(source, target)
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0][:source, :target]


def paired(weight: np.ndarray, *, noise: float = 0.0, n: int = N) -> tuple[np.ndarray, np.ndarray]:
    """Return x (n, source) of unequal spread and y = x weight + 1 + noise."""
    rng = np.random.default_rng(0)
    x = rng.normal(1, 1, (n, len(weight))) * np.linspace(1, 2, len(weight))
    return x.astype(np.float32), (x @ weight + 1 + noise * rng.normal(size=(n, weight.shape[1]))).astype(np.float32)


def evidence(x: np.ndarray, y: np.ndarray, **more: object) -> Evidence:
    return Evidence(Moments.of(x, y, centre=estimate_centre(x, y)), Rows(x, y), **more)


def low(rank: int) -> np.ndarray:
    rng = np.random.default_rng(5)
    return rng.normal(size=(SOURCE, rank)) @ rng.normal(size=(rank, TARGET))


def head_map(source: int = SOURCE, target: int = TARGET) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight and bias that join the two heads of `heads`."""
    rng = np.random.default_rng(10)
    return rng.normal(size=(source, target)), rng.normal(size=target)


def heads(classes: int = 12) -> tuple[Head, Head]:
    """Return a source head that is a target head after the map of `head_map`, and that target head."""
    rng = np.random.default_rng(4)
    names = tuple(f"class {index}" for index in range(classes))
    seen, offset = (rng.normal(size=shape).astype(np.float32) for shape in ((classes, TARGET), classes))
    weight, bias = head_map()
    composed = Head(
        names, (seen @ weight.T).astype(np.float32), (seen @ bias + offset).astype(np.float32), "classifier"
    )
    return composed, Head(names, seen, offset, "classifier")


def labelled(classes: int = 10) -> tuple[Evidence, np.ndarray]:
    """Return rows that lie around class vectors, linearly mapped into a wider source space, and their classes."""
    rng = np.random.default_rng(6)
    names = tuple(f"class {index}" for index in range(classes))
    head = zeroshot_head(names, rng.normal(size=(classes, 32)).astype(np.float32))
    codes = rng.integers(0, classes, 3000)
    y = (3 * head.weight[codes] + 0.4 * rng.normal(size=(3000, 32))).astype(np.float32)
    x = (y @ rng.normal(size=(32, 64)) + 0.1 * rng.normal(size=(3000, 64))).astype(np.float32)
    return Evidence(rows=Rows(x, y, codes), target_head=head), codes
