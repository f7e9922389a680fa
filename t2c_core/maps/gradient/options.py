"""How the published SGD runs: its numbers, and where the paper and the authors' released code differ. No torch here."""

from dataclasses import dataclass

from t2c.schemas.errors import SpecError, expected


@dataclass(frozen=True, slots=True)
class SgdOptions:
    """Stochastic gradient descent as published (paper, appendix D); the defaults are the preset `paper`.

    The loss is the mean over a batch and its target dimensions; learning rate and weight decay depend on that.
    """

    epochs: int = 6
    """Passes over the rows."""
    batch: int = 100
    """Rows of a step."""
    learning_rate: float = 0.01
    """At the start; the cosine schedule moves it after each epoch."""
    momentum: float = 0.9
    """Of plain (not Nesterov's) momentum."""
    weight_decay: float = 5e-4
    """Times the weights, added to their gradient: the penalty weight_decay / 2 * |W'|^2 in the scaled units."""
    decay_bias: bool = False
    """Whether the bias decays too."""
    schedule_epochs: int = 200
    """T_max of the cosine schedule: with 6 epochs the rate hardly moves (0.01 to 0.00998)."""
    variance: float = 4.5
    """Variance over all elements that X and Y are scaled to."""
    seed: int = 0
    """Of the first weights and of the order of rows."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "schedule_epochs"):
            if getattr(self, name) < 1:
                raise SpecError(expected(f"--{name.replace('_', '-')}", "1 or more", str(getattr(self, name))))
        for name, least in (("learning_rate", 0.0), ("variance", 0.0)):
            if not getattr(self, name) > least:
                raise SpecError(expected(f"--{name.replace('_', '-')}", "a number above 0", str(getattr(self, name))))
        if not 0 <= self.momentum < 1:
            raise SpecError(expected("--momentum", "0 to below 1", str(self.momentum)))
        if not self.weight_decay >= 0:
            raise SpecError(expected("--weight-decay", "0 or more", str(self.weight_decay)))


PRESETS = {"paper": SgdOptions(), "authors": SgdOptions(epochs=5, decay_bias=True)}
"""`paper`: what the text says, 6 epochs, the weights decay. `authors`: what their released code does, 5 epochs, every
parameter decays, the bias too. Both share the rest: lr 0.01, momentum 0.9, weight decay 5e-4, batches of 100, T_max 200,
variance 4.5. The released code also scales the bias back by c_source / c_target, a slip that neither preset repeats: the
bias is divided by c_target."""


def equivalent_ridge(options: SgdOptions, *, n: int, target: int, scale: float) -> float:
    """Return the ridge whose closed form has the minimiser that weight decay pulls SGD to (bias not decayed).

    SGD minimises sum |x' W' + b' - y'|^2 / (n * target) + weight_decay / 2 * |W'|^2 with x' = c x and y' = k y. Times
    n * target / k^2 that is sum |x W + b - y|^2 + ridge |W|^2 with W' = W k / c and ridge = weight_decay * n * target
    / (2 c^2), where `scale` is c, the factor of the source features.
    """
    return options.weight_decay * n * target / (2 * scale**2)
