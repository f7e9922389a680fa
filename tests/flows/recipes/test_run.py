"""A recipe runs as the commands it names: once, from any step, and what is missing is said before any work."""

import json
from pathlib import Path

import pytest

from t2c.flows.cli.app import run
from t2c.flows.engine import memory as plan
from t2c.flows.engine.memory import human_bytes
from t2c.flows.recipes.bill import price
from t2c.flows.recipes.missing import check_ready, missing_weights
from t2c.flows.world.world import write_images
from t2c.schemas.errors import InputError, WeightsMissing
from t2c.schemas.specs.recipe import RecipeSpec, load_recipe
from t2c.schemas.specs.yaml import parse_spec
from t2c.store.artifacts.dataset_tables import read_attributes
from t2c.store.disk.root import open_store

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
  - {say: Fit the map, run: "align world --source @lite --target @clip --ridge 100 --folds 2"}
  - {say: Score, run: "score world --source @lite --concepts words"}
  - {say: Describe, run: "summary world"}
"""
FITTED = ["--ridge", "100", "--folds", "2"]
SECOND = "  - {say: Describe, run: 'summary world'}\n"
PAIRS = "  - {say: Pairs, run: 'pairs world --encoder @all --head none'}\n"


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
    assert steps[0]["command"] == [
        "align",
        "world",
        "--source",
        "demo:efficientnet-lite0-128",
        "--target",
        "demo:clip",
        *FITTED,
    ]
    assert {row["concept"] for row in steps[2]["said"]["concepts"]} == {"red", "blue"}
    attributes = read_attributes(open_store(tmp_path / "store"), "rival10")
    assert attributes.num_rows == 2 * 18
    assert run(arguments) == 0
    text = capsys.readouterr().out
    assert f"3/3  Describe\n$ t2c summary world --store {tmp_path / 'store'}\n" in text
    assert steps[0]["said"]["report"]["map"] in text, "the second run finds the same map"


def test_what_is_missing_is_said_before_any_work(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["run", str(recipe), "--data", str(tmp_path), "--store", str(tmp_path / "store")]) == 1
    said = capsys.readouterr().err
    assert "none for world (world; from draw it); rival10 (RIVAL10; from its site). Name it: --data DIR" in said
    assert not (tmp_path / "store").exists()


def test_a_folder_that_is_no_store_is_refused_after_the_rest(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    arguments = ["run", str(recipe), "--data", str(tmp_path), "--store", str(tmp_path)]
    assert run(arguments) == 1
    assert "data of the recipe" in capsys.readouterr().err
    request.getfixturevalue("rival10")
    (tmp_path / "world").mkdir()
    assert run(arguments) == 1
    assert "expected a store or an empty folder, but got a folder that holds something else" in capsys.readouterr().err


def test_everything_that_is_missing_is_named_at_once_and_no_store_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    moco = 'moco: {title: M, encoder: "timm:resnet5O?layout=moco", dimension: 2048,'
    moco += " checkpoint: {name: moco.pth, url: 'https://example.org/moco', tensors: encoder_q}}"
    text = RECIPE.replace(
        "encoders:\n",
        f'encoders:\n  {moco}\n  rn: {{title: C, encoder: "open_clip:RN50/opanai", dimension: 9}}\n  r18: {{title: R, encoder: "timm:resnet18.tv_in1k", dimension: 512}}\n',
    )
    text = text.replace("demo:efficientnet-lite0-128", "demo:efficientnet-lite7")
    text = text.replace("extract: [{dataset: world}]", "extract: [{dataset: world, encoders: [lite]}]")
    text += "  - {say: Suite, run: 'suite @data/suite --target @clip'}\n"
    text += "  - {say: Words, run: 'decode world classes --decoder zerocap --model no/such-model'}\n"
    (tmp_path / "recipe.yaml").write_text(text)
    store = tmp_path / "store"
    command = ["run", str(tmp_path / "recipe.yaml"), "--store", str(store)]
    named = ["--data", str(tmp_path / "gone"), "--weights", str(tmp_path)]
    for arguments, count in (([*command, *named], 9), ([*command, *named, "--dry-run"], 7)):
        assert run(arguments) == 1
        said = capsys.readouterr().err
        assert f"recipe: expected everything that it needs, but got {count} things missing" in said
        assert f"- --data {tmp_path / 'gone'}: expected a folder that holds datasets of the recipe" in said
        assert "- data of the recipe: expected a folder for each of world, rival10" in said
        assert "no moco.pth (from https://example.org/moco)" in said
        assert "- timm model: expected one of" in said
        assert "Did you mean 'resnet50'" in said
        assert "- pretrained weights of open_clip:RN50: expected one of" in said
        assert "Did you mean 'openai'" in said
        assert "- demo encoder: expected one of" in said
        assert f"- suite folder {tmp_path / 'gone' / 'suite'}: expected a folder, but got nothing" in said
        here = "--dry-run" not in arguments
        assert ("- language model no/such-model: expected a folder, a .gguf file, a model in" in said) == here
        assert ("- weights of timm:resnet18.tv_in1k: expected a file in the local cache or a network" in said) == here
    assert run([*command, "--dry-run"]) == 1, "names of models are checked whatever was named"
    said = capsys.readouterr().err
    assert "moco.pth" not in said
    assert "but got 3 things missing" in said
    assert not store.exists()


def test_a_dry_run_says_what_is_not_on_this_machine_and_goes_on(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    text = RECIPE.replace('"demo:efficientnet-lite0-128"', '"open_clip:RN50/openai"')
    recipe.write_text(text + "  - {say: Words, run: 'decode world classes --decoder rescore'}\n")
    assert run(["run", str(recipe), "--dry-run", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [line.partition(": expected")[0] for line in said["absent"]] == [
        "weights of open_clip:RN50/openai",
        "language model gpt2-medium",
    ]
    assert run(["run", str(recipe), "--dry-run"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "without: weights of open_clip:RN50/openai, language model gpt2-medium next" in shown


def test_a_table_of_attributes_and_files_of_the_suite_are_part_of_the_data(tmp_path: Path) -> None:
    (tmp_path / "world").mkdir()
    text = RECIPE.replace("path: world,", "path: world, attributes: world.parquet,")
    text = text[: text.index("  rival10:")] + text[text.index("encoders:") :]
    text += "  - {say: Suite, run: 'suite @data/. --target @clip --task color'}\n"
    text += (
        "  - {say: Table 2, run: \"objectives world --source @lite --target @clip --related 'suite-color:label=a {}'"
    )
    text += " --related 'suite-in9:label=b {}'\"}\n"
    with pytest.raises(InputError, match=r"2 things missing") as error:
        check_ready(parse_spec(text, RecipeSpec, subject="recipe.yaml"), data=[str(tmp_path)])
    said = str(error.value)
    assert f"- attributes of world: expected the table {tmp_path / 'world.parquet'}, but got nothing there" in said
    assert "- step 5 (objectives): expected the files of suite-color, suite-in9, but got none of suite-in9" in said


def test_a_dry_run_prints_the_commands(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = tmp_path / "my store"
    assert run(["run", str(recipe), "--dry-run", "--store", str(store)]) == 0
    text = capsys.readouterr().out
    align = f"t2c align world --source demo:efficientnet-lite0-128 --target demo:clip {' '.join(FITTED)}"
    assert f"# 1  Fit the map\n{align} --store '{store}'\n" in text, "pasted, it works on this store"
    assert "index    rival10: 4 images in RIVAL10 (rival10)" in text
    assert "score: every row of the source, once: similarities" in text
    assert "not checked: the data: --data DIR\n" in text, "no encoder has a checkpoint"
    assert f"next  t2c run {recipe} --data DIR --store '{store}'" in text
    assert not store.exists()


@pytest.mark.usefixtures("rival10")
def test_a_dry_run_checks_the_data_that_is_named_and_says_the_whole_next_line(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", str(recipe), "--dry-run", "--store", str(tmp_path / "s")]
    assert run([*command, "--data", str(tmp_path)]) == 1
    assert "none for world (world; from draw it). Name it" in capsys.readouterr().err
    (tmp_path / "world").mkdir()
    options = ["--data", str(tmp_path), "--weights", "w", "--out", "results", "--from", "3"]
    assert run([*command, *options, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["next"] == f"t2c run {recipe} {' '.join(options)} --store {tmp_path / 's'}"
    assert said["commands"][2] == ["summary", "world", "--store", str(tmp_path / "s")]
    assert said["again"] == [{"commands": ["score"], "what": "every row of the source, once: similarities"}]


@pytest.mark.usefixtures("rival10")
def test_results_go_to_a_folder_that_is_made(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_images(tmp_path / "world", 40, seed=3)
    text = RECIPE.replace("summary world", "sql 'select 1 as one' -o @out/one.csv")
    recipe.write_text(text)
    store = str(tmp_path / "store")
    arguments = ["run", str(recipe), "--data", str(tmp_path), "--store", store, "--device", "cpu", "--out"]
    for more in ([], ["--dry-run"]):
        assert run([*arguments, str(recipe / "results"), *more]) == 2
        said = capsys.readouterr().err
        assert (
            f"--out {recipe / 'results'}: expected a folder, there or to be made, but got {recipe}, which is a" in said
        )
    assert not Path(store).exists()
    assert run([*arguments, str(tmp_path / "new" / "results")]) == 0
    assert (tmp_path / "new" / "results" / "one.csv").is_file()


@pytest.mark.usefixtures("rival10")
def test_a_step_that_fails_is_named_and_can_be_passed(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path / "world", 40, seed=3)
    store = str(tmp_path / "store")
    recipe.write_text(RECIPE.replace("summary world", "top world purple --source @lite") + SECOND)
    arguments = ["run", str(recipe), "--data", str(tmp_path), "--store", store, "--device", "cpu"]
    assert run(arguments) == 1
    said = capsys.readouterr().err
    assert f"step 3 (t2c top world purple --source demo:efficientnet-lite0-128 --store {store}): concept" in said
    assert "What was done is kept. Go on at this step with --from 3, or after it with --from 4" in said
    assert run([*arguments, "--from", "4", "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)["details"]["steps"]
    assert [step["say"] for step in steps] == ["Describe"]
    assert run([*arguments, "--from", "5"]) == 2
    assert "--from: expected a step, 1 to 4, but got 5. See them: --dry-run" in capsys.readouterr().err


@pytest.mark.usefixtures("rival10")
def test_the_bill_of_pairs_is_the_memory_that_the_step_asks_for(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(tmp_path / "world", 40, seed=3)
    recipe.write_text(RECIPE + PAIRS)
    arguments = ["run", str(recipe), "--data", str(tmp_path), "--store", str(tmp_path / "store"), "--device", "cpu"]
    assert run([*arguments, "--json"]) == 0
    capsys.readouterr()
    bill = price(load_recipe(recipe), [], cores=1)
    assert bill.peak is not None
    monkeypatch.setattr(plan, "available_bytes", lambda: 1000)
    assert run(["pairs", "world", "--encoder", "demo:efficientnet-lite0-128", "--encoder", "demo:clip", "--seed", "7",
                "--store", str(tmp_path / "store")]) == 1  # fmt: skip
    said = capsys.readouterr().err
    assert f"memory for joint moments: expected {human_bytes(bill.peak.bytes)} free, but got 1000 bytes" in said


def test_checkpoints_that_are_not_there_are_named_with_their_address(tmp_path: Path) -> None:
    paper: RecipeSpec = load_recipe(Path(__file__).parents[3] / "recipes" / "paper.yaml")
    (error,) = missing_weights(paper, str(tmp_path))
    assert isinstance(error, WeightsMissing)
    assert "expected 9 files, but got no resnet50_l2_eps0.25.ckpt (from https" in str(error)
