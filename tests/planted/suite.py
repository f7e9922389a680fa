"""A data folder of three tasks, fake encoders that tell their classes apart, and class vectors of a fake CLIP."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
from PIL import Image

from t2c.core.encoders.base import Vectors
from t2c.flows.suite.banks import bank_of
from t2c.flows.suite.classes import SHAPES
from t2c.flows.suite.tasks import TASKS
from t2c.flows.world.world import COLOURS
from t2c.store.artifacts.concepts import add_concepts
from t2c.store.disk.root import Store
from tests.planted.encoders import FakeEncoder
from tests.planted.layouts import picture, write_mnist

if TYPE_CHECKING:
    import torch


class CountingEncoder(FakeEncoder):
    """Colours of a 4 x 4 grid and their squares through a seeded random matrix; counts the images it sees, by its name."""

    weights: ClassVar[str] = "counting"
    seen: ClassVar[Counter[str]] = Counter()

    def encode(self, batch: "torch.Tensor") -> Vectors:
        self.seen[self.name] += len(batch)
        return self.look(batch)

    def look(self, batch: "torch.Tensor") -> Vectors:
        import torch

        grid = torch.nn.functional.adaptive_avg_pool2d(batch.float() / 255, 4).flatten(1).numpy() - 0.4
        both = np.concatenate([grid, grid**2], axis=1)
        weight = np.random.default_rng(self.seed).normal(size=(both.shape[1], self.dimension))
        return (both @ weight).astype(np.float32)


CLIP = CountingEncoder(seed=9, dimension=24)
"""Stands for the target: its class vectors are what it sees in an example of each class."""
MODELS = (CountingEncoder(seed=1, dimension=32), CountingEncoder(seed=2, dimension=40))
"""Encoders under test."""


def digit_picture(digit: int, seed: int) -> np.ndarray:
    """A 28 x 28 picture that tells its digit by which cell of a 4 x 4 grid is bright, with some noise."""
    pixels = np.random.default_rng([digit, seed]).integers(0, 40, (28, 28)).astype(np.uint8)
    row, column = divmod(digit, 4)
    pixels[7 * row : 7 * row + 7, 7 * column : 7 * column + 7] = 255
    return pixels


SHAPE_COLOURS = dict(zip(SHAPES, [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255)], strict=True))
"""Shapes of the planted data folder are told by their colour."""


def write_suite(data: Path, *, copies: int = 3) -> Path:
    """A data folder with MNIST and Shape whose classes the fake target tells apart."""
    labels = [digit for _ in range(copies) for digit in range(10)]
    pictures = np.stack([digit_picture(digit, seed) for seed, digit in enumerate(labels)])
    write_mnist(data / "mnist", pictures, labels)
    for name, colour in SHAPE_COLOURS.items():
        for number in range(copies):
            picture(data / "shapes" / f"{name.capitalize()}_{number}.png", tuple(max(0, c - number) for c in colour))
    return data


def plant_bank(
    store: Store, name: str, examples: Sequence[np.ndarray], *, classes: Sequence[str] | None = None
) -> None:
    """Store the class vectors of a task as if the fake target's text side had encoded its prompts."""
    import torch

    task, side = TASKS[name], CLIP.size
    grown = [np.asarray(Image.fromarray(one).convert("RGB").resize((side, side))) for one in examples]
    batch = torch.from_numpy(np.stack(grown).transpose(0, 3, 1, 2).copy())
    vectors = CLIP.look(batch)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = classes or task.classes
    prompts = [[task.prompt.replace("{}", one)] for one in names]
    table = pa.table(
        {
            "concept": pa.array(names),
            "prompts": pa.array(prompts, pa.list_(pa.string())),
            "vector": pa.array(list(vectors), pa.list_(pa.float32())),
            "averaging": ["normalise-then-average"] * len(prompts),
            "kind": ["concept"] * len(prompts),
        }
    )
    add_concepts(store, bank_of(task, CLIP.name), table, space=CLIP.space, text_encoder=CLIP.name)


def flat(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((28, 28, 3), colour, np.uint8)


def plant_banks(store: Store) -> None:
    """Plant the banks of color, shape and mnist, so that no text encoder is needed."""
    plant_bank(store, "color", [flat(COLOURS[name]) for name in TASKS["color"].classes])
    plant_bank(store, "shape", [flat(SHAPE_COLOURS[name]) for name in SHAPES])
    plant_bank(store, "mnist", [digit_picture(digit, 99) for digit in range(10)])
