"""A head becomes a bank: its classes and groups of them, its own background where it is known, and no other word."""

import json
from pathlib import Path

import numpy as np
import pytest

from t2c.core.encoders.load import load_encoder
from t2c.core.statistics.unit_rows import unit
from t2c.flows.cli.app import run
from t2c.flows.concepts.banks import add_concepts
from t2c.flows.concepts.from_head import BACKGROUNDS, from_head
from t2c.flows.concepts.head_groups import imagenet_groups
from t2c.flows.scores.ask import top
from t2c.flows.scores.score import score
from t2c.schemas.errors import CorruptError, InputError, MismatchError, SpecError, UnknownName
from t2c.schemas.specs.base import parse_encoder
from t2c.store.artifacts.bank_background import parse_background, read_background
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.disk.root import Store
from tests.planted.features import SOURCE, Planted
from tests.planted.heads import LITE0, tiny_model

CLASSES = ("cat", "dog", "ship")


@pytest.fixture
def thousand(tmp_path: Path) -> str:
    """A small model with a head of ImageNet's 1,000 classes."""
    return tiny_model(tmp_path / "thousand.safetensors", classes=1000)


@pytest.fixture
def imported(planted: Planted, tmp_path: Path) -> dict[str, Path]:
    """The weight of a head over the planted source features, and the names of its classes."""
    planted.dataset("photos", 200)
    np.save(tmp_path / "head.npy", np.random.default_rng(3).normal(size=(3, SOURCE.dimension)).astype(np.float32))
    (tmp_path / "classes.txt").write_text("".join(f"{name}\n" for name in CLASSES))
    return {"weights": tmp_path / "head.npy", "classes": tmp_path / "classes.txt"}


def test_classes_and_groups_lie_in_the_encoders_own_space(store: Store, thousand: str) -> None:
    report = from_head(store, "words", encoder=thousand)
    assert (report.classes, len(report.groups), report.new, report.background) == (1000, 50, True, "")
    encoder = load_encoder(parse_encoder(thousand), device="cpu")
    bank, groups = open_concepts(store, "words"), imagenet_groups()
    assert bank.space == encoder.space
    np.testing.assert_allclose(bank.vectors()[:1000], unit(encoder.head().weight), atol=1e-6)
    table = bank.table(["concept", "prompts", "averaging", "kind"]).to_pylist()
    tench, dog = table[0], table[bank.key_of("dog")]
    assert tench == {
        "concept": "tench",
        "prompts": ["tench", "Tinca tinca"],
        "averaging": "row of a head",
        "kind": "class",
    }
    assert (dog["kind"], dog["averaging"], dog["prompts"][0], len(dog["prompts"])) == (
        "group",
        "mean of classes",
        "Chihuahua",
        118,
    )
    assert bank.groups() == {1000 + place: members for place, members in enumerate(groups.values())}
    assert bank.singles().tolist() == [True] * 1000 + [False] * 50
    assert read_background(bank) is None


def test_the_same_head_again_does_nothing_and_another_is_refused(store: Store, thousand: str, tmp_path: Path) -> None:
    first = from_head(store, "words", encoder=thousand)
    again = from_head(store, "words", encoder=thousand)
    assert (again.new, again.snapshot) == (False, first.snapshot)
    other = tiny_model(tmp_path / "other.safetensors", classes=1000, seed=1)
    with pytest.raises(MismatchError, match=r"concept bank words: expected the 1,050 classes and groups of this head"):
        from_head(store, "words", encoder=other)


def test_another_word_gets_the_nearest_names_and_the_ways_to_a_clip(store: Store, thousand: str) -> None:
    from_head(store, "words", encoder=thousand)
    bank = open_concepts(store, "words")
    with pytest.raises(
        UnknownName, match=r"but got 'doggo'. Did you mean 'dog' .* alone. Any other word needs a CLIP: t2c"
    ):
        bank.key_of("doggo")
    with pytest.raises(UnknownName, match=r"It is a name of 'cougar'\. Bank words holds the classes of timm:test_vit"):
        bank.key_of("Puma")
    with pytest.raises(
        SpecError, match=r"text encoder of bank words: expected a CLIP, but got the head of timm:.*reads no"
    ):
        add_concepts(store, "words", ["umbrella hat"])


def test_a_bank_of_texts_has_no_groups(planted: Planted) -> None:
    planted.bank()
    bank = open_concepts(planted.store, "everyday")
    assert (bank.of_head, bank.groups(), bank.singles().tolist()) == (False, {}, [True] * 3)
    with pytest.raises(UnknownName, match=r"Add it: t2c concepts add everyday FILE, then t2c score"):
        bank.key_of("green")


def test_an_imported_head_scores_imported_features(planted: Planted, imported: dict[str, Path]) -> None:
    report = from_head(planted.store, "words", encoder=SOURCE.name, **imported)
    assert (report.classes, report.groups) == (3, ())
    score(planted.store, "photos", source=SOURCE.name, bank="words")
    cosine = unit(planted.x(200)) @ unit(np.load(imported["weights"]).astype(np.float64)).T
    for place, name in enumerate(CLASSES):
        rows = top(planted.store, "photos", name, k=5)["row"].to_pylist()
        assert rows == np.argsort(-cosine[:, place])[:5].tolist()


def test_what_an_imported_head_lacks_is_named(planted: Planted, imported: dict[str, Path], tmp_path: Path) -> None:
    store = planted.store
    with pytest.raises(
        SpecError, match=r"classes of .*head.npy: expected a file that names them in order, but got none"
    ):
        from_head(store, "words", encoder=SOURCE.name, weights=imported["weights"])
    with pytest.raises(
        UnknownName, match=r"features by encoder: expected one of .*but got 'mine'. Import them: t2c feat"
    ):
        from_head(store, "words", encoder="mine", **imported)
    np.save(tmp_path / "wide.npy", np.ones((3, 7), np.float32))
    with pytest.raises(MismatchError, match=r"head .*wide.npy: expected 6 numbers a class, as .* but got 7"):
        from_head(store, "words", encoder=SOURCE.name, **imported | {"weights": tmp_path / "wide.npy"})
    np.save(tmp_path / "zero.npy", np.diag([1.0, 0, 1]).repeat(2, axis=1))
    with pytest.raises(InputError, match=r"weights of class 1: expected finite, not all 0, but got length 0"):
        from_head(store, "words", encoder=SOURCE.name, **imported | {"weights": tmp_path / "zero.npy"})


def test_a_model_that_names_no_classes_takes_them_from_a_file(
    store: Store, imported: dict[str, Path], tmp_path: Path
) -> None:
    three = tiny_model(tmp_path / "three.safetensors", classes=3)
    with pytest.raises(SpecError, match=r"expected names of its 3 classes, which the model does not say, but got none"):
        from_head(store, "three", encoder=three)
    assert from_head(store, "three", encoder=three, classes=imported["classes"]).groups == ()
    assert open_concepts(store, "three").names() == list(CLASSES)


def test_a_model_without_a_head_and_imported_features_without_weights_are_refused(store: Store) -> None:
    with pytest.raises(
        SpecError, match=r"classifier of demo:clip: expected a linear head over its features, but got none"
    ):
        from_head(store, "words", encoder="demo:clip")
    with pytest.raises(
        SpecError, match=r"classifier of mine: expected an encoder that this project runs, but got import"
    ):
        from_head(store, "words", encoder="mine")


def test_lite0_brings_its_background_and_its_small_variant_none(store: Store) -> None:
    assert from_head(store, "words", encoder=LITE0).background.startswith("1,000 photographs, one of each class")
    bank = open_concepts(store, "words")
    background = read_background(bank)
    assert background is not None
    assert (background.n, background.mean.shape, background.covariance.shape) == (1000, (1000,), (1000, 1000))
    np.testing.assert_array_equal(background.covariance, background.covariance.T)
    values = np.linalg.eigvalsh(background.covariance)
    assert values[0] > -1e-6 * values[-1], "a covariance"
    assert abs(background.mean.sum()) < 1e-5, "centred: similarities to all classes add up to nothing"
    assert from_head(store, "small", encoder=f"{LITE0}-128").background == ""
    assert read_background(open_concepts(store, "small")) is None


def test_a_background_is_kept_whole() -> None:
    data = BACKGROUNDS[0].read_bytes()
    assert len(data) < 2.1e6
    for wrong in (data[:1000], b"", b"PK\x03\x04" + bytes(100)):
        with pytest.raises(CorruptError, match=r"it: expected a bank's background, but got"):
            parse_background(wrong, subject="it")


def test_the_commands_say_what_they_made(
    planted: Planted, thousand: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def call(*arguments: str) -> dict:
        assert run([*arguments, "--json", "--store", planted.store.url]) == 0
        return json.loads(capsys.readouterr().out)

    shown = call("heads", "show", thousand, "-o", str(tmp_path / "classes.txt"))
    assert shown["classes"][0] == {"class": 0, "name": "tench", "synset": "n01440764", "lemmas": "tench, Tinca tinca"}
    names = (tmp_path / "classes.txt").read_text().splitlines()
    assert names == [row["name"] for row in shown["classes"]]
    made = call("concepts", "from-head", "words", "--encoder", thousand)
    assert (made["report"]["classes"], made["groups"][0]) == (1000, "dog")
    kinds = [row["kind"] for row in call("concepts", "list", "words")["concepts"]]
    assert (kinds.count("class"), kinds.count("group")) == (1000, 50)
