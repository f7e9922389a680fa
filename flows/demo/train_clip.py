"""Draws the training world and runs the recipe that makes the demo's CLIP.

    python -m flows.demo.train_clip --cache /tmp/demo-clip --out t2c_core/encoders/demo_clip

Images are drawn once into a cache of uint8 arrays; the same seed draws the same images and the same captions.
"""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from flows.demo.captions import ZERO_SHOT_PROMPTS, caption, filler, prompts_of, vocabulary
from flows.demo.world import VALUES, draw
from schemas.specs import DEFAULT_TEMPLATES

TRAIN_SEED, HELD_OUT_SEED = 7, 8
"""Seeds of the training and the held-out world; the demo's own seeds differ."""
IMAGE_SIZE = 96
"""Pixels a side that the image tower sees."""
BLOCK = 500
"""Images drawn by one task."""


def render(seed: int, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images (n, 96, 96, 3) uint8 resized as the encoder resizes, and attribute indices (n, 4) uint8."""
    images = np.empty((stop - start, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    labels = np.empty((stop - start, len(VALUES)), np.uint8)
    for place, index in enumerate(range(start, stop)):
        pixels, shown = draw(seed, index)
        small = Image.fromarray(pixels).resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC)
        images[place] = np.asarray(small)
        labels[place] = [VALUES[name].index(getattr(shown, name)) for name in VALUES]
    return images, labels


def _render_block(seed: int, limits: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return render(seed, *limits)


def cached(cache: Path, seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first n images of a seed and their attributes, drawing them into the cache when they are not there."""
    image_file, label_file = cache / f"images-{seed}-{n}.npy", cache / f"labels-{seed}-{n}.npy"
    if not label_file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        limits = [(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK)]
        with ProcessPoolExecutor(2) as pool:
            blocks = list(pool.map(partial(_render_block, seed), limits))
        np.save(image_file, np.concatenate([images for images, _ in blocks]))
        np.save(label_file, np.concatenate([labels for _, labels in blocks]))
    return np.load(image_file, mmap_mode="r"), np.load(label_file)


def accuracies(model: Any, tokenizer: Any, held_out: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
    """Return zero-shot accuracy of each attribute: its own prompt, and the seven default templates averaged."""
    from t2c_core.encoders.demo_clip.train import embed_images, embed_texts

    pixels, labels = held_out
    images, result = embed_images(model, pixels), {}
    for place, (name, values) in enumerate(VALUES.items()):
        own = embed_texts(model, tokenizer, [ZERO_SHOT_PROMPTS[name].replace("{}", value) for value in values])
        forms = [form.replace("{}", "object {}") if name == "context" else form for form in DEFAULT_TEMPLATES]
        texts = [form.replace("{}", value) for value in values for form in forms]
        averaged = embed_texts(model, tokenizer, texts).reshape(len(values), len(forms), -1).mean(1)
        averaged /= np.linalg.norm(averaged, axis=1, keepdims=True)
        for kind, classes in (("own prompt", own), ("seven templates", averaged)):
            result[f"{name}, {kind}"] = float(((images @ classes.T).argmax(1) == labels[:, place]).mean())
    return result


def build(vocabulary_words: list[str]) -> tuple[Any, Any, dict[str, Any], dict[str, Any]]:
    """Return an untrained model from open_clip's factory, its tokenizer, the model settings and the vocabulary."""
    from open_clip.model import CustomTextCLIP

    from t2c_core.encoders.demo_clip import CONFIG
    from t2c_core.encoders.demo_clip.tokenizer import DemoTokenizer, trim

    vocabulary = trim(vocabulary_words)
    tokenizer = DemoTokenizer(vocabulary["words"], start=vocabulary["start"], end=vocabulary["end"])
    settings = json.loads(CONFIG.read_text())
    settings["model_cfg"]["text_cfg"]["vocab_size"] = tokenizer.vocab_size
    config = {key: value for key, value in settings["model_cfg"].items() if key != "custom_text"}
    return CustomTextCLIP(**config), tokenizer, settings, vocabulary


def run(cache: Path, out: Path, *, images: int, held_out: int, steps: int) -> None:
    """Draw, train, measure and write config, vocabulary, weights and log into a folder."""
    import torch
    from safetensors.torch import save_file

    from t2c_core.encoders.demo_clip.train import Recipe, train

    recipe = Recipe(steps=steps)
    torch.manual_seed(recipe.seed)
    model, tokenizer, settings, words = build(vocabulary())
    model.to(memory_format=torch.channels_last)
    data, test = cached(cache, TRAIN_SEED, images), cached(cache, HELD_OUT_SEED, held_out)
    log: list[dict[str, float]] = []

    def report(step: int, loss: float, seconds: float) -> None:
        entry = {"step": step, "loss": round(loss, 4), "seconds": round(seconds, 1)}
        if step % 600 == 0 or step == recipe.steps:
            entry |= {key: round(value, 4) for key, value in accuracies(model, tokenizer, test).items()}
            model.train()
            out.mkdir(parents=True, exist_ok=True)
            state = {key: value.contiguous() for key, value in model.state_dict().items()}
            save_file(state, out / "open_clip_model.safetensors", metadata={"format": "pt"})
        log.append(entry)
        print(json.dumps(entry), flush=True)  # noqa: T201

    out.mkdir(parents=True, exist_ok=True)
    (out / "open_clip_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    (out / "vocabulary.json").write_text(
        json.dumps(words, indent=None, separators=(",", ":")).replace("],", "],\n") + "\n"
    )
    train(model, tokenizer, data, caption=told, prompts=all_prompts, recipe=recipe, report=report)
    about = {"recipe": asdict(recipe), "images": images, "held_out": held_out, "seeds": [TRAIN_SEED, HELD_OUT_SEED]}
    versions = {name: version(name) for name in ("torch", "open_clip_torch", "timm", "numpy", "pillow")}
    text = json.dumps({**about, "versions": versions, "threads": torch.get_num_threads(), "log": log}, indent=1)
    (out / "training_log.json").write_text(text + "\n")


def told(rng: np.random.Generator, shown: np.ndarray) -> tuple[str, np.ndarray]:
    """Return a caption with an everyday word slipped in now and then, and what it tells."""
    text, tells = caption(rng, shown)
    return filler(rng, text), tells


def all_prompts(rng: np.random.Generator) -> list[list[str]]:
    """Return one prompt for each value of each attribute."""
    return [prompts_of(rng, name) for name in VALUES]


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="folder for the drawn images (about 0.7 GB)")
    parser.add_argument("--out", type=Path, required=True, help="folder for config, vocabulary, weights and log")
    parser.add_argument("--images", type=int, default=24_000, help="training images")
    parser.add_argument("--held-out", type=int, default=2_000, help="images for measuring")
    parser.add_argument("--steps", type=int, default=3_600, help="optimiser steps of 128 images")
    options = parser.parse_args()
    run(options.cache, options.out, images=options.images, held_out=options.held_out, steps=options.steps)


if __name__ == "__main__":
    main()
