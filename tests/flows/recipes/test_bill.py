"""The bill of a recipe is arithmetic over its own numbers and measured rates; what was not measured says so."""

import json
from pathlib import Path

import pytest

from flows.cli.app import run
from flows.recipes.bill import price
from flows.recipes.rates import A100, Rate, merged, read_rates, write_rates
from schemas.errors import InputError, SpecError
from schemas.recipe_specs import RecipeSpec
from schemas.yaml_specs import parse_spec

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
    assert bill.gram_bytes == 8 * 1408**2
    assert bill.decode_hours == pytest.approx(0.02 / 4), "twice the pixels of the photograph that was measured"
    assert bill.cpu_hours == pytest.approx((0.1 + 0.05 + 0.02) / 4)
    forward = 36000 * (0.25 + 0.5) * 1e9 / (A100.share * A100.tflops * 1e12) / 3600
    assert bill.gpu_hours == pytest.approx(max(forward, 0.02 / 4))
    assert bill.unmeasured == ()
    assert "not measured" in bill.assumptions[1]
    assert "25%" in bill.assumptions[1]


def test_an_encoder_nobody_measured_is_left_out_and_named(recipe: RecipeSpec) -> None:
    bill = price(recipe, RATES, cores=1)
    assert bill.unmeasured == ("clip",)
    assert (bill.lines[1].cpu_hours, bill.lines[1].gpu_hours) == (None, None)
    assert bill.cpu_hours == pytest.approx(0.12)
    nothing = price(recipe, (), cores=1)
    assert (nothing.cpu_hours, nothing.gpu_hours, nothing.decode_hours) == (None, None, None)
    assert nothing.feature_bytes == bill.feature_bytes


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
        read_rates(tmp_path / "none.csv")
    with pytest.raises(SpecError, match=r"--rates: expected a \.csv file"):
        write_rates(tmp_path / "rates.txt", RATES, about="")


def test_plan_measures_what_it_is_asked_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    rates = tmp_path / "rates.csv"
    rates.write_text("device,encoder,dimension,size,gflops,images_per_second\n")
    arguments = ["plan", str(tmp_path / "recipe.yaml"), "--measure", "clip", "--seconds", "0.05", "--cores", "3"]
    assert run([*arguments, "--rates", str(rates), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["bill"]["unmeasured"] == ["small"]
    assert said["bill"]["lines"][1]["gflops"] > 0
    assert said["wrote"] == [str(rates)]
    assert {rate.encoder for rate in read_rates(rates)} == {"demo:clip", "decode"}
    assert "Measured by: t2c plan" in rates.read_text()
    assert run(["plan", str(tmp_path / "recipe.yaml"), "--rates", str(rates), "--cores", "3"]) == 0
    text = capsys.readouterr().out
    assert "left out of the hours, never measured: small" in text
    assert f"next  t2c plan {tmp_path / 'recipe.yaml'} --measure small" in text
    assert run([*arguments[:3], "klip"]) == 1
    assert "encoder of the recipe: expected one of 'all', 'clip', 'small', but got 'klip'" in capsys.readouterr().err
