"""Encoders with a head: a small timm model with a file of weights, and real photographs read by EfficientNet-Lite0."""

from collections.abc import Sequence
from pathlib import Path

from t2c.flows.concepts.from_head import from_head
from t2c.flows.data.index import index
from t2c.flows.features.extract import extract
from t2c.flows.scores.score import score
from t2c.schemas.specs.base import parse_encoder
from t2c.store.disk.root import Store
from tests.assets import assets

LITE0 = "demo:efficientnet-lite0"
"""The encoder whose head brings a background."""
STYLES = ("photo", "sketch")
"""Styles of PACS that differ most, 210 images each."""


def tiny_model(file: Path, *, classes: int, seed: int = 0) -> str:
    """Write random weights of a small timm model with a head, and return the encoder's name."""
    import timm
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    save_file(timm.create_model("test_vit", num_classes=classes).state_dict(), file)
    return f"timm:test_vit@{file}"


def pacs_by_words_of_a_head(store: Store, *, styles: Sequence[str] = STYLES, bank: str = "words") -> None:
    """Make a dataset of each style of PACS, scored by the words of Lite0's head; skips where the pictures are missing."""
    folder = assets("photos/pacs")
    from_head(store, bank, encoder=LITE0)
    for style in styles:
        index(store, str(folder / style), style)
        extract(store, style, [parse_encoder(LITE0)])
        score(store, style, source=LITE0, bank=bank)
