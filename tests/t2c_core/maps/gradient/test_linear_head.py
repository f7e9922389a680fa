"""The head's SGD takes torch's steps, finds planted weights, and is the same every time."""

import numpy as np
import pytest
import torch

from t2c.core.maps.gradient.linear_head import HeadOptions, LinearHead, fit_linear_head
from t2c.schemas.errors import InputError, MismatchError


def planted(n: int = 600, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x (n, 3), weights (2, 3) of known sign, and the classes they give."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)).astype(np.float32)
    weight = np.array([[2.0, -1.0, 0.0], [-2.0, 1.0, 0.0]])
    return x, weight, (x @ weight.T).argmax(axis=1)


def torch_head(x: np.ndarray, codes: np.ndarray, options: HeadOptions) -> LinearHead:
    """Return what torch's own SGD learns from the same batches."""
    rng = np.random.default_rng(options.seed)
    layer = torch.nn.Linear(x.shape[1], int(codes.max()) + 1)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    sgd = torch.optim.SGD(
        layer.parameters(), lr=options.learning_rate, momentum=options.momentum, weight_decay=options.weight_decay
    )
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, T_max=options.epochs)
    for _ in range(options.epochs):
        order = rng.permutation(len(x))
        for start in range(0, len(x), options.batch):
            rows = order[start : start + options.batch]
            sgd.zero_grad()
            loss = torch.nn.functional.cross_entropy(layer(torch.from_numpy(x[rows])), torch.from_numpy(codes[rows]))
            loss.backward()
            sgd.step()
        falling.step()
    return LinearHead(layer.weight.detach().numpy(), layer.bias.detach().numpy())


def test_forty_epochs_are_those_of_torch() -> None:
    x, _, codes = planted(250)
    options = HeadOptions()
    mine, theirs = fit_linear_head(x, codes, classes=2), torch_head(x, codes, options)
    np.testing.assert_allclose(mine.weight, theirs.weight, atol=2e-5)
    np.testing.assert_allclose(mine.bias, theirs.bias, atol=2e-5)


def test_planted_signs_are_found_and_a_concept_without_meaning_weighs_little() -> None:
    x, weight, codes = planted()
    head = fit_linear_head(x, codes, classes=2)
    assert (np.sign(head.weight[:, :2]) == np.sign(weight[:, :2])).all()
    assert np.abs(head.weight[:, 2]).max() < 0.1 * np.abs(head.weight[:, 0]).min()
    assert ((x @ head.weight.T + head.bias).argmax(axis=1) == codes).mean() > 0.97


def test_the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    x, _, codes = planted(120)
    first, again = (fit_linear_head(x, codes, classes=2) for _ in range(2))
    other = fit_linear_head(x, codes, classes=2, options=HeadOptions(seed=1))
    assert first.weight.tobytes() == again.weight.tobytes()
    assert first.weight.tobytes() != other.weight.tobytes()


def test_the_rate_falls_from_all_of_it_to_nothing() -> None:
    options = HeadOptions(epochs=4, learning_rate=0.1)
    assert options.rate(0) == 0.1
    assert options.rate(2) == pytest.approx(0.05)
    assert options.rate(4) == pytest.approx(0)


def test_what_cannot_be_fitted_is_refused() -> None:
    x, _, codes = planted(20)
    with pytest.raises(InputError, match=r"class codes of the head: expected 0 to 0, but got 0 to 1"):
        fit_linear_head(x, codes, classes=1)
    with pytest.raises(InputError, match=r"class codes of the head: expected 0 to 1, but got no rows"):
        fit_linear_head(x[:0], codes[:0], classes=2)
    with pytest.raises(InputError, match=r"options of the head: expected epochs and batch of 1 or more"):
        fit_linear_head(x, codes, classes=2, options=HeadOptions(epochs=0))


def test_one_code_an_image(unchecked_shapes: None) -> None:
    x, _, codes = planted(20)
    with pytest.raises(MismatchError, match=r"rows of the head: expected x \(images, concepts\) and one class code"):
        fit_linear_head(x, codes[:3], classes=2)
