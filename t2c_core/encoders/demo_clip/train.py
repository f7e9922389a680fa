"""The training recipe of the demo's CLIP: arrays and captions in, a trained open_clip model and its log out.

Two losses are added. (1) CLIP's own, image against caption over the batch, where every caption that is true of an image
counts as a match (a caption may tell one attribute or all four). (2) For each attribute, image against one prompt a value.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from t2c.core.encoders.demo_clip.tokenizer import DemoTokenizer

Caption = Callable[[np.random.Generator, np.ndarray], tuple[str, np.ndarray]]
"""(generator, attribute indices (attributes,)) -> caption, and which attributes it tells (attributes,) bool."""
Prompts = Callable[[np.random.Generator], list[list[str]]]
"""generator -> for each attribute, one prompt a value."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stretch of training with an optimiser of its own."""

    seed: int
    """Seed of the order of images, the captions and the augmentation."""
    steps: int
    """Optimiser steps."""
    horizon: int
    """Steps over which the cosine would reach zero; longer than `steps` when a later stage goes on."""
    learning_rate: float
    """Peak learning rate of AdamW, after a linear warm-up over 5 % of the horizon."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the weights beside the data."""

    seed: int = 17
    """Seed of the initial weights."""
    stages: tuple[Stage, ...] = (
        Stage(seed=17, steps=1800, horizon=3600, learning_rate=2e-3),
        Stage(seed=18, steps=600, horizon=600, learning_rate=1e-3),
    )
    """Train at a high rate, then bring the rate to zero."""
    batch: int = 128
    """Images a step."""
    weight_decay: float = 0.05
    """Weight decay of matrices; biases, norms and the temperature have none."""
    attribute_weights: tuple[float, ...] = (1.0, 2.0, 1.0, 1.0)
    """Weight of each attribute's prompt loss; shape, the hardest, counts twice."""
    shift: int = 4
    """Random translation, pixels each way; images are also mirrored at random."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's tensors."""

    images: Tensor
    """(batch, 3, h, w) float32, normalised."""
    labels: Tensor
    """(batch, attributes) int64."""
    told: Tensor
    """(batch, attributes) bool: what the image's caption tells."""
    tokens: Tensor
    """(batch + values, length): captions, then the prompts of every attribute."""


def augment(images: Tensor, shift: int, generator: torch.Generator) -> Tensor:
    """Mirror each image at random and translate the batch by up to `shift` pixels."""
    flip = torch.rand(len(images), generator=generator) < 0.5
    images = torch.where(flip[:, None, None, None], images.flip(3), images)
    dx, dy = torch.randint(0, 2 * shift + 1, (2,), generator=generator).tolist()
    height, width = images.shape[2:]
    padded = functional.pad(images, (shift,) * 4, mode="reflect")
    return padded[:, :, dy : dy + height, dx : dx + width]


def normalise(images: np.ndarray) -> Tensor:
    """Return uint8 (n, h, w, 3) as float32 (n, 3, h, w) in -1..1."""
    return torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float().sub(127.5).div(127.5)


def true_of(labels: Tensor, told: Tensor) -> Tensor:
    """Return (images, captions) bool: caption j tells nothing that is false of image i."""
    same = labels[:, None, :] == labels[None, :, :]
    return (same | ~told[None, :, :]).all(2)


def caption_loss(logits: Tensor, matches: Tensor) -> Tensor:
    """CLIP's symmetric loss with all true pairs as targets, weighted alike; logits (images, captions)."""
    weights = matches.float()
    rows = -(functional.log_softmax(logits, 1) * weights / weights.sum(1, keepdim=True)).sum(1).mean()
    columns = -(functional.log_softmax(logits, 0) * weights / weights.sum(0, keepdim=True)).sum(0).mean()
    return (rows + columns) / 2


def loss_of(model: Any, batch: Batch, *, sizes: Sequence[int], weights: Sequence[float]) -> Tensor:
    """Return the sum of the caption loss and the mean prompt loss of the attributes."""
    with torch.autocast("cpu", torch.bfloat16):
        images, texts = model.encode_image(batch.images), model.encode_text(batch.tokens)
    images, texts = functional.normalize(images.float(), dim=1), functional.normalize(texts.float(), dim=1)
    scale = model.logit_scale.exp()
    captions, *prompts = texts.split([len(batch.labels), *sizes])
    total = caption_loss(scale * images @ captions.T, true_of(batch.labels, batch.told))
    for place, (values, weight) in enumerate(zip(prompts, weights, strict=True)):
        loss = functional.cross_entropy(scale * images @ values.T, batch.labels[:, place])
        total = total + weight / sum(weights) * loss
    return total


def _groups(model: Any, weight_decay: float) -> list[dict[str, Any]]:
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def _rate(step: int, horizon: int) -> float:
    warm = max(1, horizon // 20)
    return min(1.0, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * max(0, step - warm) / max(1, horizon - warm)))


def train(
    model: Any,
    tokenizer: DemoTokenizer,
    data: tuple[np.ndarray, np.ndarray],
    *,
    caption: Caption,
    prompts: Prompts,
    recipe: Recipe,
    stage: Stage,
    report: Callable[[int, float, float], None],
) -> None:
    """Run one stage on a model, in place, on images (n, h, w, 3) uint8 and labels (n, attributes).

    `report(step, mean loss, seconds)` is called every 100 steps and at the end. Same weights before,
    recipe, data, thread count and library versions: same weights after.
    """
    images, labels = data
    rng, generator = np.random.default_rng(stage.seed), torch.Generator().manual_seed(stage.seed)
    optimiser = torch.optim.AdamW(_groups(model, recipe.weight_decay), lr=stage.learning_rate, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, stage.horizon))
    order = np.concatenate([rng.permutation(len(images)) for _ in range(-(-stage.steps * recipe.batch // len(images)))])
    losses, started = [], time.perf_counter()
    model.train()
    for step in range(stage.steps):
        rows = np.sort(order[step * recipe.batch : (step + 1) * recipe.batch])
        pixels = augment(normalise(images[rows]), recipe.shift, generator)
        batch, sizes = make_batch(tokenizer, pixels, labels[rows], told=caption, prompts=prompts, rng=rng)
        loss = loss_of(model, batch, sizes=sizes, weights=recipe.attribute_weights)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
        losses.append(float(loss.detach()))
        if (step + 1) % 100 == 0 or step + 1 == stage.steps:
            report(step + 1, float(np.mean(losses[-100:])), time.perf_counter() - started)


def make_batch(
    tokenizer: DemoTokenizer,
    pixels: Tensor,
    labels: np.ndarray,
    *,
    told: Caption,
    prompts: Prompts,
    rng: np.random.Generator,
) -> tuple[Batch, list[int]]:
    """Return one step's tensors and the number of prompts of each attribute."""
    captions = [told(rng, shown) for shown in labels]
    groups = prompts(rng)
    tokens = tokenizer([text for text, _ in captions] + [prompt for group in groups for prompt in group])
    mask = torch.from_numpy(np.stack([tells for _, tells in captions]))
    index = torch.from_numpy(labels.astype(np.int64))
    images = pixels.to(memory_format=torch.channels_last)
    return Batch(images, index, mask, tokens), [len(group) for group in groups]


@torch.inference_mode()
def embed_images(model: Any, images: np.ndarray, *, batch: int = 250) -> np.ndarray:
    """Return unit image vectors (images, embed) float32."""
    model.eval()
    parts = [model.encode_image(normalise(images[i : i + batch]), normalize=True) for i in range(0, len(images), batch)]
    return torch.cat(parts).numpy()


@torch.inference_mode()
def embed_texts(model: Any, tokenizer: DemoTokenizer, texts: Sequence[str]) -> np.ndarray:
    """Return unit text vectors (texts, embed) float32."""
    model.eval()
    return np.asarray(model.encode_text(tokenizer(texts), normalize=True))


def new_model(config: dict[str, Any], *, seed: int) -> Any:
    """Return an untrained open_clip CustomTextCLIP of a model configuration, weights drawn from a seed."""
    from open_clip.model import CustomTextCLIP

    torch.manual_seed(seed)
    model = CustomTextCLIP(**{name: value for name, value in config.items() if name != "custom_text"})
    return model.to(memory_format=torch.channels_last)


def save(model: Any, path: Path) -> None:
    """Write a model's weights as safetensors, readable by all."""
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(state, path, metadata={"format": "pt"})
    path.chmod(0o644)


def restore(model: Any, path: Path) -> None:
    """Read weights that `save` wrote."""
    model.load_state_dict(load_file(path))


def threads() -> int:
    """Return how many threads torch computes with: part of what decides the last bits."""
    return torch.get_num_threads()
