"""Signed distances: negative inside, the right area, and textures that cover the share they should."""

import numpy as np
import pytest

from t2c.flows.world.shapes import SHAPE_DISTANCES, TEXTURE_DISTANCES, coverage

AXIS = (np.arange(400, dtype=np.float32) + 0.5) / 400 - 0.5
U, V = np.meshgrid(AXIS, AXIS)
RADIUS = 0.3


def area(shape):
    return float(coverage(SHAPE_DISTANCES[shape](U, V, RADIUS), pixel=1 / 400).mean()) / RADIUS**2


@pytest.mark.parametrize(
    ("shape", "want"),
    [
        ("circle", np.pi * 0.93**2),
        ("octagon", 8 * np.tan(np.pi / 8) * 0.92**2),
        ("square", (2 * 0.8) ** 2),
        ("triangle", 3 * np.sqrt(3) * 0.58**2),
    ],
)
def test_areas_are_those_of_geometry(shape, want):
    assert area(shape) == pytest.approx(want, rel=0.03)


def test_a_star_has_five_points():
    angles = np.linspace(0, 2 * np.pi, 720, endpoint=False, dtype=np.float32)
    ring = SHAPE_DISTANCES["star"](0.25 * np.cos(angles), 0.25 * np.sin(angles), RADIUS) < 0
    assert (np.diff(ring.astype(int)) == 1).sum() == 5


@pytest.mark.parametrize(
    ("texture", "share"), [("plain", 0.0), ("striped", 0.5), ("dotted", 0.283), ("checkered", 0.5)]
)
def test_marks_cover_their_share_of_the_surface(texture, share):
    marks = coverage(TEXTURE_DISTANCES[texture](U, V, 0.1), pixel=1 / 400)
    assert float(marks.mean()) == pytest.approx(share, abs=0.02)


def test_coverage_ramps_over_one_pixel():
    assert coverage(np.array([-1.0, -0.25, 0.0, 0.25, 1.0]), pixel=1.0).tolist() == [1.0, 0.75, 0.5, 0.25, 0.0]
