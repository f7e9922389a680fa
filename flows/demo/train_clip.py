"""Draws the training world and runs the recipe that makes the demo's CLIP.

    python -m t2c.flows.demo.train_clip --cache /tmp/demo-clip --out t2c_core/encoders/demo_clip

Images are drawn once into a cache of uint8 arrays; the same seed draws the same images and the same captions.
"""

import argparse
import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from t2c.core.encoders.demo_clip import CONFIG
from t2c.core.encoders.demo_clip.tokenizer import DemoTokenizer, trim
from t2c.core.encoders.demo_clip.train import (
    Recipe,
    embed_images,
    embed_texts,
    new_model,
    restore,
    save,
    threads,
    train,
)
from t2c.flows.demo.training_images import Labelled, cached
from t2c.flows.world.captions import ZERO_SHOT_PROMPTS, caption, filler, prompts_of, vocabulary
from t2c.flows.world.world import VALUES
from t2c.schemas.specs.base import DEFAULT_TEMPLATES

TRAIN_SEED, HELD_OUT_SEED = 7, 8
"""Seeds of the training and the held-out world; the demo's own seeds differ."""


def accuracies(model: Any, tokenizer: Any, held_out: Labelled) -> dict[str, float]:
    """Return zero-shot accuracy of each attribute: its own prompt, and the seven default templates averaged."""
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


def run(cache: Path, out: Path, *, images: int, held_out: int, recipe: Recipe) -> None:
    """Draw, train stage by stage, measure, and write config, vocabulary, weights and log into a folder.

    A stage whose weights are in the cache already is not run again.
    """
    words = trim(vocabulary())
    tokenizer = DemoTokenizer(words["words"], start=words["start"], end=words["end"])
    settings = json.loads(CONFIG.read_text())
    settings["model_cfg"]["text_cfg"]["vocab_size"] = tokenizer.vocab_size
    model = new_model(settings["model_cfg"], seed=recipe.seed)
    data, test = cached(cache, TRAIN_SEED, images), cached(cache, HELD_OUT_SEED, held_out)
    log = [_run_stage(number, model, tokenizer, (data, test), cache=cache, recipe=recipe) for number in stages(recipe)]
    out.mkdir(parents=True, exist_ok=True)
    save(model, out / "open_clip_model.safetensors")
    (out / "open_clip_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    compact = json.dumps(words, separators=(",", ":")).replace("],", "],\n")
    (out / "vocabulary.json").write_text(compact + "\n")
    about = {"recipe": asdict(recipe), "images": images, "held_out": held_out, "seeds": [TRAIN_SEED, HELD_OUT_SEED]}
    versions = {name: version(name) for name in ("torch", "open_clip_torch", "timm", "numpy", "pillow")}
    text = json.dumps({**about, "versions": versions, "threads": threads(), "log": log}, indent=1)
    (out / "training_log.json").write_text(text + "\n")


def stages(recipe: Recipe) -> range:
    """Return the numbers of the stages, from 0."""
    return range(len(recipe.stages))


def _run_stage(
    number: int, model: Any, tokenizer: Any, data: tuple[Labelled, Labelled], *, cache: Path, recipe: Recipe
) -> list[dict[str, float]]:
    """Run one stage, or load what it made; return its log."""
    weights, log_file = cache / f"stage-{number}.safetensors", cache / f"stage-{number}.json"
    stage, log = recipe.stages[number], list[dict[str, float]]()

    def report(step: int, loss: float, seconds: float) -> None:
        entry = {"step": step, "loss": round(loss, 4), "seconds": round(seconds, 1)}
        if step % 600 == 0 or step == stage.steps:
            entry |= {key: round(value, 4) for key, value in accuracies(model, tokenizer, data[1]).items()}
            model.train()
        log.append(entry)
        print(json.dumps(entry), flush=True)  # noqa: T201

    if weights.exists():
        restore(model, weights)
        return list(json.loads(log_file.read_text()))
    train(model, tokenizer, data[0], caption=told, prompts=all_prompts, recipe=recipe, stage=stage, report=report)
    log_file.write_text(json.dumps(log))
    save(model, weights)
    return log


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
    options = parser.parse_args()
    run(options.cache, options.out, images=options.images, held_out=options.held_out, recipe=Recipe())


if __name__ == "__main__":
    main()
