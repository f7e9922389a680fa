"""Drawings show the numbers they were given, inside their box, and escape every text."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2c.flows.page import charts
from t2c.schemas.tables.tables import HISTOGRAM_BINS

COUNTS = st.lists(st.integers(0, 10**9), min_size=HISTOGRAM_BINS, max_size=HISTOGRAM_BINS)


def parsed(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(str(markup))


def peaked(at: float, n: int = 1000) -> list[int]:
    counts = [0] * HISTOGRAM_BINS
    counts[round((at + 1) / 0.01)] = n
    return counts


@given(COUNTS, COUNTS)
def test_a_histogram_is_well_formed_and_stays_in_its_box(reference: list[int], current: list[int]) -> None:
    span = charts.span_of([reference, current])
    drawn = parsed(charts.histogram(reference, current, span=span, means=(-2.0, 2.0), verdict="risen", label="<&\"'"))
    assert drawn.get("aria-label") == "<&\"'"
    for path in drawn.iter("path"):
        heights = [float(value) for value in re.findall(r"V([-\d.]+)", path.get("d", ""))]
        assert min(heights) >= 0
        assert max(heights) <= 100
        assert len(heights) <= charts.PANEL_BINS + 1
    for line in drawn.iter("line"):
        assert 0 <= float(line.get("x1", "").rstrip("%")) <= 100


def test_the_peak_stands_where_the_counts_are() -> None:
    span = charts.Span(100, 140)
    drawn = parsed(charts.histogram(peaked(0.2), None, span=span, means=(0.205, None), verdict="none", label="x"))
    path = next(drawn.iter("path")).get("d", "")
    tops = [float(value) for value in re.findall(r"V([-\d.]+)H", path)]
    assert np.argmin(tops) == 20
    assert tops[20] == 2.0
    mean = next(line for line in drawn.iter("line") if line.get("class") == "mean reference")
    assert mean.get("x1") == f"{100 * 0.205 / 0.4:.2f}%"


def test_merged_steps_stay_in_their_place() -> None:
    drawn = parsed(
        charts.histogram(peaked(0.99), None, span=charts.Span(0, 199), means=(0.0, None), verdict="none", label="x")
    )
    path = next(drawn.iter("path")).get("d", "")
    rights = [float(value) for value in re.findall(r"H([-\d.]+)", path)]
    assert rights[0] == pytest.approx(1000 * 4 / 199, abs=0.1)
    assert rights[-1] == 1000


def test_the_span_holds_the_counts_and_has_round_ticks() -> None:
    span = charts.span_of([peaked(0.17), peaked(0.33)])
    assert span.low <= 0.17
    assert span.high >= 0.34
    assert span.ticks() == [0.15, 0.2, 0.25, 0.3, 0.35]
    assert charts.span_of([[0] * HISTOGRAM_BINS]).ticks() == [-1.0, -0.5, 0.0, 0.5, 1.0]


@given(st.integers(0, HISTOGRAM_BINS - 1), st.integers(1, HISTOGRAM_BINS))
def test_every_span_has_ticks(first: int, bins: int) -> None:
    grain = 5
    first = first // grain * grain
    ticks = charts.Span(first, min(HISTOGRAM_BINS, first + -(-bins // grain) * grain)).ticks()
    assert 1 <= len(ticks) <= 7


@pytest.mark.parametrize(("value", "kind", "x"), [(0.4, "risen", "50.00%"), (-0.4, "fallen", "25.00%")])
def test_a_diverging_bar_leaves_the_middle_to_its_side(value: float, kind: str, x: str) -> None:
    bar = parsed(charts.diverging(value, 0.8, kind=kind)).findall("rect")[1]
    assert (bar.get("class"), bar.get("x"), bar.get("width")) == (kind, x, "25.00%")


def test_bars_bear_zero_scales_and_values_beyond_them() -> None:
    assert parsed(charts.bar(3, 0)).findall("rect")[1].get("width") == "0.00%"
    assert parsed(charts.bar(3, 2)).findall("rect")[1].get("width") == "100.00%"
    assert parsed(charts.bar(float("nan"), 2)).findall("rect")[1].get("width") == "0.00%"


def test_a_rare_outcome_stays_visible() -> None:
    widths = [
        float(rect.get("width", "").rstrip("%"))
        for rect in parsed(charts.stacked([("ok", 10**6), ("corrupt", 1), ("missing", 0)], label="x"))
    ]
    assert sum(widths) == pytest.approx(100, abs=0.01)
    assert widths[1] > 0.39
    assert widths[2] == 0


def test_the_funnel_writes_every_count() -> None:
    drawn = parsed(charts.funnel([("all images", 4282), ("a dog > 2.25", 169), ("<b>", 8)]))
    assert [text.text for text in drawn.iter("text")] == ["4,282", "169", "8"]
    assert drawn.get("aria-label") == "all images: 4,282 left; a dog > 2.25: 169 left; <b>: 8 left"
    assert parsed(charts.funnel([("all images", 0)])).findall("rect")[0].get("width") == "0.00%"


def test_an_interval_is_drawn_to_scale() -> None:
    drawn = parsed(charts.interval(0.62, (0.58, 0.66), chance=0.09, kind="accent"))
    assert next(drawn.iter("circle")).get("cx") == "62.00%"
    whisker = next(line for line in drawn.iter("line") if "whisker" in line.get("class", ""))
    assert (whisker.get("x1"), whisker.get("x2")) == ("58.00%", "66.00%")
