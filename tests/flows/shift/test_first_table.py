"""What changed first: families of concepts by the images in which they stand out, on planted mixes and on real vectors."""

import json
from pathlib import Path

import numpy as np
import pytest

import t2c
from t2c.schemas.errors import UnknownName
from t2c.store.artifacts.answers import list_answers
from t2c.store.disk.root import Store, open_store
from t2c.verbs import Store as Handle
from tests.assets import assets
from tests.planted.heads import pacs_by_words_of_a_head

WORDS, WIDTH = 120, 64


def planted(folder: Path, *, sides: dict[str, np.ndarray], words: int = WORDS) -> Handle:
    """A store with a dataset for each side; `sides` gives the word (by number) that each image shows."""
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(words, WIDTH))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.save(folder / "words.npy", vectors.astype(np.float32))
    (folder / "words.txt").write_text("\n".join(f"word {word}" for word in range(words)))
    store = t2c.open(open_store(folder / "store", create=True).url)
    for name, shown in sides.items():
        values = vectors[shown] + rng.normal(scale=0.09, size=(len(shown), WIDTH))
        np.save(folder / "x.npy", values.astype(np.float32))
        (folder / "ids.txt").write_text("\n".join(f"{name}/{row}" for row in range(len(shown))))
        store.import_features(name, folder / "x.npy", encoder="clip", ids=folder / "ids.txt", space="s", unknown="add")
    store.import_concepts("bank", folder / "words.npy", names=folder / "words.txt", space="s")
    for name in sides:
        store.score(name, source="clip", bank="bank")
    return store


def mixed(seed: int, images: int, *, without: int | None = None) -> np.ndarray:
    """The word of each image, drawn alike of all but one."""
    words = np.array([word for word in range(WORDS) if word != without])
    return np.random.default_rng(seed).choice(words, size=images)


def test_a_word_that_vanishes_leads_and_another_half_is_a_pass(tmp_path: Path) -> None:
    store = planted(
        tmp_path, sides={"before": mixed(1, 3000), "after": mixed(2, 3000, without=7), "same": mixed(3, 3000)}
    )
    report = store.shift("before", "after")
    (fallen,) = report.first.with_verdict("fallen")
    assert (fallen["name"], fallen["rank"], fallen["best"]) == ("word 7", 1, "word 7")
    assert report.first.lenses == ("within", "at large")
    share = float(np.mean(mixed(1, 3000) == 7))
    for lens in ("within", "at_large"):
        before, after = fallen[f"share_before_{lens}"], fallen[f"share_after_{lens}"]
        assert after < 0.002
        assert abs(before - share) < 3 * (share / 3000) ** 0.5 + 0.002  # noise moves a few images to other words
        assert fallen[f"low_{lens}"] < after - before < fallen[f"high_{lens}"] < 0
    assert report.verdict.word == "changed"
    assert "1 family has fallen (word 7)" in report.verdict.why
    quiet = store.shift("before", "same")
    assert not quiet.first.with_verdict("risen") + quiet.first.with_verdict("fallen")
    again = store.shift("before", "after")
    assert again.first.table.equals(report.first.table)
    kinds = {kind: len(list_answers(open_store(store.url), kind)) for kind in ("standards", "prominence", "ranking")}
    assert kinds == {"standards": 1, "prominence": 3, "ranking": 2}


def test_what_is_stored_takes_at_most_8_bytes_an_image(tmp_path: Path) -> None:
    store = planted(tmp_path, sides={"before": mixed(1, 5000), "after": mixed(2, 5000)})
    store.shift("before", "after")
    files = [list_answers(open_store(store.url), "prominence")[0].files[0]]
    assert sum(entry.size for entry in files) <= 8 * 5000


def test_a_small_bank_has_no_first_table_and_says_why_until_a_larger_one_stands_beside_it(tmp_path: Path) -> None:
    store = planted(tmp_path, sides={"before": mixed(1, 600), "after": mixed(2, 600, without=3)})
    np.save(tmp_path / "few.npy", np.load(tmp_path / "words.npy")[:10])
    (tmp_path / "few.txt").write_text("\n".join(f"few {word}" for word in range(10)))
    store.import_concepts("few", tmp_path / "few.npy", names=tmp_path / "few.txt", space="s")
    store.score("before", source="clip", bank="few")
    store.score("after", source="clip", bank="few")
    report = store.shift("before", "after", bank="few")
    names = set(report.first.table["name"].to_pylist())
    assert names == {f"few {word}" for word in range(10)}, "words of the larger bank stand out, but are not shown"
    with pytest.raises(UnknownName, match="--vocabulary: expected a bank that before is scored with"):
        store.shift("before", "after", bank="few", vocabulary="nothing")


def test_the_json_has_the_ranking(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from t2c.flows.cli.app import app

    store = planted(tmp_path, sides={"before": mixed(1, 800), "after": mixed(2, 800, without=7)})
    done = CliRunner().invoke(app, ["shift", "before", "after", "--json", "--store", store.url])
    body = json.loads(done.output)
    first = body["ranking"][0]
    assert {"name", "family", "q", "share_before_within", "share_after_at_large", "low_within"} <= first.keys()
    assert body["verdict"]["word"] in ("changed", "pass")
    assert body["standing"]["map"].startswith("identity-")


@pytest.mark.assets
def test_pets_to_caltech_says_dogs_and_cats_fell_and_vehicles_rose(tmp_path: Path) -> None:
    folder = assets("clip-vit-b32")
    store = t2c.open(open_store(tmp_path / "store", create=True).url)
    for name in ("oxford_pets", "caltech101", "dtd"):
        values = np.load(folder / f"{name}-features.npy")
        np.save(tmp_path / "x.npy", values.astype(np.float32))
        (tmp_path / "ids.txt").write_text("\n".join(f"{name}/{row}" for row in range(len(values))))
        store.import_features(name, tmp_path / "x.npy", encoder="c", ids=tmp_path / "ids.txt", space="c", unknown="add")
    words = np.load(folder / "lvis-text.npy").astype(np.float32)
    np.save(tmp_path / "w.npy", words / np.linalg.norm(words, axis=1, keepdims=True))
    (tmp_path / "w.txt").write_text("\n".join(json.loads((folder / "lvis-names.json").read_text())))
    store.import_concepts("lvis", tmp_path / "w.npy", names=tmp_path / "w.txt", space="c")
    for name in ("oxford_pets", "caltech101", "dtd"):
        store.score(name, source="c", bank="lvis")
    first = store.shift("oxford_pets", "caltech101", background="dtd", near_copies="off").first
    fallen, risen = (first.with_verdict(verdict)[:5] for verdict in ("fallen", "risen"))
    pets = {"dog", "cat", "puppy", "kitten", "shepherd_dog", "dog_collar", "pet"}
    assert [row["name"] for row in fallen[:2]] == ["dog", "cat"]
    assert len(pets & {name for row in fallen for name in row["family"]}) >= 3
    vehicles = {"airplane", "motorcycle", "bicycle", "car_(automobile)", "motor_vehicle", "helicopter"}
    assert sum(bool(vehicles & set(row["family"])) for row in risen) >= 3


@pytest.mark.assets
@pytest.mark.slow
def test_photographs_to_sketches_by_the_words_of_a_head(store: Store) -> None:
    pacs_by_words_of_a_head(store)
    first = t2c.open(store.url).shift("photo", "sketch").first
    fallen, risen = (
        [name for row in first.with_verdict(verdict)[:3] for name in row["family"]] for verdict in ("fallen", "risen")
    )
    assert any("guitar" in name or "elephant" in name or name == "tusker" for name in fallen)
    assert set(risen) & {"nematode", "envelope", "hook"}
    counts = [len(first.with_verdict(verdict)) for verdict in ("fallen", "risen")]
    assert min(counts) >= sum(counts) / 5
