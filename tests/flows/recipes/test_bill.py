"""The bill of a recipe is arithmetic over its own numbers and measured rates; what was not measured says so."""

import json
from pathlib import Path

import numpy as np
import pytest

from t2c.flows.cli.app import run
from t2c.flows.laboratory.joint_plan import peak_bytes
from t2c.flows.recipes.bill import price
from t2c.flows.recipes.costs import Peak
from t2c.flows.recipes.rates import A100, Rate, check_writable, merged, read_rates, write_rates
from t2c.flows.recipes.view import human_download, human_hours
from t2c.schemas.errors import InputError, SpecError
from t2c.schemas.specs.recipe import RecipeSpec
from t2c.schemas.specs.yaml import parse_spec

RECIPE = """
about: a test
paper: section 3
datasets:
  photos: {about: a, get: b, path: photos, images: 36000, width: 500, height: 750}
  unread: {about: a, get: b, path: more, images: 5, width: 20, height: 10}
encoders:
  small: {title: Small, encoder: "demo:efficientnet-lite0-128", dimension: 1280}
  clip: {title: CLIP, encoder: "demo:clip", dimension: 128}
extract: [{dataset: photos}, {dataset: photos, encoders: [small]}]
score: {photos: 10}
"""
RATES = (
    Rate("1 core of Test", "demo:efficientnet-lite0-128", 1280, 128, 0.25, 100.0),
    Rate("1 core of Test", "decode", 0, 375, 0.0, 1000.0),
)


@pytest.fixture
def recipe() -> RecipeSpec:
    return parse_spec(RECIPE, RecipeSpec, subject="recipe.yaml")


def test_the_bill_adds_up(recipe: RecipeSpec) -> None:
    clip = Rate("1 core of Test", "demo:clip", 128, 96, 0.5, 200.0)
    bill = price(recipe, (*RATES, clip), cores=4)
    assert bill.images == 36000, "an image is decoded once for all encoders; a dataset nothing reads costs nothing"
    assert bill.decoded_bytes == 36000 * 500 * 750 * 3
    assert bill.feature_bytes == 36000 * (1280 + 128) * 2
    assert bill.similarity_bytes == 36000 * 10 * 17
    assert bill.peak is None, "no step sums joint moments, so nothing is said of their memory"
    assert bill.decode_hours == pytest.approx(0.02 / 4), "twice the pixels of the photograph that was measured"
    core, guess = bill.hours
    assert (core.device, guess.device) == ("1 core of Test", A100.name)
    assert core.hours == pytest.approx((0.1 + 0.05 + 0.02) / 4)
    forward = 36000 * (0.25 + 0.5) * 1e9 / (A100.share * A100.tflops * 1e12) / 3600
    assert guess.hours == pytest.approx(max(forward, 0.02 / 4))
    assert guess.estimated
    assert core.unmeasured == ()
    assert "not measured" in bill.assumptions[1]
    assert "25%" in bill.assumptions[1]


def test_an_encoder_nobody_measured_is_left_out_and_named(recipe: RecipeSpec) -> None:
    bill = price(recipe, RATES, cores=1)
    assert bill.hours[0].unmeasured == ("clip",)
    assert set(bill.lines[1].hours.values()) == {None}
    assert bill.hours[0].hours == pytest.approx(0.12)
    nothing = price(recipe, (), cores=1)
    assert [(one.device, one.hours) for one in nothing.hours] == [(A100.name, None)]
    assert nothing.decode_hours is None
    assert nothing.feature_bytes == bill.feature_bytes


def test_each_device_has_hours_of_its_own_and_a_measured_gpu_needs_no_estimate(recipe: RecipeSpec) -> None:
    gpu = [Rate("Test GPU", "demo:efficientnet-lite0-128", 1280, 128, 0.25, 2000.0)]
    gpu += [Rate("Test GPU", "demo:clip", 128, 96, 0.5, 100000.0)]
    core, card = price(recipe, (*gpu, *RATES), cores=4).hours
    assert (core.device, core.unmeasured, card.device, card.unmeasured) == ("1 core of Test", ("clip",), "Test GPU", ())
    assert core.hours == pytest.approx(0.12 / 4), "the GPU's rates are no rates of a core"
    assert card.hours == pytest.approx(36000 / 2000 / 3600 + 36000 / 100000 / 3600), "and no cores divide them"
    assert not card.estimated
    slow = price(recipe, (gpu[1], *RATES), cores=1).hours[1]
    assert (slow.hours, slow.unmeasured) == (pytest.approx(0.02), ("small",)), "decoding takes longer than the GPU"
    other = Rate("1 core of Other", "decode", 0, 375, 0.0, 500.0)
    assert [one.device for one in price(recipe, (other, *RATES), cores=1).hours] == ["1 core of Test", A100.name]


def test_a_dimension_that_was_measured_to_be_another_is_refused(recipe: RecipeSpec) -> None:
    text = RECIPE.replace("dimension: 1280", "dimension: 1279")
    with pytest.raises(SpecError, match=r"dimension of encoder small \(demo:.*\): expected 1280, but got 1279"):
        price(parse_spec(text, RecipeSpec, subject="recipe.yaml"), RATES, cores=1)


@pytest.mark.parametrize(
    ("step", "peak"),
    [
        ("pairs photos --encoder @all", peak_bytes(1408, 3, dtype=np.float64)),
        ("components photos --encoder @all", peak_bytes(1408, 1, dtype=np.float64)),
        ("curves photos --source @small --target @clip --holdout 0.25", peak_bytes(1408, 49, dtype=np.float32)),
    ],
)
def test_the_step_with_the_largest_moments_is_billed_by_the_plan_that_refuses(step: str, peak: int) -> None:
    less = "components photos --encoder @clip --encoder demo:other"
    text = f"{RECIPE}steps: [{{say: a, run: {less!r}}}, {{say: b, run: {step!r}}}]"
    found = price(parse_spec(text, RecipeSpec, subject="recipe.yaml"), RATES, cores=1).peak
    assert found == Peak(2, step.split(maxsplit=1)[0], peak)


def test_times_and_downloads_read_as_people_write_them() -> None:
    times = [None, 1e-6, 19 / 3600, 4.2 / 60, 5.6, 71.6, 240.0]
    assert [human_hours(one) for one in times] == ["-", "<0.1 s", "19 s", "4.2 min", "5.6 h", "72 h", "10 days"]
    assert [human_download(one) for one in (700, 144 * 10**9, 1_500_000)] == ["700 B", "144 GB", "1.5 MB"]


def test_rates_come_back_from_their_table_and_new_ones_replace_old(tmp_path: Path) -> None:
    write_rates(tmp_path / "rates.csv", RATES, about="made by hand\nfor a test")
    assert set(read_rates(tmp_path / "rates.csv")) == set(RATES)
    write_rates(tmp_path / "rates.csv", RATES, about="made again\nfor a test")
    comments = [line for line in (tmp_path / "rates.csv").read_text().splitlines() if line.startswith("#")]
    assert comments == ["# made by hand", "# for a test", "# made again"], "how older rows were measured stays known"
    faster = Rate("1 core of Test", "decode", 0, 375, 0.0, 2000.0)
    assert set(merged(RATES, [faster])) == {RATES[0], faster}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("encoder,rate\nx,1\n", "expected columns device,encoder,dimension"),
        ("device,encoder,dimension,size,gflops,images_per_second\na,b,c,1,1,1\n", "row 1: expected numbers"),
        ("device,encoder,dimension,size,gflops,images_per_second\na,b,1,1,1,0\n", "row 1: expected a rate above 0"),
    ],
)
def test_a_table_of_another_form_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "rates.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_rates(tmp_path / "rates.csv")
    with pytest.raises(InputError, match="expected a table that can be read"):
        read_rates(tmp_path)
    with pytest.raises(InputError, match=r"but got nothing there\. Make it: t2c plan RECIPE --measure all --rates"):
        read_rates(tmp_path / "none.csv")
    with pytest.raises(SpecError, match=r"--rates: expected a \.csv file"):
        write_rates(tmp_path / "rates.txt", RATES, about="")
    with pytest.raises(SpecError, match=r"--rates .*: expected a file in a folder, but got no folder .*none"):
        check_writable(tmp_path / "none" / "rates.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(SpecError, match="expected a file that can be written, but got one that cannot"):
        check_writable(tmp_path / "folder.csv")


def test_plan_measures_what_it_is_asked_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    rates = tmp_path / "rates.csv"
    rates.write_text("device,encoder,dimension,size,gflops,images_per_second\n")
    arguments = ["plan", str(tmp_path / "recipe.yaml"), "--measure", "clip", "--seconds", "0.05", "--cores", "3"]
    assert run([*arguments, "--rates", str(rates), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["bill"]["hours"][0]["unmeasured"] == ["small"]
    assert said["total"]["hours"][said["bill"]["hours"][0]["device"]] == said["bill"]["hours"][0]["hours"] > 0
    assert said["encoders"][0]["feature_bytes"] == 36000 * 1280 * 2, "machines get plain numbers"
    assert said["bill"]["lines"][1]["gflops"] > 0
    assert said["wrote"] == [str(rates)]
    assert {rate.encoder for rate in read_rates(rates)} == {"demo:clip", "decode"}
    assert "Measured by: t2c plan" in rates.read_text()
    assert run(["plan", str(tmp_path / "recipe.yaml"), "--rates", str(rates), "--cores", "3"]) == 0
    text = capsys.readouterr().out
    assert "left out of the hours, never measured on 1 core of" in text
    assert "download             200 MB, and what unread" not in text, "nobody downloads what nothing reads"
    assert f"next  t2c plan {tmp_path / 'recipe.yaml'} --measure small" in text
    assert run([*arguments[:3], "klip"]) == 1
    assert "encoder of the recipe: expected one of 'all', 'clip', 'small', but got 'klip'" in capsys.readouterr().err
    assert run([*arguments, "--rates", str(tmp_path / "none" / "rates.csv")]) == 2
    assert "expected a file in a folder, but got no folder" in capsys.readouterr().err


def test_a_measured_dimension_corrects_the_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE.replace("dimension: 128}", "dimension: 127}"))
    kept = tmp_path / "rates.csv"
    kept.write_text("device,encoder,dimension,size,gflops,images_per_second\n")
    words = ["--measure", "clip", "--seconds", "0.01", "--rates", str(kept)]
    assert run(["plan", str(tmp_path / "recipe.yaml"), *words]) == 2
    assert "dimension of encoder clip (demo:clip): expected 128, but got 127" in capsys.readouterr().err


def test_the_plan_says_what_has_no_hours_and_what_is_read_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = [
        "pairs photos --encoder @all --head zeroshot",
        "align photos --source @small --target @clip --method cross-entropy",
        "curves photos --source @small --target @clip",
        "decode photos classes",
        "score photos --source @small --concepts words",
        "suite . --target @clip",
    ]
    listed = "".join(f"  - {{say: a, run: {step!r}}}\n" for step in steps)
    banks = "banks: {words: {encoder: clip, concepts: {concepts: [red]}}}"
    text = RECIPE.replace("images: 36000", "download: 0.2 GB, images: 36000")
    (tmp_path / "recipe.yaml").write_text(f"{text}{banks}\nsteps:\n{listed}")
    assert run(["plan", str(tmp_path / "recipe.yaml"), "--cores", "3"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    kinds = "moments and solves, probes, SGD, similarities, texts of concepts, decoding of words, the suite"
    assert f"hours are without: {kinds}" in said
    assert "download 200 MB" in said
    assert "of these decoding" in said
    assert "pairs: the rows not fitted, once more: accuracies and mean cosine" in said
    assert "curves: the fitted rows of a probe's encoder, once more" in said, "pairs was given another head"
    assert "align: the fitted rows in every epoch: SGD and cross-entropy" in said
    assert "score: every row of the source, once: similarities" in said
