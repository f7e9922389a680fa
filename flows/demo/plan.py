"""Everything the demo decides before it draws: seeds, sizes, planted mixes, concepts, queries and their thresholds."""

from dataclasses import dataclass

from t2c.flows.world.captions import ZERO_SHOT_PROMPTS
from t2c.flows.world.world import VALUES, Mix
from t2c.schemas.specs.base import ConceptFile, ContextConcepts

SOURCE = "demo:efficientnet-lite0-128"
"""The encoder under audit: ImageNet weights, never saw text."""
TARGET = "demo:clip"
"""The CLIP that names the concepts."""
REFERENCE, SECOND = "reference", "second_batch"
"""Names of the two datasets."""
BANK = "world"
"""Name of the concept bank."""

PLANTED: Mix = {"context": {"indoors": 3.0, "on grass": 0.3}, "colour": {"red": 3.0}}
"""The second batch's odds against an even draw: more indoors and red, less on grass, all else even."""

PLANTED_TEXTURE, KEEP_OTHERS = "dotted", 0.3
"""A texture shift outside the mix: every dotted image of the second batch is kept, the others with this chance."""


@dataclass(frozen=True, slots=True)
class Query:
    """A concept-logic query and what it asks for."""

    expression: str
    """The query; its thresholds were chosen on other seeds."""
    wanted: tuple[tuple[str, str], ...]
    """Attributes that the images should have."""
    unwanted: tuple[tuple[str, str], ...] = ()
    """Attributes that they should not have."""


QUERIES = (
    Query("red > 1.5 & indoors > 1", (("colour", "red"), ("context", "indoors"))),
    Query(
        "star > 1 & striped > 0.75 & at night < 0.5",
        (("shape", "star"), ("texture", "striped")),
        unwanted=(("context", "at night"),),
    ),
)
"""The demo's two queries, thresholds frozen before the draw (a peak of prevalence p lies sqrt(1/p - 1) std above the mean)."""

CONCEPTS = ConceptFile(
    concepts=(*VALUES["colour"], *VALUES["shape"], *VALUES["texture"]),
    contexts=ContextConcepts(phrases=VALUES["context"]),
)
"""One concept for each value of each attribute; contexts appended to the templates."""

PROMPTS = ZERO_SHOT_PROMPTS
"""Zero-shot prompt of each attribute."""


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """Sizes and seeds of one run of the demo."""

    reference: int = 3_000
    """Images in the reference set."""
    second: int = 1_000
    """Images in the second batch."""
    held_out: float = 0.2
    """Share of the reference that the map never sees."""
    reference_seed: int = 31
    """Seed of the reference's images."""
    second_seed: int = 32
    """Seed of the second batch's images and of its broken files."""
    alpha: float = 0.05
    """False discovery rate of every verdict, and level of the A/A tests."""
    permutations: int = 1_999
    """Permutations of the attribution test; the smallest p-value is 1 / (permutations + 1)."""
    splits: int = 40
    """Random splits of the reference for the A/A rate."""
    seed: int = 5
    """Seed of folds, permutations, thinning and splits."""


FULL = DemoPlan()
"""What `t2c demo` runs."""
SMALL = DemoPlan(reference=800, second=400, reference_seed=41, second_seed=42, permutations=999, splits=20)
"""What the tests run: seconds instead of a minute."""
