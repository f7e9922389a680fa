"""The world of primitives: 11 colours x 5 shapes x 4 textures x 6 contexts, drawn from a seed, with ground truth.

Image i depends on (seed, i) alone; a mix of odds changes which attributes are drawn, never how they look.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image

from t2c.flows.world.backdrops import BACKDROPS, Grid, Picture, Place, blend, grid
from t2c.flows.world.shapes import SHAPE_DISTANCES, TEXTURE_DISTANCES, Field, coverage
from t2c.schemas.errors import SpecError, expected, unknown

COLOURS: dict[str, tuple[int, int, int]] = {
    "black": (0, 0, 0),
    "blue": (0, 0, 255),
    "brown": (165, 42, 42),
    "gray": (128, 128, 128),
    "green": (0, 128, 0),
    "orange": (255, 165, 0),
    "pink": (255, 192, 203),
    "purple": (128, 0, 128),
    "red": (255, 0, 0),
    "white": (255, 255, 255),
    "yellow": (255, 255, 0),
}
"""The paper's eleven colours with their CSS values, 0 to 255."""

VALUES: dict[str, tuple[str, ...]] = {
    "colour": tuple(COLOURS),
    "shape": tuple(SHAPE_DISTANCES),
    "texture": tuple(TEXTURE_DISTANCES),
    "context": tuple(BACKDROPS),
}
"""Every attribute of the world with its values."""

DEFAULT_SIZE = 128
"""Pixels a side of the demo's images."""
SMALLEST, LARGEST = 32, 1024
"""Sizes that can be drawn."""
JPEG_QUALITY = 92
"""Quality of written files; chroma is kept at full resolution."""

Mix = Mapping[str, Mapping[str, float]]
"""Odds against an even draw, attribute -> value -> factor; what is not named has odds 1."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What an image shows."""

    colour: str
    """One of VALUES["colour"]."""
    shape: str
    """One of VALUES["shape"]."""
    texture: str
    """One of VALUES["texture"]."""
    context: str
    """One of VALUES["context"]."""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value not in VALUES[name]:
                raise unknown(f"{name} of the world", value, VALUES[name])


def shares(name: str, mix: Mix | None = None) -> npt.NDArray[np.float64]:
    """Return the probability of each of VALUES[name] under a mix; they sum to 1."""
    odds = dict((mix or {}).get(name, {}))
    for value in set(odds) - set(VALUES[name]):
        raise unknown(f"mix of {name}", value, VALUES[name])
    weights = np.array([odds.get(value, 1.0) for value in VALUES[name]])
    if not np.isfinite(weights).all() or weights.min() < 0 or weights.sum() == 0:
        raise SpecError(expected(f"mix of {name}", "odds of 0 or more, not all 0", repr(odds)))
    result: npt.NDArray[np.float64] = weights / weights.sum()
    return result


def draw_attributes(seed: int, index: int, *, mix: Mix | None = None) -> Attributes:
    """Return the attributes of image `index`: independent draws, one for each attribute."""
    for name in set(mix or {}) - set(VALUES):
        raise unknown("mix", name, VALUES)
    points = np.random.default_rng([seed, index, 0]).random(len(VALUES))
    picks = {
        name: VALUES[name][min(int(np.searchsorted(np.cumsum(shares(name, mix)), point)), len(VALUES[name]) - 1)]
        for name, point in zip(VALUES, points, strict=True)
    }
    return Attributes(**picks)


def draw(
    seed: int, index: int, *, size: int = DEFAULT_SIZE, attributes: Attributes | None = None, mix: Mix | None = None
) -> tuple[npt.NDArray[np.uint8], Attributes]:
    """Return image `index` as uint8 (size, size, 3) RGB, and what it shows.

    Attributes given are drawn as given; otherwise they follow from (seed, index) and the mix. Place, angle, size and
    backdrop follow from (seed, index). Raises SpecError for a size that cannot be drawn, UnknownName for a value.
    """
    if not SMALLEST <= size <= LARGEST:
        raise SpecError(expected("size of a drawn image", f"{SMALLEST} to {LARGEST} pixels", str(size)))
    depicted = attributes or draw_attributes(seed, index, mix=mix)
    rng = np.random.default_rng([seed, index, 1])
    at = grid(size)
    outline, u, v = _place_shape(rng, at, depicted.shape)
    place = BACKDROPS[depicted.context](rng, at)
    surface = _surface(rng, at, depicted, (outline, u, v))
    image = _cast_shadow(at, place, outline)
    lit = surface * np.asarray(place.light, np.float32)
    lit = lit + place.haze_share * (np.asarray(place.haze, np.float32) - lit)
    image = blend(image, lit, coverage(outline, pixel=at.pixel))
    if place.veil is not None:
        image = blend(image, np.asarray(place.veil_colour, np.float32), place.veil)
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8), depicted


def _place_shape(rng: np.random.Generator, at: Grid, shape: str) -> tuple[Field, Field, Field]:
    """Return the signed distance to the shape at a random place, angle and size, and the shape's own axes."""
    cx, cy = rng.uniform(0.40, 0.60, 2)
    radius, angle = rng.uniform(0.27, 0.37), np.deg2rad(rng.uniform(-20, 20))
    dx, dy = at.x - np.float32(cx), at.y - np.float32(cy)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    u, v = cos * dx + sin * dy, cos * dy - sin * dx
    return SHAPE_DISTANCES[shape](u, v, radius), u, v


def _surface(rng: np.random.Generator, at: Grid, attributes: Attributes, frame: tuple[Field, Field, Field]) -> Picture:
    """Return the shaded, patterned surface (size, size, 3), defined everywhere and seen inside the outline."""
    outline, u, v = frame
    base = np.asarray(COLOURS[attributes.colour], np.float32) / 255
    turn = rng.uniform(-0.6, 0.6)
    cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
    marks = TEXTURE_DISTANCES[attributes.texture](cos * u + sin * v, cos * v - sin * u, rng.uniform(0.095, 0.14))
    painted = base + coverage(marks, pixel=at.pixel)[..., None] * (_mark_colour(base) - base)
    return _shade(rng, at, painted, outline)


def _mark_colour(base: Picture) -> Picture:
    """Return the colour of a texture's marks: a clear step lighter on dark colours, darker on light ones."""
    bright = float(base @ np.array([0.3, 0.59, 0.11], np.float32)) > 0.55
    return base * np.float32(0.5) if bright else base + np.float32(0.55) * (1 - base)


def _shade(rng: np.random.Generator, at: Grid, painted: Picture, outline: Field) -> Picture:
    """Light the surface from above: a bevelled rim whose facets follow the outline, a soft gradient, a gloss."""
    angle = np.deg2rad(rng.uniform(-130, -50))
    lx, ly = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    down, across = np.gradient(outline, at.pixel)
    facing = np.clip(across * lx + down * ly, -1, 1)
    rim = np.clip(1 + outline / 0.05, 0, 1)
    soft = (at.x - 0.5) * lx + (at.y - 0.5) * ly
    light = 1 + 0.38 * rim * facing + 0.22 * soft
    gloss = 0.10 * np.clip(soft * 2.5, 0, 1) * (1 - rim) + 0.10 * np.clip(rim * facing, 0, 1)
    result: Picture = painted * light[..., None] + gloss[..., None]
    return result


def _cast_shadow(at: Grid, place: Place, outline: Field) -> Picture:
    """Darken the backdrop below and beside the object."""
    if place.shadow == 0:
        return place.image
    shift = max(1, round(0.035 * at.size))
    moved = np.pad(outline, ((shift, 0), (shift // 2, 0)), mode="edge")[: at.size, : at.size]
    result: Picture = place.image * (1 - place.shadow * np.clip(0.5 - moved / 0.06, 0, 1))[..., None]
    return result


def write_images(
    folder: str | Path, n: int, seed: int, *, size: int = DEFAULT_SIZE, mix: Mix | None = None, start: int = 0
) -> pa.Table:
    """Write images start .. start + n - 1 as JPEG files into a folder and return their ground truth.

    Columns: image_id (file name), colour, shape, texture, context. The folder is made when missing.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    rows = []
    for index in range(start, start + n):
        pixels, attributes = draw(seed, index, size=size, mix=mix)
        name = f"{index:06d}.jpg"
        Image.fromarray(pixels).save(target / name, quality=JPEG_QUALITY, subsampling=0)
        rows.append({"image_id": name, **asdict(attributes)})
    return pa.Table.from_pylist(rows, schema=pa.schema([(key, pa.string()) for key in ("image_id", *VALUES)]))
