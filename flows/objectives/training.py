"""How long the maps of a comparison were trained by SGD, and whether that was so short that the comparison says little."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from t2c.core.maps.gradient.options import SgdOptions
from t2c.schemas.certificate import Certificate

ENOUGH = 10_000
"""Steps of SGD below which cross-entropy may not have converged. With the demo's encoders on 2,700 drawn images its
accuracy on the task it was trained for is 0.58 after 168 steps (6 epochs), 0.91 after 1,680, 0.93 after 5,600 and 0.94
after 16,800 and 42,000; regression's is 0.88. The published 6 epochs are 77,000 steps on ImageNet."""

TRAINING = pa.schema(
    [(name, pa.string()) for name in ("source", "objective")]
    + [(name, pa.int64()) for name in ("rows", "epochs", "steps")]
)
"""A row a trained map."""


@dataclass(frozen=True, slots=True)
class Training:
    """How long one map was trained."""

    source: str
    """Source encoder."""
    objective: str
    """What it minimised: cross-entropy or self-labels."""
    rows: int
    """Rows fitted."""
    epochs: int
    """Passes over them."""
    batch: int
    """Rows of a step."""

    @property
    def of_an_epoch(self) -> int:
        """Steps of one epoch, the last of which may hold fewer rows."""
        return max(1, -(-self.rows // self.batch))

    @property
    def steps(self) -> int:
        """Steps of SGD."""
        return self.epochs * self.of_an_epoch

    @property
    def enough_epochs(self) -> int:
        """Epochs that make ENOUGH steps."""
        return -(-ENOUGH // self.of_an_epoch)


def training_of(source: str, fit: Certificate | None) -> Training | None:
    """Return what a map's certificate says of its training; None for a map that was not trained by SGD."""
    settings = dict(fit.settings) if fit is not None else {}
    if fit is None or "epochs" not in settings:
        return None
    return Training(
        source, fit.aligner, fit.fitted, int(settings["epochs"]), int(settings.get("batch", SgdOptions().batch))
    )


def trainings(certificates: Mapping[tuple[str, str], Certificate | None]) -> tuple[Training, ...]:
    """Return the trained maps among those of a comparison, (source, aligner) to certificate, in order."""
    candidates = (training_of(source, fit) for (source, _), fit in certificates.items())
    return tuple(training for training in candidates if training is not None)


def training_table(trained: Sequence[Training]) -> pa.Table:
    """Return TRAINING."""
    rows = [{name: getattr(training, name) for name in TRAINING.names} for training in trained]
    return pa.Table.from_pylist(rows, schema=TRAINING)


def too_short(trained: Sequence[Training]) -> tuple[str, ...]:
    """Return a note for each objective whose shortest training had fewer than ENOUGH steps, with the epochs that do."""
    notes = []
    for objective in dict.fromkeys(training.objective for training in trained):
        few = min(
            (training for training in trained if training.objective == objective), key=lambda training: training.steps
        )
        if few.steps < ENOUGH:
            notes.append(
                f"{few.steps:,} steps: {objective} may not have converged (fewer than {ENOUGH:,}), which favours "
                f"regression; raise --epochs, here to {few.enough_epochs:,}"
            )
    return tuple(notes)
