"""Every recipe that ships is valid, and its encoders exist under the names it gives them."""

from pathlib import Path

import pytest

from flows.recipes.rates import RATES, read_rates
from flows.recipes.run import commands
from schemas.recipe_specs import RecipeSpec, load_recipe

RECIPES = Path(__file__).parents[2] / "recipes"
GROUPS = {"Sup ResNets": 2, "Robust ResNets": 3, "Sup ViTs": 6, "SS ResNets": 4, "SS ViTs": 4, "CLIPs": 8}
"""Appendix C: 27 encoders in six groups, in the order of figures 3 and 10."""


@pytest.fixture(scope="module", params=sorted(path.name for path in RECIPES.glob("*.yaml")))
def recipe(request: pytest.FixtureRequest) -> RecipeSpec:
    return load_recipe(RECIPES / request.param)


def test_every_encoder_exists_under_its_name(recipe: RecipeSpec) -> None:
    from t2c_core.encoders.load import DEMO
    from t2c_core.encoders.open_clip_encoder import check_open_clip_name
    from t2c_core.encoders.timm_encoder import check_timm_name

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
    lines = commands(recipe, weights="weights", out="out", data=("data",))
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
