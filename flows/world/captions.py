"""Captions of the world of primitives: what the demo's CLIP reads while it is trained, and the words it comes to know."""

import numpy as np

from t2c.flows.world.world import VALUES
from t2c.schemas.specs.base import DEFAULT_TEMPLATES

SWATCH = "a swatch of the color {}"
DIAGRAM = "a diagram of the shape {}"
TEXTURED = "a photo of something with {} texture"
"""The paper's prompts for colours, shapes and textures (table 3)."""

ZERO_SHOT_PROMPTS: dict[str, str] = {
    "colour": SWATCH,
    "shape": DIAGRAM,
    "texture": TEXTURED,
    "context": "a photo of an object {}",
}
"""The prompt that names each attribute's values in zero-shot classification."""

OPENINGS = ("", "", "here is ", "this is ", "there is ", "we see ", "it is ", "look at ", "one can see ", "i see ")
"""What a caption may begin with; the empty one most often."""

ARTICLES = ("a", "a", "a", "an", "the", "the", "one", "some", "this", "that", "my", "our", "your")
"""Determiners."""

# fmt: off
ADJECTIVES = (
    "good", "bad", "nice", "clean", "dirty", "close-up", "cropped", "blurry", "bright", "dark",
    "black-and-white", "low-resolution", "high-resolution", "jpeg", "corrupted", "pixelated", "weird", "cool",
    "simple", "detailed", "beautiful", "ugly", "old", "new", "typical", "single", "real",
)
# fmt: on
"""Adjectives of a picture; they say nothing about what it shows."""

# fmt: off
MEDIA = (
    "photo", "picture", "image", "photograph", "painting", "drawing", "sketch", "rendering", "illustration",
    "snapshot", "view", "cartoon", "plastic", "sculpture", "rendition", "doodle", "embroidery", "tattoo",
    "graffiti", "headshot", "video",
)
# fmt: on
"""Kinds of picture."""

SIZES = ("large", "small", "big", "little", "tiny", "huge")
"""Sizes that a template may mention."""

NOUNS = ("object", "thing", "shape", "item", "figure", "toy", "primitive", "something")
"""Names for an object whose shape is not told."""

SCENES = ("scene", "place", "background", "setting", "environment")
"""Names for a picture whose object is not told."""

SYNONYMS: dict[str, tuple[str, ...]] = {
    "gray": ("grey",),
    "circle": ("disc", "round shape", "circles"),
    "square": ("box", "squares"),
    "star": ("stars",),
    "triangle": ("triangles",),
    "octagon": ("octagons",),
    "plain": ("solid", "smooth", "uniform"),
    "striped": ("stripes", "stripy", "lined"),
    "dotted": ("dots", "spotted", "polka-dotted"),
    "checkered": ("checks", "chequered", "checkerboard"),
    "on grass": ("on the grass", "in a meadow", "on a lawn", "in the grass", "in a grassy field", "grass"),
    "in snow": ("in the snow", "on snow", "in winter", "snow", "on a snowy day"),
    "at night": ("in the night", "in the dark", "under the moon", "night", "under the night sky"),
    "on sand": ("on the sand", "on a beach", "at the beach", "sand", "on the beach", "in the sand"),
    "indoors": ("inside", "in a room", "in a house", "indoor", "inside a room", "on a wooden floor"),
    "underwater": ("under water", "in the water", "in the sea", "under the sea", "water", "in the ocean"),
}
"""Other words for a value, used now and then."""

OWN_TEMPLATES = (
    "{}",
    "a {}",
    "the {}",
    "a photo of {}",
    "a photo of a {}",
    "a photo of the {}",
    "a photo of one {}",
    "a picture of a {}",
    "an image of a {}",
    "a photo of many {}",
    "a photo of something {}",
    "a photo of my {}",
    "a {} in the picture",
    "a close-up photo of a {}",
    "a cropped photo of the {}",
    "a bright photo of a {}",
    "a dark photo of the {}",
    "a pixelated photo of a {}",
    "a black and white photo of {}",
    "the origami {}",
    "the {} in a video game",
    "art of a {}",
    "a rendering of a {}",
    "a drawing of a {}",
    "a toy {}",
    "a photo of a nice {}",
    "a photo of the hard to see {}",
    "there is a {}",
)
"""Everyday templates beside the paper's seven."""

TEMPLATES = (*DEFAULT_TEMPLATES, *OWN_TEMPLATES)
"""All templates of training; every second caption uses one of the seven defaults."""

ATTRIBUTES = tuple(VALUES)
"""Names of the attributes in the order of the label columns."""


def _pick(rng: np.random.Generator, options: tuple[str, ...] | list[str]) -> str:
    return options[int(rng.integers(len(options)))]


def template(rng: np.random.Generator) -> str:
    """Return a random template: one of the seven defaults half the time."""
    if rng.random() < 0.5:
        return _pick(rng, DEFAULT_TEMPLATES)
    if rng.random() < 0.6:
        return _pick(rng, OWN_TEMPLATES)
    start = f"{_pick(rng, OPENINGS)}{_pick(rng, ARTICLES)} {_pick(rng, ADJECTIVES)} {_pick(rng, MEDIA)} of"
    size = f" {_pick(rng, SIZES)}" if rng.random() < 0.3 else ""
    return f"{start} {_pick(rng, ARTICLES)}{size} {{}}"


def say(rng: np.random.Generator, value: str, *, synonyms: float = 0.12) -> str:
    """Return a value as it is, or now and then by another name."""
    other_names = SYNONYMS.get(value, ())
    return _pick(rng, other_names) if other_names and rng.random() < synonyms else value


def prompts_of(rng: np.random.Generator, attribute: str) -> list[str]:
    """Return one prompt for each value of an attribute, all from one random template."""
    filled = template(rng)
    if attribute == "context":
        noun = _pick(rng, ("object", "object", "scene", *NOUNS, *SCENES, *VALUES["shape"]))
        form = filled.replace("{}", noun) + " {}" if rng.random() < 0.6 else filled
    elif attribute == "colour":
        form = SWATCH if rng.random() < 0.2 else _before_noun(rng, filled)
    elif attribute == "texture":
        form = TEXTURED if rng.random() < 0.2 else _before_noun(rng, filled)
    else:
        form = DIAGRAM if rng.random() < 0.2 else filled
    return [form.replace("{}", say(rng, value)) for value in VALUES[attribute]]


def _before_noun(rng: np.random.Generator, filled: str) -> str:
    return filled.replace("{}", "{} " + _pick(rng, NOUNS)) if rng.random() < 0.4 else filled


def caption(rng: np.random.Generator, shown: np.ndarray) -> tuple[str, np.ndarray]:
    """Return a caption of an image and which of its attributes (4,) bool the caption tells.

    `shown` holds the index of the image's value of each attribute. At least one attribute is told.
    """
    mentioned = rng.random(len(ATTRIBUTES)) < rng.choice([0.35, 0.6, 0.9])
    if not mentioned.any():
        mentioned[int(rng.integers(len(ATTRIBUTES)))] = True
    word = {name: say(rng, VALUES[name][int(shown[i])]) for i, name in enumerate(ATTRIBUTES) if mentioned[i]}
    noun = word.get("shape") or (
        _pick(rng, NOUNS) if len(word) > ("context" in word) else _pick(rng, (*NOUNS, *SCENES))
    )
    adjectives = [word[name] for name in ("colour", "texture") if name in word]
    if len(adjectives) == 2 and rng.random() < 0.4:
        adjectives.reverse()
    phrase = " ".join([*adjectives, noun])
    if "texture" in word and rng.random() < 0.15:
        phrase = " ".join([*(word[n] for n in ("colour",) if n in word), noun, "with", word["texture"], "texture"])
    text = template(rng).replace("{}", phrase)
    if "context" in word:
        text = f"{text} {word['context']}"
    return text + ("." if rng.random() < 0.15 else ""), mentioned


# fmt: off
FILLERS = (
    "a", "an", "the", "of", "in", "on", "at", "by", "with", "and", "or", "to", "from", "near", "under",
    "inside", "outside", "is", "are", "it", "its", "this", "that", "these", "those", "there", "here", "which",
    "very", "shown", "seen", "placed", "lying", "standing", "sitting", "floating", "taken", "color", "colour",
    "colored", "coloured", "pattern", "patterned", "texture", "textured", "surface", "swatch", "diagram",
    "shape", "shaped", "itap", "art", "origami", "game", "video", "hard", "see", "many", "not", "only",
    "just", "like", "left", "right", "middle", "center", "front", "top", "bottom", "sky", "ground", "people",
    "person", "day", "time", "light", "shadow", ".", ",", "!", "?", "sheet", "card", "block", "paper",
    "sticker", "sign", "symbol",
)
# fmt: on
"""Everyday words that must be in the vocabulary so that users' own templates work."""


def filler(rng: np.random.Generator, text: str) -> str:
    """Return the caption with one everyday word slipped in at a random place, now and then."""
    if rng.random() >= 0.3:
        return text
    words = text.split()
    words.insert(int(rng.integers(len(words) + 1)), _pick(rng, FILLERS))
    return " ".join(words)


def vocabulary() -> list[str]:
    """Return every text whose words training can use, for building the trimmed vocabulary."""
    values = [value for names in VALUES.values() for value in names]
    other_names = [other for names in SYNONYMS.values() for other in names]
    frames = [form.replace("{}", "") for form in (*TEMPLATES, *ZERO_SHOT_PROMPTS.values())]
    loose = (*OPENINGS, *ARTICLES, *ADJECTIVES, *MEDIA, *SIZES, *NOUNS, *SCENES, *FILLERS)
    return sorted({*values, *other_names, *frames, *loose})
