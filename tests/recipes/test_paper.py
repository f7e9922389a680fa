"""Every recipe that ships is valid, and its encoders exist under the names it gives them."""

import re
from pathlib import Path

import pytest
from PIL import Image

from t2c.flows.data.index import index
from t2c.flows.recipes.rates import RATES, read_rates
from t2c.flows.recipes.steps import read_steps
from t2c.flows.suite.datasets import dataset_of
from t2c.flows.suite.tasks import PAPER
from t2c.schemas.specs.recipe import RecipeSpec, load_recipe
from t2c.store.artifacts.images import open_images
from t2c.store.disk.root import open_store
from t2c.store.queries.where import where_mask

RECIPES = Path(__file__).parents[2] / "recipes"
GROUPS = {"Sup ResNets": 2, "Robust ResNets": 3, "Sup ViTs": 6, "SS ResNets": 4, "SS ViTs": 4, "CLIPs": 8}
"""Appendix C: 27 encoders in six groups, in the order of figures 3 and 10."""


@pytest.fixture(scope="module", params=sorted(path.name for path in RECIPES.glob("*.yaml")))
def recipe(request: pytest.FixtureRequest) -> RecipeSpec:
    return load_recipe(RECIPES / request.param)


def test_every_encoder_exists_under_its_name(recipe: RecipeSpec) -> None:
    from t2c.core.encoders.load import DEMO
    from t2c.core.encoders.open_clip_encoder import check_open_clip_name
    from t2c.core.encoders.timm_encoder import check_timm_name

    for encoder in recipe.encoders.values():
        spec = encoder.spec("weights")
        if spec.library == "timm":
            check_timm_name(spec)
        elif spec.library == "open_clip":
            assert check_open_clip_name(spec)
        else:
            assert spec.model in DEMO


def test_what_no_hub_carries_says_where_and_how_it_lies(recipe: RecipeSpec) -> None:
    for encoder in recipe.encoders.values():
        if encoder.checkpoint is not None:
            assert encoder.checkpoint.url.startswith("https://")
            assert encoder.spec("weights").layout
            assert len(encoder.checkpoint.tensors) > 30


def test_every_step_is_a_command_with_options_that_it_has(recipe: RecipeSpec) -> None:
    lines = [step.words for step in read_steps(recipe, weights="weights", out="out", data=("data",))]
    assert len(lines) == len(recipe.steps) > 0
    assert not [word for line in lines for word in line if word.startswith("@")]


def test_the_paper_has_its_27_encoders_in_six_groups() -> None:
    recipe = load_recipe(RECIPES / "paper.yaml")
    assert {name: len(keys) for name, keys in recipe.groups().items()} == GROUPS
    assert list(recipe.groups()) == list(GROUPS), "the order of the paper's figures"
    assert len({one.text("w") for one in recipe.encoders.values()}) == 27
    assert sum(one.checkpoint is not None for one in recipe.encoders.values()) == 9


def test_every_encoder_of_every_recipe_has_a_measured_rate_and_its_true_dimension(recipe: RecipeSpec) -> None:
    known = {rate.key for rate in read_rates()}
    assert {(one.encoder, one.dimension) for one in recipe.encoders.values()} <= known
    comments = [line for line in RATES.read_text().splitlines() if line.startswith("#")]
    assert any("t2c plan recipes/paper.yaml --measure all" in line for line in comments)


def options(recipe: RecipeSpec, command: str) -> list[dict[str, list[str]]]:
    """Return the options of every step of a command, in order: name to values."""
    found: list[dict[str, list[str]]] = []
    for words in (step.words for step in read_steps(recipe, weights="weights", out="out", data=("data",))):
        if words[0] == command:
            pairs = [(words[at], words[at + 1]) for at in range(len(words) - 1) if words[at].startswith("--")]
            found.append({name: [value for key, value in pairs if key == name] for name, _ in pairs})
    return found


def test_figure_14_has_its_five_groups() -> None:
    recipe = load_recipe(RECIPES / "paper.yaml")
    shown = [set(one["--encoder"]) for one in options(recipe, "components")]
    openai = {one.text("weights") for one in recipe.encoders.values() if one.encoder.endswith("/openai")}
    assert len(openai) == 4
    groups = {name: {recipe.encoders[key].text("weights") for key in keys} for name, keys in recipe.groups().items()}
    assert shown == [openai, *(groups[name] for name in ("SS ResNets", "SS ViTs", "Sup ResNets", "Sup ViTs"))]


def test_the_validation_images_judge_and_are_never_fitted(tmp_path: Path) -> None:
    recipe = load_recipe(RECIPES / "paper.yaml")
    judged = [*options(recipe, "pairs"), *options(recipe, "curves")]
    conditions = {condition for one in judged for condition in one.pop("--held-out-where")}
    assert len(judged) == 7
    assert len(conditions) == 1
    assert not any("--holdout" in one for one in judged)
    for place, name in enumerate(("train/n01440764/a", "train/n01443537/val", "val/n01440764/b", "val/n01443537/c")):
        file = tmp_path / "ILSVRC2012" / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (60 * place, 0, 0)).save(file)
    store = open_store(tmp_path / "store", create=True)
    index(store, tmp_path / "ILSVRC2012", "imagenet")
    images = open_images(store, "imagenet")
    held = where_mask(images, conditions.pop())
    found = zip(images.table(["label"])["label"].to_pylist(), held.tolist(), strict=True)
    ids = ("n01440764", "n01443537")
    assert sorted(found) == [(one, apart) for one in ids for apart in (False, True)], "each class on both sides"


def test_table_2_judges_every_task_that_the_paper_counts() -> None:
    (table,) = options(load_recipe(RECIPES / "zero-shot.yaml"), "objectives")
    assert len(table["--source"]) == 4
    for option, related, count in (("--related", True, 8), ("--unrelated", False, 5)):
        tasks = [task for task in PAPER if task.related is related]
        named = {f"{dataset_of(task.reader)}:{task.name if task.grouping else 'label'}={task.prompt}" for task in tasks}
        assert set(table[option]) == named
        assert len(table[option]) == count


def test_heads_are_decoded_as_published_and_centred_beside_it() -> None:
    steps = [step.words for step in load_recipe(RECIPES / "concept-to-text.yaml").steps]
    decoded = [words for words in steps if words[0] == "decode"]
    centred, published = decoded[:3], decoded[3:]
    assert not any("--raw" in words for words in centred)
    assert [tuple(word for word in words if word != "--raw")[:-1] for words in published] == [w[:-1] for w in centred]
    assert all("--raw" in words and "gpt2-medium" in words for words in published), "last, so that people judge these"
    assert len({words[-1] for words in decoded}) == 6
    assert steps[-1][0] == "study"


def test_the_bottleneck_is_explained_with_the_papers_shares_too() -> None:
    bottleneck = [step.words[1:] for step in load_recipe(RECIPES / "rival10.yaml").steps if step.words[0] == "cbm"]
    assert [words[0] for words in bottleneck] == ["fit", "explain", "explain", "errors"]
    assert ["--raw" in words for words in bottleneck[1:3]] == [True, False]


def test_maps_are_fitted_on_training_images_or_the_price_is_said(recipe: RecipeSpec) -> None:
    fitted = {step.words[1] for step in recipe.steps if step.words[0] in ("align", "objectives", "pairs", "curves")}
    if "imagenet-val" in fitted:
        assert any("times fewer than the training images" in note for note in recipe.notes)
    else:
        assert fitted <= {"imagenet-train", "imagenet", "world"}


def test_each_query_stands_beside_one_prompt() -> None:
    recipe = load_recipe(RECIPES / "retrieval.yaml")
    steps = [step.words for step in recipe.steps]
    searched = [(words[2], words[4]) for words in steps if words[0] == "find"]
    asked = [(words[2], words[5]) for words in steps if words[0] == "prompt"]
    assert len(searched) == 3
    assert asked == searched, "the same three queries of the same encoders"
    prompts = {words[3] for words in steps if words[0] == "prompt"}
    assert prompts == set(recipe.banks["logic"].concepts.prompts)


def test_the_overlap_with_objectnet_is_on_both_sides_and_no_class_is_split_by() -> None:
    from timm.data import ImageNetInfo

    recipe = load_recipe(RECIPES / "objectnet.yaml")
    everything, overlap = options(recipe, "shift")
    (page,) = options(recipe, "report")
    for one in (everything, overlap, page):
        assert one["--classes"] == ["none"], "ids on one side, names on the other"
    assert "--where" not in everything
    assert overlap["--where"] == ["attribute('imagenet') = 'yes'"]
    ids = re.findall(r"'(n\d{8})'", overlap["--reference-where"][0])
    known = ImageNetInfo()
    assert len(set(ids)) == len(ids) == 125
    assert set(ids) <= set(known.label_names())
    first, last = (known.label_name_to_description(name, detailed=False) for name in (ids[0], ids[-1]))
    assert first.startswith("analog clock")
    assert last.startswith("toilet tissue")


@pytest.mark.parametrize(
    ("name", "encoders"), [("objectnet", ("resnet50",)), ("rival10", ("resnet50", "clip-vit-b16"))]
)
def test_an_encoder_reads_a_dataset_where_a_step_needs_it(name: str, encoders: tuple[str, ...]) -> None:
    recipe = load_recipe(RECIPES / f"{name}.yaml")
    (one,) = (one for one in recipe.extract if one.dataset == name)
    assert recipe.extracted(one) == encoders
    measured = {step.words[1] for step in recipe.steps if step.words[0] == "trust"}
    assert ("clip-vit-b16" in encoders) == (name in measured), "only transport reads the CLIP's own features"
