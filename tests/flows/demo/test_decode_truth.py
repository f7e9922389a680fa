"""Decoding tells the truth on the world of primitives: an encoder that never saw text says its own words back.

One small draw through both real encoders, and the numbers of the full size; half a minute, so all of it is under `slow`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from t2c.core.words.sparse_code import SparseDecoder
from t2c.core.words.vocabulary import VocabularyDecoder
from t2c.flows.concepts.banks import add_concepts
from t2c.flows.concepts.vocabularies import open_vocabulary
from t2c.flows.data.index import index
from t2c.flows.data.table_imports import import_attributes
from t2c.flows.decode.decode import DecodeReport, decode
from t2c.flows.decode.decoders import DecoderSpec
from t2c.flows.decode.images import DecodeImages, element_variance, open_decode_images
from t2c.flows.demo.plan import BANK, CONCEPTS, PLANTED, SOURCE, TARGET
from t2c.flows.features.extract import extract
from t2c.flows.maps.align import align
from t2c.flows.rows.features_of_rows import features_of
from t2c.flows.rows.labels import truth_of
from t2c.flows.world.world import VALUES, write_images
from t2c.schemas.specs.base import parse_encoder
from t2c.store.artifacts.images import open_images
from t2c.store.artifacts.linear_maps import list_maps
from t2c.store.disk.root import Store, open_store
from tests.planted.language import save_gpt2

pytestmark = pytest.mark.slow

PROBED = ("colour", "texture", "context")
"""Attributes whose 21 words a probe's classes must be called by."""
WORDS = sum(len(VALUES[name]) for name in PROBED)


@dataclass(frozen=True)
class World:
    """Two drawn sets, photos of even odds and later of the demo's planted mix, and the map fitted on the first."""

    store: Store


def draw_world(folder: Path, *, reference: int, second: int) -> World:
    """Draw both sets, extract both encoders, fit the map on the first, and add the demo's words."""
    store = open_store(folder / "store", create=True)
    encoders = [parse_encoder(SOURCE), parse_encoder(TARGET)]
    for name, count, seed, mix in (("photos", reference, 77, None), ("later", second, 78, PLANTED)):
        truth = write_images(folder / name, count, seed, mix=mix)
        parquet.write_table(truth, folder / f"{name}.parquet")
        index(store, folder / name, name)
        extract(store, name, encoders, device="cpu")
        import_attributes(store, name, folder / f"{name}.parquet")
    align(store, "photos", source=SOURCE, target=TARGET, holdout=0.2)
    add_concepts(store, BANK, CONCEPTS, encoder=TARGET, device="cpu")
    return World(store)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return draw_world(tmp_path_factory.mktemp("world"), reference=400, second=240)


@pytest.fixture(scope="module")
def full_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return draw_world(tmp_path_factory.mktemp("full"), reference=3_200, second=1_000)


def ask(world: World, what: str, **options: Any) -> DecodeReport:
    options = {"vocabulary": f"bank:{BANK}", "device": "cpu", **options}
    return decode(world.store, "photos", what, source=SOURCE, target=TARGET, **options)


def best(report: DecodeReport) -> Iterator[dict[str, Any]]:
    """Yield the row of each vector's best word."""
    yield from (row for row in report.table.to_pylist() if row["place"] == 1)


def probes(world: World) -> list[dict[str, Any]]:
    """Return the best word of each of the 21 classes of least-squares probes on raw features."""
    return [row for name in PROBED for row in best(ask(world, f"head:probe:{name}"))]


def test_probes_are_called_by_their_own_words_once_their_rows_are_rescaled(world: World) -> None:
    rows = probes(world)
    assert len(rows) == WORDS
    assert sum(row["word"] == row["vector"] for row in rows) >= 19
    assert sum(row["plain_word"] == row["vector"] for row in rows) < 12, "vectors far too short for the map's bias"


def test_the_probes_words_are_believed_and_the_ablation_is_told(world: World) -> None:
    rows = probes(world)
    for word, rank in (("word", "own_rank"), ("plain_word", "plain_rank")):
        assert [row[word] == row["vector"] for row in rows] == [row[rank] == 1 for row in rows]
    assert sum(row["below_floor"] == "" for row in rows) >= 18
    assert np.mean([row["auroc"] for row in rows]) > 0.9


def test_words_that_are_not_the_classs_own_are_mostly_below_the_floor(world: World) -> None:
    table = [row for name in ("colour", "context") for row in ask(world, f"head:probe:{name}").table.to_pylist()]
    others = [row for row in table if row["word"] != row["vector"]]
    assert np.mean([row["below_floor"] != "" for row in others]) > 0.8


@pytest.mark.parametrize("attribute", ["shape", "texture", "context"])
def test_class_means_are_called_by_their_own_words(world: World, attribute: str) -> None:
    rows = list(best(ask(world, f"classes:{attribute}")))
    assert [row["word"] for row in rows] == [row["vector"] for row in rows] == sorted(VALUES[attribute])


def test_the_planted_shift_is_named_risen_and_fallen_apart(world: World) -> None:
    rows = ask(world, "shift:later", decoder=DecoderSpec(k=3)).table.to_pylist()
    risen, fallen = ([row for row in rows if row["vector"] == name] for name in ("risen", "fallen"))
    assert risen[0]["word"] == "indoors"
    assert risen[0]["below_floor"] == ""
    assert "red" in {row["word"] for row in risen}
    assert "on grass" in {row["word"] for row in fallen}
    assert not {row["word"] for row in risen} & {row["word"] for row in fallen}


def test_parts_of_one_set_have_not_changed(world: World) -> None:
    reports = [ask(world, "shift", where=f"row % {parts} = 0") for parts in (2, 3, 4, 5, 6, 7)]
    believed = sum(report.believed for report in reports)
    assert believed <= 2, "of 12 best words; each comparison is allowed one in twenty"


@pytest.mark.parametrize(("decoder", "least"), [("rescore", 7), ("zerocap", 4)])
def test_a_language_model_led_by_the_clip_says_colours_once_the_mean_image_is_gone(
    world: World, tmp_path: Path, decoder: str, least: int
) -> None:
    model = str(save_gpt2(tmp_path / "model"))
    settings = {"candidates": "40", "beams": "3"}
    right = []
    for raw in (False, True):
        spec = DecoderSpec(decoder, k=2, model=model, settings=settings, raw=raw)
        rows = list(best(ask(world, "classes:colour", decoder=spec)))
        assert all(-1 <= row["cosine"] <= 1 and row["word_rank"] >= 1 for row in rows)
        right.append(sum(row["word"] == row["vector"] for row in rows))
    assert right[0] >= least, "of the nine colours that this tiny model can write"
    assert right[0] > right[1], "one hub word is nearest to all means as they lie"


def unseen(world: World) -> tuple[DecodeImages, np.ndarray, dict[str, list[str | None]]]:
    """Return the second set, its aligned features less the first set's mean, and what each image shows."""
    linear_map = next(iter(list_maps(world.store)))
    opened = []
    for name in ("photos", "later"):
        images = open_images(world.store, name)
        opened.append(open_decode_images(images, features_of(images, SOURCE), linear_map))
    here, later = opened
    mean = here.means(np.zeros(len(here.usable), int), groups=1).aligned[0]
    arrays = linear_map.arrays()
    aligned = later.features.take(later.rows).astype(np.float64) @ arrays.weight + arrays.bias
    return later, aligned - mean, {name: truth_of(later.images, name, mapping={}) for name in VALUES}


def recalls(world: World) -> dict[str, float]:
    """Return, for each attribute, the share of unseen images whose value is among the six words of their sparse code."""
    later, centred, truth = unseen(world)
    words = open_vocabulary(world.store, f"bank:{BANK}", target=later.linear_map.target)
    said = SparseDecoder(words.vocabulary, 6).decode(centred)
    found = [{word.text for word in answer.words} for answer in said]
    return {
        name: float(np.mean([truth[name][row] in texts for row, texts in zip(later.rows, found, strict=True)]))
        for name in VALUES
    }


def test_sparse_codes_of_unseen_images_hold_what_they_show(world: World) -> None:
    recall = recalls(world)
    assert np.mean([recall[name] for name in PROBED]) >= 0.85, recall


def sgd_named(world: World, *, rate: float, rescale: bool) -> int:
    """Return how many of the 21 classes of probes trained by one epoch of SGD are called by their own word."""
    from sklearn.linear_model import SGDClassifier

    linear_map = next(iter(list_maps(world.store)))
    images = open_images(world.store, "photos")
    here = open_decode_images(images, features_of(images, SOURCE), linear_map)
    x = here.features.take(here.rows).astype(np.float64)
    mean = here.means(np.zeros(len(here.usable), int), groups=1).aligned[0]
    words = open_vocabulary(world.store, f"bank:{BANK}", target=linear_map.target)
    arrays, decoder, hits = linear_map.arrays(), VocabularyDecoder(words.vocabulary, 1), 0
    for name in PROBED:
        truth = np.array(truth_of(images, name, mapping={}))[here.rows]
        steps = {"learning_rate": "constant", "eta0": rate, "max_iter": 1, "tol": None}
        probe = SGDClassifier(loss="log_loss", random_state=0, **steps).fit(x, truth)
        scale = np.sqrt(element_variance(here) / probe.coef_.var()) if rescale else 1.0
        said = decoder.decode(probe.coef_ * scale @ arrays.weight + arrays.bias - mean)
        hits += sum(answer.words[0].text == value for answer, value in zip(said, probe.classes_, strict=True))
    return hits


def test_the_full_world_in_words(full_world: World) -> None:
    rows = probes(full_world)
    recall = recalls(full_world)
    assert sum(row["word"] == row["vector"] for row in rows) >= 20, rows
    assert sum(row["plain_word"] == row["vector"] for row in rows) < 12
    assert np.mean([recall[name] for name in PROBED]) >= 0.95, recall
    risen = next(best(ask(full_world, "shift:later")))
    assert (risen["word"], risen["below_floor"]) == ("indoors", "")


@pytest.mark.parametrize(("rate", "least"), [(1e-7, 12), (1e-4, 19), (1e-2, 19)])
def test_probes_trained_by_descent_vary_and_rescaling_never_costs_a_word(
    full_world: World, rate: float, least: int
) -> None:
    rescaled, plain = (sgd_named(full_world, rate=rate, rescale=rescale) for rescale in (True, False))
    assert rescaled >= max(plain, least), f"{rescaled} and {plain} of {WORDS}"


def test_colours_are_found_among_every_english_word_that_the_clip_reads(full_world: World) -> None:
    rows = list(best(ask(full_world, "classes:colour", vocabulary="english")))
    assert sum(row["own_rank"] <= 2 for row in rows) >= 9, "gray is grey as well"
