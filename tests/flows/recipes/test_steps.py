"""A step is a command of t2c with options that it has, on datasets and banks that are there when its turn comes."""

import pytest

from t2c.flows.recipes.steps import read_command, read_steps
from t2c.schemas.errors import SpecError
from t2c.schemas.specs.recipe import RecipeSpec
from t2c.schemas.specs.yaml import parse_spec

RECIPE = """
about: a test
paper: section 3
datasets:
  rival10: {about: a, get: b, path: photos, images: 36, width: 50, height: 75}
encoders:
  lite: {title: Small, encoder: "demo:efficientnet-lite0-128", dimension: 1280}
  clip: {title: CLIP, encoder: "demo:clip", dimension: 128}
extract: [{dataset: rival10}]
banks: {words: {encoder: clip, concepts: {concepts: [red]}}}
"""


def recipe(*steps: str) -> RecipeSpec:
    listed = "".join(f"\n  - {{say: a, run: {step!r}}}" for step in steps)
    return parse_spec(f"{RECIPE}steps:{listed}\n", RecipeSpec, subject="recipe.yaml")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["alignn", "world"], r"but got .*'alignn'.*'align'"),
        (["align", "world", "--sauce", "x"], r"No such option.*--sauce"),
        (["align"], r"Missing argument 'DATASET'"),
        (["concepts"], r"a command of t2c with its options"),
        (["concepts", "ad", "x"], r"No such command 'ad'"),
        (["align", "world", "--help"], r"a command of t2c with its options, but got no command"),
    ],
)
def test_a_step_that_is_no_command_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        read_command(words)


def test_a_command_is_read_with_its_defaults() -> None:
    found = read_command(["concepts", "carry", "words", "--dataset", "a b", "--target", "demo:clip"])
    assert (found.name, found.options["bank"], found.options["name"]) == ("concepts carry", "words", None)
    assert found.line == "concepts carry words --dataset 'a b' --target demo:clip"


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("score rival11 --source @lite --concepts words", r"step 1 \(score rival11.*expected a dataset of .* \(rival10\), but got 'rival11'\. Did you mean 'rival10'"),
        ("score rival10 --source @lite --concepts wordz", r"a bank of the recipe .* \(words\), but got 'wordz'\. Did you"),
        ("shift rival10 rival1O", r"but got 'rival1O'\. Did you mean 'rival10'"),
        ("suite . --target @clip --align-on other", r"but got 'other'\. Add it to the recipe's datasets"),
        ("pairs rival10 --encoder @all --head @clip=zeroshot:wurds", r"a bank of .*'wurds'"),
        ("curves rival10 --source @lite --target @clip --head zeroshot:wurds", r"a bank of .*'wurds'"),
        ("decode rival10 concepts:wurds", r"a bank of .*'wurds'"),
        ("decode rival10 shift:newer", r"a dataset of .*'newer'"),
        ("decode rival10 classes --vocabulary bank:wurds", r"a bank of .*'wurds'"),
        ("objectives rival10 --source @lite --target @clip --related 'suite-in9:label=a {}'", r"'suite-in9'"),
        ("run recipe.yaml", r"step 1 \(run recipe\.yaml\): expected a command that does one thing, but got 'run'"),
    ],
)  # fmt: skip
def test_a_name_that_is_not_there_is_refused(step: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        read_steps(recipe(step))


def test_what_earlier_steps_make_is_there_for_later_ones_alone() -> None:
    makes = "concepts carry words --dataset rival10 --target @lite --name carried"
    uses = "score rival10@2 --source @lite --concepts carried"
    index, suite = "index photos --name newer", "suite . --target @clip"
    related = "objectives newer --source @lite --target @clip --related 'suite-in9:label=a {}'"
    found = read_steps(recipe(makes, uses, index, suite, related, "summary newer"))
    assert [one.name for one in found] == ["concepts carry", "score", "index", "suite", "objectives", "summary"]
    with pytest.raises(SpecError, match=r"step 1 .*but got 'carried'"):
        read_steps(recipe(uses, makes))


def test_add_and_import_make_their_banks() -> None:
    steps = ["concepts add a words.txt --encoder @clip", "concepts import b v.npy n.txt --space s"]
    assert len(read_steps(recipe(*steps, "concepts list a", "concepts list b"))) == 4
