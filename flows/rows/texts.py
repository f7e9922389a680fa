"""Prompts and class names as vectors: the text side of a target space."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from t2c.core.concepts.concepts import ConceptPrompts, average, expand
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.schemas.errors import MismatchError, SpecError, expected
from t2c.schemas.spaces import Space
from t2c.schemas.specs.base import Averaging, ConceptFile, parse_encoder
from t2c.store.artifacts.concepts import open_concepts, unknown_concept
from t2c.store.artifacts.linear_maps import StoredMap
from t2c.store.disk.root import Store

if TYPE_CHECKING:
    from t2c.core.encoders.base import TextEncoder


TEXTS_A_BATCH = 256
"""Prompts encoded at a time."""


def encode_prompts(
    concepts: Sequence[ConceptPrompts],
    encode: Callable[[list[str]], npt.NDArray[np.float32]],
    *,
    averaging: Averaging,
    progress: Progress | None = None,
) -> npt.NDArray[np.float32]:
    """Return one unit vector a concept, (concepts, target) float32; prompts that several share are encoded once."""
    texts = list(dict.fromkeys(prompt for concept in concepts for prompt in concept.prompts))
    at = {text: index for index, text in enumerate(texts)}
    bar = progress or NoProgress()
    bar.start("encode prompts", len(texts), "prompts")
    parts = []
    try:
        for start in range(0, len(texts), TEXTS_A_BATCH):
            parts.append(encode(texts[start : start + TEXTS_A_BATCH]))
            bar.advance(len(parts[-1]))
    finally:
        bar.done()
    vectors = np.concatenate(parts)
    chosen = (vectors[[at[prompt] for prompt in concept.prompts]] for concept in concepts)
    return np.stack([average(prompts, averaging=averaging) for prompts in chosen])


def class_vectors(
    store: Store,
    classes: Sequence[str],
    *,
    linear_map: StoredMap,
    bank: str | None,
    templates: Sequence[str],
    device: str,
) -> npt.NDArray[np.float32]:
    """Return the classes' unit vectors (classes, target) in the map's target space: from a bank, or encoded now.

    Classes that are ImageNet's ids (n01440764) are encoded by their names.
    Raises UnknownName for a class that the bank lacks, MismatchError when bank or text encoder is in another space.
    """
    target = linear_map.target
    if bank is not None:
        concepts = open_concepts(store, bank)
        if concepts.space.id != target.id:
            raise MismatchError(
                expected(f"concept bank {bank}", target.describe(), concepts.space.describe(), "Name another bank.")
            )
        names = concepts.names()
        key = {name: index for index, name in enumerate(names)}
        for name in classes:
            if name not in key:
                raise unknown_concept(name, names, bank=bank, store=store)
        return concepts.vectors()[[key[name] for name in classes]]
    text = text_side(target, device=device)
    from t2c.core.encoders.imagenet import spoken

    prompts = expand(ConceptFile(concepts=spoken(classes), templates=tuple(templates)))
    text.check_texts([prompt for concept in prompts for prompt in concept.prompts])
    return encode_prompts(prompts, text.encode_text, averaging="normalise-then-average")


def text_side(target: Space, *, device: str) -> "TextEncoder":
    """Return the text side of a CLIP space; SpecError for imported features, MismatchError for other weights."""
    from t2c.core.encoders.load import load_text_encoder

    if ":" not in target.name:
        todo = "Import vectors of the texts as a bank (t2c concepts import) and name it."
        raise SpecError(expected("text encoder", f"one for {target.describe()}", "imported features without one", todo))
    text = load_text_encoder(parse_encoder(target.name), device=device)
    if text.space.id != target.id:
        todo = "The weights on this machine are not those the features were made with."
        raise MismatchError(expected("text encoder", target.describe(), text.space.describe(), todo))
    return text
