"""Drawings are well-formed SVG whose text escapes what it is given, at a width a telephone can show."""

from xml.etree import ElementTree as Tree

import pytest

from t2c.flows.paper.drawing import WIDTH, Line, Mark, grid, heatmap, marks, plot, shade
from t2c.flows.paper.scales import contrast, ink, scale

SVG = "{http://www.w3.org/2000/svg}"


def parsed(drawn: str) -> Tree.Element:
    root = Tree.fromstring(drawn)
    assert root.tag == f"{SVG}svg"
    assert root.get("viewBox").split()[2] == str(WIDTH)
    return root


def texts(root: Tree.Element) -> list[str]:
    return [one.text for one in root.iter(f"{SVG}text") if one.text]


def test_a_heatmap_has_a_number_in_every_cell_but_those_left_out() -> None:
    root = parsed(heatmap([[None, 0.5], [1.25, float("nan")]], ["a", "b<"], title="T & co"))
    assert {"0.50", "1.25", "a", "b<", "T & co"} <= set(texts(root))
    assert sum(one.get("class") == "cell" for one in root.iter(f"{SVG}rect")) == 2


def test_the_number_in_a_cell_can_be_read_on_its_shade() -> None:
    inks = {"#000": (0, 0, 0), "#fff": (255, 255, 255)}
    found = [ink(shade(step / 100)) for step in range(101)]
    assert set(found) == set(inks)
    assert min(contrast(shade(step / 100), inks[one]) for step, one in enumerate(found)) >= 4.5
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    drawn = heatmap([[0.2, 1.0], [0.5, 0.9]], ["a", "b"], title="T")
    assert f'style="fill:{found[20]}">0.20' in drawn
    assert f'style="fill:{found[100]}">1.00' in drawn


@pytest.mark.parametrize(
    ("values", "ends", "ticks"),
    [
        ([0.3, 0.9], (0.0, 1.0), [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        ([-0.34, 0.8, float("nan")], (0.0, 1.0), [-0.4, -0.2, 0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        ([-2.6, 1.3], (0.0, 1.0), [-3, -2, -1, 0, 1, 2]),
        ([], (0.0, 2401.0), [0, 500, 1000, 1500, 2000, 2500]),
        ([-9e7], (0.0, 1.0), [-1e8, -8e7, -6e7, -4e7, -2e7, 0, 2e7]),
    ],
)
def test_a_scale_covers_every_value(values: list[float], ends: tuple[float, float], ticks: list[float]) -> None:
    found = scale(values, low=ends[0], high=ends[1])
    assert len(found.ticks) <= 9
    assert found.low <= min([ends[0], *(value for value in values if value == value)])
    assert (found.share(found.low), found.share(found.high)) == (0, 1)
    assert list(found.ticks) == pytest.approx(ticks)


def test_a_plot_draws_values_below_0_where_they_are() -> None:
    line = Line("R2", [0, 50, 100], [-0.34, 0.0, 0.9], [float("nan")] * 3)
    root = parsed(plot([line], title="T", x_label="images"))
    (drawn,) = root.iter(f"{SVG}polyline")
    below, zero, above = (float(point.split(",")[1]) for point in drawn.get("points").split())
    assert below > zero > above
    assert (below - zero) / (zero - above) == pytest.approx(0.34 / 0.9, abs=0.01)
    (axis,) = (one for one in root.iter(f"{SVG}line") if one.get("class") == "axis")
    assert float(axis.get("y1")) == pytest.approx(zero), "the zero line stands out"
    assert "-0.4" in texts(root)
    share = Line("share", [0, 100], [0.1, 0.9], [0.3, 0.0])
    assert "-0.2" in texts(parsed(plot([share], title="T", x_label="i")))
    assert "-0.2" not in texts(parsed(plot([share], title="T", x_label="i", least=0.0)))


def test_a_plot_keeps_its_lines_inside_the_frame() -> None:
    line = Line("up", [0, 50, 100], [-0.2, 0.5, 1.4], [0.1, float("nan"), 0.1])
    random = Line("random", [0, 100], [0.5, 0.5], [float("nan")] * 2, dashed=True)
    root = parsed(plot([line, line, random], title="T", x_label="images"))
    height = float(root.get("viewBox").split()[3])
    for polyline in root.iter(f"{SVG}polyline"):
        for point in polyline.get("points").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= WIDTH
            assert 70 <= y <= height - 44
    assert len(list(root.iter(f"{SVG}polygon"))) == 2
    assert [one.get("class") for one in root.iter(f"{SVG}polyline")] == ["line c0", "line c1", "line plain dash"]
    assert {"100", "images", "random"} <= set(texts(root))


def test_marks_show_each_value_with_its_interval_on_an_axis_that_says_what_it_is() -> None:
    rows = [("group", [Mark("one", 0.25, 0.1, 0.4), Mark("two", 2.0, 1.9, 2.1)])]
    root = parsed(marks(rows, title="T", x_label="points; dashed: none", low=-1, line=0))
    circles = list(root.iter(f"{SVG}circle"))
    assert len(circles) == 2
    assert 0 <= float(circles[0].get("cx")) < float(circles[1].get("cx")) <= WIDTH - 64, (
        "the axis goes to what it shows"
    )
    assert {"+25.0", "+200.0", "group", "-100", "0", "250", "points; dashed: none"} <= set(texts(root))
    dashed = [one for one in root.iter(f"{SVG}line") if one.get("class") == "axis dash"]
    assert len(dashed) == 1
    unmarked = marks(rows, title="T", x_label="share")
    assert "axis dash" not in unmarked
    assert {"25.0 %", "share"} <= set(texts(parsed(unmarked)))


@pytest.mark.parametrize("size", [1, 40])
def test_a_large_matrix_draws_every_value_that_can_be_seen_between_named_axes(size: int) -> None:
    values = [[1.0 if row == place else 0.0 for place in range(size)] for row in range(size)]
    root = parsed(grid(values, title="T", note="n", axes=("columns", "rows")))
    paths = list(root.iter(f"{SVG}path"))
    assert len(paths) == 1
    assert paths[0].get("d").count("M") == size
    assert {"columns", "rows", "1", str(size), "n"} <= set(texts(root))
