"""The demo's CLIP: a small open_clip model that this project trained on its world of primitives.

The folder is what open_clip's factory calls a local directory: open_clip_config.json and open_clip_model.safetensors,
beside vocabulary.json (the trimmed tokenizer), train.py (the recipe) and training_log.json (how it went).
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from t2c.core.encoders.demo_clip.tokenizer import DemoTokenizer
from t2c.schemas.errors import WeightsMissing, expected

FOLDER = Path(__file__).parent
CONFIG = FOLDER / "open_clip_config.json"
WEIGHTS = FOLDER / "open_clip_model.safetensors"
VOCABULARY = FOLDER / "vocabulary.json"


class DemoClip(NamedTuple):
    """A loaded model with what is needed to feed it."""

    model: Any
    """open_clip CustomTextCLIP in eval mode, float32."""
    tokenizer: DemoTokenizer
    """Texts to tokens; refuses words outside the vocabulary."""
    image_size: int
    """Pixels a side."""
    mean: tuple[float, float, float]
    """Subtracted from pixels in 0..1."""
    std: tuple[float, float, float]
    """Divides what is left."""


def load_tokenizer() -> DemoTokenizer:
    """Read the tokenizer alone; needs no torch until it is called."""
    return DemoTokenizer.read(VOCABULARY)


def load_model() -> DemoClip:
    """Build the model through open_clip's factory from this folder; raises WeightsMissing naming the file to put there."""
    if not WEIGHTS.is_file():
        todo = "Install t2c anew, or train it: python -m t2c.flows.demo.train_clip --help"
        raise WeightsMissing(expected("weights of demo:clip", f"a file {WEIGHTS}", "none", todo))
    import open_clip

    settings = json.loads(CONFIG.read_text())
    model = open_clip.create_model(f"local-dir:{FOLDER}").eval()
    mean, std = (tuple(settings["preprocess_cfg"][name]) for name in ("mean", "std"))
    size = settings["model_cfg"]["vision_cfg"]["image_size"]
    return DemoClip(model, load_tokenizer(), size, mean, std)
