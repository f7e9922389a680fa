"""The published SGD: scaled as published, converges to the closed form, and with weight decay to the equivalent ridge."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from t2c.core.maps.gradient.descent import minimise, scale_of
from t2c.core.maps.gradient.options import PRESETS, SgdOptions, equivalent_ridge
from t2c.core.maps.gradient.sgd import fit_sgd
from t2c.core.maps.moments import Moments, estimate_centre
from t2c.core.maps.quality import quality
from t2c.core.maps.ridge import fit
from t2c.schemas.errors import InputError, MismatchError, PlanError, SpecError

N, SOURCE, TARGET = 800, 12, 4
WHOLE = SgdOptions(epochs=400, batch=N, learning_rate=0.2, schedule_epochs=400, weight_decay=0.0)
"""Full batches: plain gradient descent, which has no noise of its own."""


def planted(noise: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(0.2, 2, (N, SOURCE)).astype(np.float32)
    y = 0.1 * x @ rng.normal(size=(SOURCE, TARGET)) + 3 + noise * rng.normal(size=(N, TARGET))
    return x, y.astype(np.float32)


def moments(x: np.ndarray, y: np.ndarray) -> Moments:
    return Moments.of(x, y, centre=estimate_centre(x, y))


def r2(x: np.ndarray, y: np.ndarray, linear_map: object) -> float:
    both = moments(x, y)
    return quality(both, linear_map, train_mean=both.mean_y).r2_variance_weighted


def test_without_weight_decay_it_converges_to_the_closed_forms_loss() -> None:
    x, y = planted()
    closed = fit(moments(x, y), ridge=0).map
    descended = fit_sgd(x, y, options=WHOLE, device="cpu")
    assert descended.ridge == 0
    assert r2(x, y, closed) - 1e-6 < r2(x, y, descended.map) <= r2(x, y, closed) + 1e-7
    np.testing.assert_allclose(descended.map.weight, closed.weight, atol=1e-4)
    np.testing.assert_allclose(descended.map.bias, closed.bias, atol=1e-3)


@pytest.mark.parametrize("weight_decay", [0.05, 0.5])
def test_with_weight_decay_it_converges_to_the_equivalent_ridge(weight_decay: float) -> None:
    x, y = planted()
    options = replace(WHOLE, weight_decay=weight_decay)
    descended = fit_sgd(x, y, options=options, device="cpu")
    want = equivalent_ridge(options, n=N, target=TARGET, scale=scale_of(x, variance=4.5))
    assert descended.ridge == want > 1
    closed, none = (fit(moments(x, y), ridge=ridge).map for ridge in (want, 0.0))
    np.testing.assert_allclose(descended.map.weight, closed.weight, atol=1e-4)
    assert np.abs(closed.weight - none.weight).max() > 1e-3


def test_batches_of_a_hundred_reach_the_same_loss_within_their_noise() -> None:
    x, y = planted()
    options = SgdOptions(epochs=40, schedule_epochs=40, learning_rate=0.1, weight_decay=0.0)
    closed = fit(moments(x, y), ridge=0).map
    assert r2(x, y, fit_sgd(x, y, options=options, device="cpu").map) > r2(x, y, closed) - 0.002


@pytest.mark.parametrize("preset", PRESETS)
def test_units_and_offsets_of_the_features_are_undone(preset: str) -> None:
    x, y = planted(noise=0.1)
    options = replace(PRESETS[preset], epochs=30, learning_rate=0.1)
    plain = fit_sgd(x, y, options=options, device="cpu").map
    moved = fit_sgd(100 * x, 0.01 * y, options=options, device="cpu").map
    np.testing.assert_allclose(moved.weight, plain.weight * 1e-4, rtol=1e-3, atol=1e-8)
    np.testing.assert_allclose(moved.bias, plain.bias * 0.01, rtol=1e-3)
    assert r2(x, y, plain) > 0.9


def test_the_scale_gives_the_published_variance_over_all_elements() -> None:
    x, _ = planted()
    far = (x + 1000).astype(np.float32)
    for values in (x, far, x.astype(np.float16)):
        scaled = values.astype(np.float64) * scale_of(values, variance=4.5)
        assert scaled.var() == pytest.approx(4.5, rel=1e-6)
    assert scale_of(np.full((5, 2), 3, np.float32), variance=4.5) == 1.0


def test_the_presets_differ_in_epochs_and_in_the_decay_of_the_bias_alone() -> None:
    paper, authors = PRESETS["paper"], PRESETS["authors"]
    assert (paper.epochs, authors.epochs) == (6, 5)
    assert (paper.decay_bias, authors.decay_bias) == (False, True)
    assert replace(authors, epochs=6, decay_bias=False) == paper
    assert (paper.learning_rate, paper.momentum, paper.weight_decay) == (0.01, 0.9, 5e-4)
    assert (paper.batch, paper.schedule_epochs, paper.variance) == (100, 200, 4.5)


def test_a_seed_decides_everything_and_every_row_of_every_epoch_is_told() -> None:
    x, y = planted()
    seen: list[int] = []
    one = fit_sgd(x, y, options=SgdOptions(epochs=2), device="cpu", watch=seen.append).map
    same, other = (fit_sgd(x, y, options=SgdOptions(epochs=2, seed=seed), device="cpu").map for seed in (0, 1))
    np.testing.assert_array_equal(one.weight, same.weight)
    assert np.abs(one.weight - other.weight).max() > 0
    assert sum(seen) == 2 * N
    assert max(seen) == 100


def test_features_that_cannot_be_written_are_read_all_the_same() -> None:
    x, y = planted()
    want = fit_sgd(x, y, options=SgdOptions(epochs=1), device="cpu").map
    x.flags.writeable = y.flags.writeable = False
    np.testing.assert_array_equal(fit_sgd(x, y, options=SgdOptions(epochs=1), device="cpu").map.weight, want.weight)


def test_shapes_that_do_not_fit_no_rows_and_divergence_are_refused() -> None:
    x, y = planted()
    with pytest.raises(MismatchError, match=r"paired features: expected .* but got shapes \(800, 12\) and \(799, 4\)"):
        fit_sgd(x, y[1:], options=SgdOptions(), device="cpu")
    with pytest.raises(InputError, match="rows to fit: expected 1 or more, but got 0"):
        fit_sgd(x[:0], y[:0], options=SgdOptions(), device="cpu")
    with pytest.raises(InputError, match=r"SGD: expected weights that stay finite.*Lower --learning-rate"):
        fit_sgd(x, y, options=SgdOptions(epochs=20, learning_rate=100.0), device="cpu")


def test_a_device_without_room_is_refused_naming_the_rows() -> None:
    def full(place: torch.device) -> Any:
        raise torch.OutOfMemoryError(f"CUDA out of memory on {place}")

    x, _ = planted()
    options = {"target": 4, "scale": 1.0, "options": SgdOptions(), "device": "cpu", "watch": print}
    with pytest.raises(PlanError, match=r"SGD: expected a device with room for 800 rows, but got out of memory on cpu"):
        minimise(x, full, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "--epochs: expected 1 or more, but got 0"),
        ({"batch": 0}, "--batch: expected 1 or more, but got 0"),
        ({"learning_rate": 0.0}, "--learning-rate: expected a number above 0, but got 0.0"),
        ({"momentum": 1.0}, "--momentum: expected 0 to below 1, but got 1.0"),
        ({"weight_decay": -1.0}, "--weight-decay: expected 0 or more, but got -1.0"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        SgdOptions(**options)


@pytest.mark.gpu
def test_a_gpu_finds_the_same_map() -> None:
    assert torch.cuda.is_available()
    x, y = planted()
    here, there = (fit_sgd(x, y, options=SgdOptions(), device=device).map for device in ("cpu", "cuda"))
    np.testing.assert_allclose(there.weight, here.weight, atol=1e-4)
