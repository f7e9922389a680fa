"""A recipe runs as the commands it names: on data that is there, once, and what is missing is said before any work."""

import json
from pathlib import Path

import pytest

from flows.cli.app import run
from flows.demo.world import write_images
from flows.recipes.run import check_command, check_weights
from schemas.errors import SpecError, WeightsMissing
from schemas.recipe_specs import RecipeSpec, load_recipe
from store.attributes import read_attributes
from store.root import open_store

RECIPE = """
about: a test
paper: section 3
datasets:
  world: {about: primitives, get: draw it, path: world, images: 40, width: 128, height: 128}
  rival10: {about: RIVAL10, get: its site, path: RIVAL10, reader: rival10, images: 4, width: 48, height: 40, part: test}
encoders:
  lite: {title: Lite0, encoder: "demo:efficientnet-lite0-128", dimension: 1280}
  clip: {title: CLIP, encoder: "demo:clip", dimension: 128}
extract: [{dataset: world}]
banks: {words: {encoder: clip, concepts: {concepts: [red, blue]}}}
steps:
  - {say: Fit the map, run: "align world --source @lite --target @clip"}
  - {say: Score, run: "score world --source @lite --concepts words"}
  - {say: Describe, run: "summary world"}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path / "recipe.yaml"


@pytest.mark.usefixtures("rival10")
def test_a_recipe_runs_once(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_images(tmp_path / "world", 40, seed=3)
    arguments = ["run", str(recipe), "--data", str(tmp_path), "--store", str(tmp_path / "store"), "--device", "cpu"]
    assert run([*arguments, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["report"] == {"datasets": 2, "encoders": 2, "steps": 3}
    steps = said["details"]["steps"]
    assert [step["exit_code"] for step in steps] == [0, 0, 0]
    assert steps[0]["command"] == ["align", "world", "--source", "demo:efficientnet-lite0-128", "--target", "demo:clip"]
    assert {row["concept"] for row in steps[2]["said"]["concepts"]} == {"red", "blue"}
    attributes = read_attributes(open_store(tmp_path / "store"), "rival10")
    assert attributes.num_rows == 2 * 18
    assert run(arguments) == 0
    text = capsys.readouterr().out
    assert "$ t2c summary world" in text
    assert steps[0]["said"]["report"]["map"] in text, "the second run finds the same map"


def test_what_is_missing_is_said_before_any_work(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["run", str(recipe), "--data", str(tmp_path), "--store", str(tmp_path / "store")]) == 1
    said = capsys.readouterr().err
    assert "none for world (world; from draw it); rival10 (RIVAL10; from its site). Name it: --data DIR" in said


def test_a_dry_run_prints_the_commands(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["run", str(recipe), "--dry-run", "--store", str(tmp_path / "store")]) == 0
    text = capsys.readouterr().out
    assert "t2c align world --source demo:efficientnet-lite0-128 --target demo:clip" in text
    assert "index    rival10: 4 images in RIVAL10 (rival10)" in text
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["alignn", "world"], r"but got .*'alignn'.*'align'"),
        (["align", "world", "--sauce", "x"], r"No such option.*--sauce"),
        (["align"], r"Missing argument 'DATASET'"),
        (["concepts"], r"a command of t2c with its options"),
        (["concepts", "ad", "x"], r"No such command 'ad'"),
    ],
)
def test_a_step_that_is_no_command_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        check_command(words)


def test_checkpoints_that_are_not_there_are_named_with_their_address(tmp_path: Path) -> None:
    paper: RecipeSpec = load_recipe(Path(__file__).parents[3] / "recipes" / "paper.yaml")
    with pytest.raises(WeightsMissing, match=r"expected 9 files, but got no resnet50_l2_eps0\.25\.ckpt \(from https"):
        check_weights(paper, str(tmp_path))
