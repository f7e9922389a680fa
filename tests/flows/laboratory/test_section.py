"""The report shows the laboratory's answers about its own snapshots, newest first, and computes nothing."""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from t2c.flows.laboratory.components import components
from t2c.flows.laboratory.curves import curves
from t2c.flows.laboratory.figures import component_figures, curve_figures, pair_figures
from t2c.flows.laboratory.pairs import pairs
from t2c.flows.maps.align import align
from t2c.flows.page import words
from t2c.flows.page.heat import heat, mosaic
from t2c.flows.page.line_charts import Line, line_chart
from t2c.flows.report.write import report
from t2c.flows.scores.score import score
from t2c.schemas.tables.tables import ATTRIBUTES
from t2c.store.artifacts.dataset_tables import write_attributes
from t2c.store.disk.root import Store
from tests.planted.features import Planted
from tests.planted.laboratory import BASE, NAMES, NOISY, TURNED, plant
from tests.planted.scored import add_bank

BOTH = {"source": BASE.name, "target": NOISY.name}


@pytest.fixture
def lab(store: Store) -> Store:
    """Four planted encoders, one pair of them aligned and scored."""
    plant(Planted(store))
    align(store, "photos", **BOTH)
    add_bank(store, ["red", "blue"], space=NOISY)
    score(store, "photos", source=BASE.name, bank="everyday")
    return store


def section(store: Store, folder: Path) -> str:
    text = Path(report(store, "photos", output=folder / "r.html").path).read_text()
    found = re.search(r'<section id="laboratory".*?</section>', text, re.S)
    return found.group() if found else ""


def test_without_answers_there_is_no_section(lab: Store, tmp_path: Path) -> None:
    assert section(lab, tmp_path) == ""


def test_pairs_curves_and_components_are_shown_with_their_numbers(lab: Store, tmp_path: Path) -> None:
    found = pairs(lab, "photos", NAMES, groups={"kin": [BASE.name, TURNED.name]})
    curves(lab, "photos", **BOTH, points=4)
    curves(lab, "photos", source=TURNED.name, target=NOISY.name, points=4)
    curves(lab, "photos", **BOTH, by="classes")
    components(lab, "photos", NAMES, k=5)
    text = section(lab, tmp_path)
    for row in found.table.to_pylist():
        assert f">{row['cka']:.2f}<" in text.replace("−", "-")
    for part in ("Means over groups", "Identity pairs are left out", "How many samples are enough", "How many classes"):
        assert part in text
    assert text.count('class="lines"') == 5
    assert text.count('class="mosaic"') == 1
    assert text.count('class="line m1"') == 2
    assert "style=" not in text


def test_curves_that_other_labels_or_heads_judge_have_cards_of_their_own_that_say_so(
    lab: Store, tmp_path: Path
) -> None:
    colour = [{"row": row, "name": "colour", "value": ("red", "blue")[row % 2]} for row in range(600)]
    write_attributes(lab, "photos", pa.Table.from_pylist(colour, schema=ATTRIBUTES))
    colours = {"labels": "colour", "points": 3}
    curves(lab, "photos", **BOTH, points=3)
    curves(lab, "photos", **BOTH, **colours)
    curves(lab, "photos", source=TURNED.name, target=NOISY.name, **colours)
    curves(lab, "photos", **BOTH, **colours, head="zeroshot:everyday")
    curves(lab, "photos", **BOTH, points=3, head="none")
    curves(lab, "photos", **BOTH, **colours, head="none", by="classes")
    text = section(lab, tmp_path)
    cards = re.findall(r"<h3>How many (\w+) are enough <small>(.*?)</small>", text)
    judged = [(by, re.sub("<.*?>", "", title).partition("; ")[2]) for by, title in cards]
    assert judged == [
        ("samples", "head probe:label"),
        ("samples", "head probe:colour"),
        ("samples", "head zeroshot:everyday, labels colour"),
        ("samples", "no head"),
        ("classes", "no head, classes of colour"),
    ]
    assert text.count('<i class="swatch round m1"></i>') == 1, "one card holds both sources"


def test_each_pairs_shares_are_those_of_the_command_when_spaces_keep_different_numbers(
    lab: Store, tmp_path: Path
) -> None:
    asked = components(lab, "photos", NAMES[:3], k=8, p=2)
    found = components(lab, "photos", NAMES[:3], k=8)
    figure = component_figures(found.table, dataset="photos@1")
    assert [{name: row[name] for name in ("source", "target", "diag", "random")} for row in figure.rows] == (
        found.diagonals.to_pylist()
    )
    sizes = {(row["source"], row["target"]): row["size"] for row in figure.rows}
    assert (sizes[BASE.name, NOISY.name], sizes[NOISY.name, BASE.name]) == ((5, 8), (8, 5))
    assert (figure.drawn, figure.kept, str(figure.chart).count("<circle")) == (5, 8, 8)
    text = section(lab, tmp_path)
    assert "rows have length 1 over all components of the source. Spaces keep 5 to 8" in text
    for row in found.diagonals.to_pylist():
        assert f'<b>{words.number(row["diag"], 4)}</b></td><td class="n">{words.number(row["random"], 4)}<' in text
    assert asked.diagonals["diag"].to_pylist() != found.diagonals["diag"].to_pylist()
    assert "within 5 places of it, the default" in text, "whatever band was asked for: the answer holds none"


def test_only_the_newest_answer_about_the_reports_own_snapshot_counts(lab: Store, tmp_path: Path) -> None:
    pairs(lab, "photos", NAMES)
    pairs(lab, "photos", NAMES[:2], ridge=1.0)
    text = section(lab, tmp_path)
    assert text.count("Every ordered pair") == 1
    assert "timm:alien" not in text
    Planted(lab).images("photos", 5)
    score(lab, "photos", source=BASE.name, bank="everyday")
    assert section(lab, tmp_path) == ""


def test_unlabelled_images_leave_accuracies_out(store: Store, tmp_path: Path) -> None:
    plant(Planted(store), 300, labelled=False)
    align(store, "photos", **BOTH)
    add_bank(store, ["red", "blue"], space=NOISY)
    score(store, "photos", source=BASE.name, bank="everyday")
    pairs(store, "photos", NAMES[:3])
    curves(store, "photos", **BOTH, points=3)
    text = section(store, tmp_path)
    assert "Retained accuracy</figcaption>" not in text
    assert "Mean retained accuracy by source" not in text
    assert text.count('class="lines"') == 1


def test_cells_are_shaded_from_nothing_to_full() -> None:
    made = heat("R2", ("a", "b", "c"), np.array([[np.nan, 0.0, 0.5], [1.3, np.nan, -2.0], [0.06, 1.0, np.nan]]))
    shades = [[cell.shade for cell in row] for row in made.rows]
    assert shades == [["h0", "h0", "h4"], ["h9", "h0", "h0"], ["h1", "h9", "h0"]]


def test_a_mosaic_has_a_path_for_each_shade_and_sign() -> None:
    drawn = str(mosaic(np.array([[1.0, 0.0], [-1.0, 0.25]]), label="<b>"))
    assert 'class="h9" d="M0 0h1v1h-1z"' in drawn
    assert 'class="n9" d="M0 1h1v1h-1z"' in drawn
    assert 'class="h4" d="M1 1h1v1h-1z"' in drawn
    assert "<b>" not in drawn


def test_lines_of_one_point_equal_values_or_gaps_are_drawn() -> None:
    one = Line("a", "m0", np.array([100.0]), np.array([0.5]), np.array([0.5]), np.array([0.5]))
    assert 'class="dot m0"' in str(line_chart([one], label="x"))
    gap = Line("a", "m0", np.array([1.0, 10.0, 100.0]), np.array([0.1, np.nan, 0.3]))
    assert str(line_chart([gap], label="x")).count('class="dot m0"') == 2
    assert line_chart([Line("a", "m0", np.array([1.0]), np.array([np.nan]))], label="x") == ""


@pytest.mark.parametrize(("low", "high"), [(1, 4), (100, 5000), (90, 1_200_000), (37, 38), (580, 1281)])
def test_axes_have_a_few_round_ticks(low: float, high: float) -> None:
    drawn = str(line_chart([Line("a", "plain", np.array([low, high], float), np.array([0.1, 0.9]))], label="x"))
    below = re.findall(r'<text x="[\d.]+%" y="209"', drawn)
    assert 1 <= len(below) <= 6


def test_figures_hold_what_the_table_holds(lab: Store) -> None:
    found = pairs(lab, "photos", NAMES)
    made = pair_figures(found.table, dataset="photos@1")
    assert [one.title for one in made.heats] == ["Retained accuracy", "R² on images not fitted", "Linear CKA"]
    assert made.grouped == ()
    table = curves(lab, "photos", **BOTH, points=3).table
    curve = curve_figures(
        [(BASE.name, table), ("other", table)],
        target=NOISY.name,
        by="samples",
        dataset="photos@1",
        judged="head probe:label",
    )
    assert [len(curve.rows), curve.seeds, len(curve.charts)] == [6, 3, 2]
    parts = components(lab, "photos", NAMES[:2], k=3).table
    figure = component_figures(parts, dataset="photos@1", p=0)
    assert (figure.drawn, figure.kept) == (3, 3)
    assert isinstance(parts, pa.Table)
    assert [row["diag"] for row in figure.rows] == [pytest.approx(1, abs=1e-3)] * 2
