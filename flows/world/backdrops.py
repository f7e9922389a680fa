"""The six places where the demo's primitives are seen: what is behind the object, and what light and haze do to it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from t2c.flows.world.shapes import Field, coverage

NOISE_SEED = 20260
"""Seed of the noise tiles, which are part of the world and the same for every image."""


Picture = npt.NDArray[np.floating]
"""Colours in 0..1, (height, width, 3)."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Pixel centres of a square image; x grows to the right and y downwards, both from 0 to 1."""

    size: int
    """Pixels a side."""
    x: Field
    """Abscissa of each pixel centre (size, size)."""
    y: Field
    """Ordinate of each pixel centre (size, size)."""

    @property
    def pixel(self) -> float:
        """Width of a pixel in image widths."""
        return 1.0 / self.size


@dataclass(frozen=True, slots=True)
class Place:
    """A drawn backdrop and how it changes an object placed in it."""

    image: Picture
    """Backdrop (size, size, 3), float32 in 0..1."""
    light: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Factor on the object's red, green and blue."""
    haze: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Colour that the air or water adds."""
    haze_share: float = 0.0
    """Share of that colour, 0 to 1."""
    shadow: float = 0.35
    """Darkness of the cast shadow, 0 to 1."""
    veil: Field | None = None
    """Coverage (size, size) of what is drawn in front of everything."""
    veil_colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Colour of the veil."""


@lru_cache(maxsize=8)
def grid(size: int) -> Grid:
    """Return the pixel grid of a size."""
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size
    return Grid(size, *np.meshgrid(axis, axis))


@lru_cache(maxsize=64)
def noise_tile(size: int, cells_x: int, cells_y: int) -> Field:
    """Return smooth noise (2 size, 2 size), mean 0 and std 1, with that many cells across an image."""
    rng = np.random.default_rng([NOISE_SEED, cells_x, cells_y])
    coarse = Image.fromarray(rng.standard_normal((2 * cells_y, 2 * cells_x)).astype(np.float32))
    tile = np.asarray(coarse.resize((2 * size, 2 * size), Image.Resampling.BICUBIC))
    result: Field = ((tile - tile.mean()) / tile.std()).astype(np.float32)
    return result


def noise(rng: np.random.Generator, at: Grid, *, cells: tuple[int, int]) -> Field:
    """Return a random window (size, size) of the noise tile with (across, down) cells."""
    across, down = rng.random(2)
    tile, size = noise_tile(at.size, *cells), at.size
    left, top = int(across * size), int(down * size)
    return tile[top : top + size, left : left + size]


def ramp(t: Field, low: tuple[float, float, float], high: tuple[float, float, float]) -> Picture:
    """Return the colour between low (t = 0) and high (t = 1) at each pixel, (size, size, 3)."""
    start = np.asarray(low, np.float32)
    return start + t[..., None] * (np.asarray(high, np.float32) - start)


def blend(under: Picture, over: Picture, share: Field) -> Picture:
    """Return over where share is 1, under where it is 0."""
    return under + share[..., None] * (over - under)


def speckles(rng: np.random.Generator, at: Grid, *, count: int, radius: tuple[float, float]) -> Field:
    """Return coverage of soft discs scattered over the image."""
    field = np.zeros_like(at.x)
    for cx, cy, t in rng.random((count, 3)):
        r = radius[0] + t * (radius[1] - radius[0])
        reach = int(np.ceil((r + at.pixel) * at.size)) + 1
        left, top = int(cx * at.size), int(cy * at.size)
        window = (slice(max(top - reach, 0), top + reach + 1), slice(max(left - reach, 0), left + reach + 1))
        distance = np.hypot(at.x[window] - cx, at.y[window] - cy) - r
        field[window] = np.maximum(field[window], coverage(distance, pixel=1.5 * at.pixel))
    return field


def _landscape(at: Grid, sky: Picture, ground: Picture, horizon: float) -> Picture:
    return blend(sky, ground, coverage(horizon - at.y, pixel=at.pixel))


def on_grass(rng: np.random.Generator, at: Grid) -> Place:
    """A meadow under a pale sky."""
    horizon = rng.uniform(0.1, 0.3)
    blades = 0.6 * noise(rng, at, cells=(48, 12)) + 0.6 * noise(rng, at, cells=(8, 6))
    depth = np.clip((at.y - horizon) / (1 - horizon), 0, 1)
    ground = ramp(np.clip(depth + 0.12 * blades, 0, 1), (0.50, 0.66, 0.30), (0.20, 0.44, 0.12))
    ground = ground + (0.05 * blades)[..., None]
    clouds = np.clip(0.5 * noise(rng, at, cells=(4, 8)), 0, 1)
    sky = blend(ramp(at.y / horizon, (0.45, 0.68, 0.92), (0.82, 0.90, 0.96)), np.full(3, 0.97, np.float32), clouds)
    return Place(_landscape(at, sky, ground, horizon), light=(1.0, 1.02, 0.97), shadow=0.45)


def on_sand(rng: np.random.Generator, at: Grid) -> Place:
    """A beach: rippled sand, a strip of sea, a bright sky."""
    horizon = rng.uniform(0.14, 0.32)
    bend = 0.06 * noise(rng, at, cells=(3, 3))
    ripples = np.sin((at.y + 0.25 * at.x * rng.uniform(-1, 1) + bend) * rng.uniform(55, 80))
    grain = noise(rng, at, cells=(64, 64))
    ground = ramp(at.y, (0.93, 0.84, 0.64), (0.80, 0.66, 0.42)) + (0.035 * ripples + 0.035 * grain)[..., None]
    sea = ramp(at.y / horizon, (0.25, 0.60, 0.75), (0.14, 0.48, 0.66))
    sky = ramp(at.y / horizon, (0.52, 0.78, 0.96), (0.90, 0.94, 0.94))
    behind = _landscape(at, sky, sea, horizon * 0.62)
    return Place(_landscape(at, behind, ground, horizon), light=(1.03, 1.0, 0.94), shadow=0.4)


def in_snow(rng: np.random.Generator, at: Grid) -> Place:
    """A snow field with drifts, grey firs on the horizon and falling flakes."""
    horizon = rng.uniform(0.16, 0.34)
    drift = noise(rng, at, cells=(3, 7))
    ground = ramp(at.y, (0.86, 0.90, 0.96), (0.96, 0.97, 1.0)) - (0.035 * np.abs(drift))[..., None]
    sky = ramp(at.y / horizon, (0.68, 0.74, 0.82), (0.84, 0.88, 0.92))
    peaks = horizon - 0.10 * np.abs(((at.x * rng.uniform(7, 11) + rng.random()) % 1.0) - 0.5) - 0.02
    trees = coverage(peaks - at.y, pixel=at.pixel)
    behind = blend(sky, np.array([0.42, 0.50, 0.54], np.float32), trees)
    flakes = speckles(rng, at, count=int(rng.integers(25, 45)), radius=(0.004, 0.014))
    image = _landscape(at, behind, ground, horizon)
    return Place(image, (0.97, 0.99, 1.03), (0.9, 0.93, 0.98), 0.06, shadow=0.25, veil=0.92 * flakes)


def at_night(rng: np.random.Generator, at: Grid) -> Place:
    """A dark hill under stars and a moon."""
    horizon = rng.uniform(0.45, 0.7) + 0.05 * noise_tile(at.size, 3, 3)[0, : at.size]
    stars = speckles(rng, at, count=int(rng.integers(25, 45)), radius=(0.002, 0.007))
    sky = ramp(at.y, (0.02, 0.03, 0.10), (0.10, 0.11, 0.24)) + (0.8 * stars)[..., None]
    mx, my, radius = rng.uniform(0.08, 0.92), rng.uniform(0.06, 0.18), rng.uniform(0.04, 0.07)
    distance = np.hypot(at.x - mx, at.y - my) - radius
    glow = 0.35 * np.exp(-np.maximum(distance, 0) * 14)
    sky = blend(sky, np.array([0.93, 0.92, 0.80], np.float32), np.maximum(coverage(distance, pixel=at.pixel), glow))
    ground = ramp(at.y, (0.04, 0.06, 0.08), (0.02, 0.03, 0.04)) + (0.008 * noise(rng, at, cells=(24, 24)))[..., None]
    image = blend(sky, ground, coverage(horizon[None, :] - at.y, pixel=at.pixel))
    return Place(image, light=(0.60, 0.62, 0.74), haze=(0.03, 0.04, 0.12), haze_share=0.16, shadow=0.5)


def indoors(rng: np.random.Generator, at: Grid) -> Place:
    """A room: painted wall, skirting board, wooden floor, a window or a picture."""
    edge = rng.uniform(0.58, 0.76)
    wall_colours = ((0.86, 0.80, 0.70), (0.78, 0.80, 0.76), (0.82, 0.74, 0.72), (0.74, 0.78, 0.84))
    tone = np.asarray(wall_colours[int(rng.integers(4))], np.float32)
    wall = tone * (1.04 - 0.16 * np.hypot(at.x - 0.5, at.y - 0.3))[..., None]
    left, top = rng.choice([0.04, 0.68]), rng.uniform(0.04, 0.14)
    box = np.maximum(np.abs(at.x - left - 0.14) - 0.13, np.abs(at.y - top - 0.16) - 0.15)
    wall = blend(wall, np.array([0.95, 0.94, 0.90], np.float32), coverage(box, pixel=at.pixel))
    pane = ramp(at.y / 0.5, (0.55, 0.74, 0.92), (0.84, 0.91, 0.95))
    bars = np.minimum(np.abs(at.x - left - 0.14), np.abs(at.y - top - 0.16)) - 0.009
    wall = blend(wall, pane, coverage(np.maximum(box + 0.022, -bars), pixel=at.pixel))
    wall = blend(wall, np.array([0.93, 0.91, 0.86], np.float32), coverage(edge - 0.035 - at.y, pixel=at.pixel))
    depth = np.clip((at.y - edge) / (1 - edge), 0, 1)
    plank = ((at.x - 0.5) / (0.55 + depth) * rng.uniform(7, 9) + 20) % 1.0
    seams = coverage(np.minimum(plank, 1 - plank) - 0.03, pixel=6 * at.pixel)
    floor = ramp(depth, (0.56, 0.38, 0.24), (0.70, 0.49, 0.31)) * (1 + 0.05 * noise(rng, at, cells=(24, 4)))[..., None]
    floor = floor * (1 - 0.35 * seams)[..., None]
    return Place(_landscape(at, wall, floor, edge), light=(1.0, 0.98, 0.94), shadow=0.35)


def underwater(rng: np.random.Generator, at: Grid) -> Place:
    """Blue-green water with light shafts, caustics and bubbles."""
    water = ramp(np.clip(at.y + 0.04 * noise(rng, at, cells=(4, 4)), 0, 1), (0.22, 0.66, 0.76), (0.02, 0.20, 0.36))
    slant = (at.x - 0.5 + rng.uniform(-0.3, 0.3)) / (0.5 + at.y) + 0.3 * rng.uniform(-1, 1) * at.y
    shafts = np.clip(np.sin(slant * 17 + rng.uniform(0, 6)) * np.sin(slant * 7 + rng.uniform(0, 6)), 0, 1) * (1 - at.y)
    caustics = np.clip(1 - 3 * np.abs(noise(rng, at, cells=(9, 9))), 0, 1) * np.clip(1.2 * at.y - 0.35, 0, 1)
    water = water + (0.20 * shafts + 0.10 * caustics)[..., None] * np.array([0.7, 1.0, 1.0], np.float32)
    spots = int(rng.integers(6, 14))
    state = rng.bit_generator.state
    discs = speckles(rng, at, count=spots, radius=(0.010, 0.030))
    rng.bit_generator.state = state
    hollows = speckles(rng, at, count=spots, radius=(0.002, 0.022))
    rings = np.clip(discs - 0.8 * hollows, 0, 1)
    haze = (0.07, 0.42, 0.55)
    return Place(water, (0.86, 0.98, 1.0), haze, 0.24, shadow=0.0, veil=0.6 * rings, veil_colour=(0.85, 0.97, 1.0))


BACKDROPS: dict[str, Callable[[np.random.Generator, Grid], Place]] = {
    "on grass": on_grass,
    "in snow": in_snow,
    "at night": at_night,
    "on sand": on_sand,
    "indoors": indoors,
    "underwater": underwater,
}
"""The painter of each context."""
