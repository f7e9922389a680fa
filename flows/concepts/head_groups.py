"""Everyday words over the classes of ImageNet-1k: a committed table of WordNet's hyponyms."""

from collections.abc import Mapping, Sequence
from pathlib import Path

TABLE = Path(__file__).with_name("imagenet_groups.tsv")
"""Made by: python -m benchmarks.imagenet_groups FOLDER-OF-WORDNET-3.0"""

CLASSES = 1000
"""Classes of the label set that the table is of."""


def imagenet_groups() -> dict[str, tuple[int, ...]]:
    """Return word -> the classes it covers, as places in ImageNet-1k's order, ascending."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return {word: tuple(place for part in places.split(",") for place in _range(part)) for word, _, places in rows}


def groups_of(names: Sequence[str], ids: Sequence[str] | None) -> Mapping[str, tuple[int, ...]]:
    """Return the groups of a head's classes, given their names and synsets: none unless it is a whole ImageNet-1k head."""
    if ids is None or len(ids) != CLASSES:
        return {}
    return {word: places for word, places in imagenet_groups().items() if word not in names}


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)
