"""A recipe is checked before it is priced or run: every key, group and file it names is there, in the project's grammar."""

from pathlib import Path

import pytest

from t2c.schemas.errors import SpecError
from t2c.schemas.specs.recipe import RecipeSpec, load_recipe
from t2c.schemas.specs.yaml import parse_spec

RECIPE = """
about: a test
paper: section 3
datasets: {photos: {about: a, get: b, path: photos, images: 100, width: 20, height: 10}}
encoders:
  small: {title: Small, group: Nets, encoder: "demo:efficientnet-lite0-128", dimension: 1280}
  moco:
    {title: MoCo, group: Nets, encoder: "timm:resnet50?layout=moco", dimension: 2048,
     checkpoint: {name: moco.pth.tar, url: "https://example.org", tensors: encoder_q}}
  clip: {title: CLIP, group: CLIPs, encoder: "demo:clip", dimension: 128}
extract: [{dataset: photos}, {dataset: photos, encoders: [small]}]
steps: [{say: pairs, run: "pairs photos --encoder @group:Nets --target @clip -o @out/x.html --text '{}'"}]
"""


def parse(text: str = RECIPE) -> RecipeSpec:
    return parse_spec(text, RecipeSpec, subject="recipe.yaml")


def test_a_command_is_filled_in() -> None:
    recipe = parse()
    nets = ["--encoder", "demo:efficientnet-lite0-128", "--encoder", "timm:resnet50@/w/moco.pth.tar?layout=moco"]
    found = recipe.command(recipe.steps[0], weights="/w", out="/o")
    assert found == ["pairs", "photos", *nets, "--target", "demo:clip", "-o", "/o/x.html", "--text", "{}"]
    assert recipe.groups() == {"Nets": ("small", "moco"), "CLIPs": ("clip",)}
    assert recipe.extracted(recipe.extract[0]) == ("small", "moco", "clip")
    assert recipe.encoders["moco"].spec("w").layout == "moco"


def test_all_repeats_the_option_for_every_encoder() -> None:
    recipe = parse(RECIPE.replace("@group:Nets", "@all"))
    assert recipe.command(recipe.steps[0], weights="/w").count("--encoder") == 3


def test_groups_and_values_and_data_are_filled_in() -> None:
    words = "--group @groups --head '@group:CLIPs=zeroshot' --is @clip=Nets --at @data/suite --at @data/."
    recipe = parse(RECIPE.replace("--encoder @group:Nets", words).replace('"pairs', '"pairs'))
    found = recipe.command(recipe.steps[0], weights="w", out="o", data="/d")
    small, moco = "demo:efficientnet-lite0-128", "timm:resnet50@w/moco.pth.tar?layout=moco"
    assert found[2:6] == ["--group", f"Nets={small},{moco}", "--group", "CLIPs=demo:clip"]
    assert found[6:14] == ["--head", "demo:clip=zeroshot", "--is", "demo:clip=Nets", "--at", "/d/suite", "--at", "/d"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("@group:Nets", "@group:Net", r"group in .*: expected one of Nets, CLIPs, but got 'Net'\. Did you mean 'Nets'"),
        ("@clip", "@klip", r"encoder in .*: expected one of small, moco, clip, but got 'klip'"),
        ("encoders: [small]", "encoders: [smal]", r"encoder of extract: expected one of .*, but got 'smal'"),
        ("[{dataset: photos}, ", "[{dataset: pictures}, ", r"dataset of extract: expected one of photos"),
        ("checkpoint: {name", "chekpoint: {name", r"'chekpoint'. Did you mean 'checkpoint'"),
        ("resnet50?layout=moco", "resnet50@f.pth?layout=moco", r"encoder MoCo: expected its file under `checkpoint`"),
        ("layout=moco", "layout=mocca", r"layout of timm:resnet50@FILE: expected robustness, moco"),
        ("images: 100", "images: 0", r"datasets\.photos\.images: expected greater than 0|greater than 0"),
        (
            "images: 100",
            "download: 144GB, images: 100",
            r"download: expected a size such as 144 GB .*, but got '144GB'",
        ),
        (
            "images: 100",
            "download: -1 GB, images: 100",
            r"download: expected a size .*, but got '-1 GB'\. Units: B, kB",
        ),
        ("  small:", "  all:", r"key of an encoder: expected letters, digits, '-' and '\.', and not 'all'"),
    ],
)
def test_a_mistake_is_named(old: str, new: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse(RECIPE.replace(old, new))


def test_a_download_is_a_size_in_bytes() -> None:
    sizes = ["144 GB", "1.5 GiB", "700 B"]
    found = [parse(RECIPE.replace("images:", f"download: {size}, images:")).datasets["photos"] for size in sizes]
    assert [one.download_bytes for one in found] == [144 * 10**9, 3 * 2**29, 700]
    assert parse().datasets["photos"].download_bytes is None


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ("pairs 'photos", r"step: expected a command whose quotes are closed, but got .* \(no closing quotation\)\."),
        ("  ", r"step: expected a command without `t2c`, but got nothing\. Try: summary DATASET"),
    ],
)
def test_a_step_that_no_shell_could_read_is_refused(run: str, message: str) -> None:
    text = RECIPE[: RECIPE.index("steps:")]
    with pytest.raises(SpecError, match=message):
        parse(f'{text}steps: [{{say: a, run: "{run}"}}]')


def test_a_group_of_a_recipe_without_groups_is_refused_in_words() -> None:
    text = RECIPE.replace("group: Nets, ", "").replace("group: CLIPs, ", "")
    with pytest.raises(
        SpecError, match=r"expected a group, which no encoder of the recipe has, but got 'Nets'\. Add `gro"
    ):
        parse(text)


def test_a_layout_needs_the_file_that_has_it() -> None:
    text = RECIPE.replace('"demo:efficientnet-lite0-128"', '"timm:resnet50?layout=dino"')
    with pytest.raises(SpecError, match="encoder Small: expected the file that has this layout under `checkpoint`"):
        parse(text)


def test_a_file_that_is_not_there_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"expected a readable YAML file.*See one: recipes/paper\.yaml"):
        load_recipe(tmp_path / "recipe.yaml")
