"""Drawings are well-formed SVG whose text escapes what it is given, at a width a telephone can show."""

from xml.etree import ElementTree as Tree

import pytest

from flows.paper.drawing import WIDTH, Line, Mark, grid, heatmap, marks, plot

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


def test_a_plot_keeps_its_lines_inside_the_frame() -> None:
    line = Line("up", [0, 50, 100], [-0.2, 0.5, 1.4], [0.1, float("nan"), 0.1])
    root = parsed(plot([line, line], title="T", x_label="images"))
    for polyline in root.iter(f"{SVG}polyline"):
        for point in polyline.get("points").split():
            x, y = map(float, point.split(","))
            assert 0 <= x <= WIDTH
            assert 56 <= y <= 250
    assert len(list(root.iter(f"{SVG}polygon"))) == 2
    assert "100" in texts(root)


def test_marks_show_each_value_with_its_interval() -> None:
    root = parsed(
        marks([("group", [Mark("one", 0.25, 0.1, 0.4), Mark("two", 2.0, 1.9, 2.1)])], title="T", low=-1, high=1, line=0)
    )
    circles = list(root.iter(f"{SVG}circle"))
    assert len(circles) == 2
    assert float(circles[1].get("cx")) <= WIDTH, "a value beyond the scale stays on the page"
    assert {"+25.0", "+200.0", "group"} <= set(texts(root))


@pytest.mark.parametrize("size", [1, 40])
def test_a_large_matrix_draws_every_value_that_can_be_seen(size: int) -> None:
    values = [[1.0 if row == place else 0.0 for place in range(size)] for row in range(size)]
    root = parsed(grid(values, title="T", note="n"))
    paths = list(root.iter(f"{SVG}path"))
    assert len(paths) == 1
    assert paths[0].get("d").count("M") == size
