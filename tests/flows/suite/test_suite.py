"""Models times tasks: counted beside the CLIP and chance, killed and resumed, and nothing that is there done again."""

import re
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from t2c.core.statistics.proportions import wilson
from t2c.flows.data.index import index
from t2c.flows.suite import drawn
from t2c.flows.suite.datasets import default_pictures
from t2c.flows.suite.suite import SuiteReport, suite
from t2c.flows.suite.tasks import TASKS as TASKS_BY_NAME
from t2c.schemas.errors import InputError, MismatchError, SpecError, UnknownName
from t2c.schemas.tables.answers.suite import SUITE
from t2c.store.artifacts.answers import list_answers
from t2c.store.artifacts.dataset_tables import read_attributes
from t2c.store.artifacts.linear_maps import list_maps
from t2c.store.disk import paths
from t2c.store.disk.manifest import snapshots
from t2c.store.disk.root import Store
from t2c.store.queries.user_sql import run_user_sql
from tests.planted.encoders import FakeEncoder
from tests.planted.layouts import picture, write_breeds
from tests.planted.photos import fill
from tests.planted.suite import CLIP, MODELS, CountingEncoder, flat, plant_bank, plant_banks, write_suite

TASKS = ("mnist", "color", "shape")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_suite(tmp_path / "data")


@pytest.fixture
def ready(store: Store, tmp_path: Path) -> Store:
    """A store with 60 photos to align on, and class vectors of the fake CLIP."""
    index(store, str(fill(tmp_path / "photos", 60)), "photos")
    plant_banks(store)
    CountingEncoder.seen.clear()
    return store


def run(store: Store, data: Path, **options: object) -> SuiteReport:
    chosen = {"models": MODELS, "target": CLIP, "tasks": TASKS, "align_on": "photos", "workers": 1, **options}
    return suite(store, data, **chosen)  # type: ignore[arg-type]


def test_every_model_meets_every_task_beside_the_clip_and_chance(ready: Store, data: Path) -> None:
    report = run(ready, data, models=(*MODELS, CLIP))
    rows = report.table.to_pylist()
    assert report.table.schema.equals(SUITE)
    names = [one.name for one in (*MODELS, CLIP)]
    assert [(row["task"], row["model"]) for row in rows] == [
        (task, name) for task in ("mnist", "color", "shape") for name in names
    ]
    for row in rows:
        assert (row["low"], row["high"]) == wilson(row["correct"], row["n"])
        assert row["accuracy"] == row["correct"] / row["n"]
        assert row["chance"] == 1 / row["classes"]
        assert row["clip_low"] <= row["clip_accuracy"] <= row["clip_high"]
        if row["model"] == CLIP.name:
            assert (row["map"], row["aligner"], row["accuracy"]) == ("identity", "none", row["clip_accuracy"])
    clip = {row["task"]: row for row in rows if row["model"] == CLIP.name}
    assert {task: row["n"] for task, row in clip.items()} == {"mnist": 30, "color": 11, "shape": 15}
    assert all(row["accuracy"] > 0.9 for row in clip.values())
    assert all(row["accuracy"] > 2 * row["chance"] for row in rows)
    assert report.headline == (
        f"zero-shot suite: 2 models at 3 tasks; as accurate as {CLIP.name} itself, or more, in "
        f"{sum(row['accuracy'] >= row['clip_accuracy'] for row in rows if row['model'] != CLIP.name)} of 6"
    )


def test_a_second_run_encodes_nothing_and_computes_nothing(ready: Store, data: Path) -> None:
    first = run(ready, data)
    assert first.new
    assert (first.computed, set(first.indexed)) == (6, {"suite-mnist", "suite-color", "suite-shape"})
    assert len(first.extracted) == 9
    CountingEncoder.seen.clear()
    answers, files = len(list_answers(ready, "zeroshot")), {f: f.stat().st_mtime_ns for f in pictures(ready)}
    again = run(ready, data)
    assert not again.new
    assert CountingEncoder.seen.total() == 0
    assert again.table.equals(first.table)
    assert len(list_answers(ready, "zeroshot")) == answers
    assert {f: f.stat().st_mtime_ns for f in pictures(ready)} == files


def pictures(store: Store) -> list[Path]:
    return sorted(default_pictures(store).iterdir())


def test_a_further_model_costs_its_own_forward_passes_only(ready: Store, data: Path) -> None:
    run(ready, data, models=MODELS[:1])
    CountingEncoder.seen.clear()
    report = run(ready, data)
    assert report.computed == 3
    assert set(CountingEncoder.seen) == {MODELS[1].name}
    assert {encoder for _, encoder in report.extracted} == {MODELS[1].name}


def test_a_further_task_costs_its_own_pictures_only(ready: Store, data: Path) -> None:
    run(ready, data, tasks=("mnist", "color"))
    CountingEncoder.seen.clear()
    report = run(ready, data)
    assert (report.computed, report.indexed) == (2, ("suite-shape",))
    assert {dataset for dataset, _ in report.extracted} == {"suite-shape"}


class DyingEncoder(CountingEncoder):
    """The first model, killed when it comes to swatches of one colour: the second task."""

    def encode(self, batch):
        if (batch.float().flatten(2).std(2) == 0).all() and len(batch) > 0 and batch.float().mean() != 0:
            raise KeyboardInterrupt
        return super().encode(batch)


def test_a_killed_run_goes_on_where_it_was(ready: Store, data: Path) -> None:
    whole = run(ready, data).table  # what an undisturbed run gives
    other = fresh(ready, data)
    with pytest.raises(KeyboardInterrupt):
        run(other, data, models=(DyingEncoder(seed=1, dimension=32), MODELS[1]))
    assert len(list_answers(other, "suite")) == 2
    CountingEncoder.seen.clear()
    report = run(other, data)
    assert report.computed == 4
    assert {dataset for dataset, _ in report.extracted} == {"suite-color", "suite-shape"}
    assert report.table.equals(whole)


def fresh(store: Store, data: Path) -> Store:
    """Return another store with the same photos and class vectors."""
    from t2c.store.disk.root import open_store

    made = open_store(data.parent / "other", create=True)
    index(made, str(data.parent / "photos"), "photos")
    plant_banks(made)
    return made


def test_without_align_on_the_store_s_own_map_is_used(ready: Store, data: Path) -> None:
    want = (
        f"linear map of {MODELS[0].name}: expected a map to {CLIP.name}, but got none. Add --align-on DATASET, or fit"
    )
    with pytest.raises(UnknownName, match=re.escape(want)):
        run(ready, data, align_on=None)
    first = run(ready, data)
    again = run(ready, data, align_on=None)
    assert (again.new, again.table.equals(first.table)) == (False, True)


def test_a_map_named_by_digest_takes_part(ready: Store, data: Path) -> None:
    run(ready, data, models=MODELS[:1], tasks=("color",))
    (fitted,) = list_maps(ready)
    report = run(ready, data, models=MODELS, tasks=("color",), maps=(fitted.digest[:10],))
    assert report.table["model"].to_pylist() == [one.name for one in MODELS]
    assert report.table["map"][0].as_py() == fitted.digest[:12] != report.table["map"][1].as_py()
    alone = run(ready, data, models=(), tasks=("color",), maps=(fitted.digest,))
    assert (alone.new, alone.table["model"].to_pylist()) == (False, [MODELS[0].name])
    other = CountingEncoder(seed=5)
    with pytest.raises(MismatchError, match=f"expected a map to {other.name}, but got one to {CLIP.name}"):
        run(ready, data, target=other, maps=(fitted.digest,))


def test_the_rows_are_a_view(ready: Store, data: Path) -> None:
    run(ready, data, tasks=("color",))
    found = run_user_sql(ready, "select dataset, target, model, task, n, chance from suite order by model")
    assert found.to_pylist() == [
        {"dataset": "suite-color", "target": CLIP.name, "model": one.name, "task": "color", "n": 11, "chance": 1 / 11}
        for one in MODELS
    ]


def test_labels_that_are_no_class_are_counted_and_left_out(
    ready: Store, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from t2c.flows.suite import listed

    monkeypatch.setattr(listed.classes, "SHAPES", (*listed.classes.SHAPES, "nonagon"))
    (data / "shapes" / "Nonagon_0.png").write_bytes((data / "shapes" / "Star_0.png").read_bytes())
    rows = run(ready, data, tasks=("shape",)).table.to_pylist()
    assert {(row["n"], row["other_labels"]) for row in rows} == {(15, 1)}


def test_each_missing_file_of_tasks_asked_for_is_named(ready: Store, data: Path) -> None:
    (data / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    want = "expected every file of mnist, but got no mnist/t10k-labels-idx1-ubyte.gz. Get: MNIST of LeCun, Cortes and"
    with pytest.raises(InputError, match=re.escape(want)):
        run(ready, data)
    with pytest.raises(InputError, match=re.escape("Or do the others: --task color --task shape")):
        run(ready, data)
    with pytest.raises(InputError, match=r"every file of svhn, but got no svhn/test_32x32.mat"):
        run(ready, data, tasks=("svhn",))
    assert CountingEncoder.seen.total() == 0


def test_without_names_an_incomplete_task_is_an_error_and_an_absent_one_is_skipped(ready: Store, data: Path) -> None:
    write_breeds(data / "breeds", [("a", "b")], {}, ["b"])
    want = (
        "every file of living17, nonliving26, entity13, entity30, but got no imagenet/val/. Get: ImageNet ILSVRC 2012"
    )
    with pytest.raises(InputError, match=re.escape(want)):
        run(ready, data, tasks=())


def test_damaged_files_end_the_run_by_name(ready: Store, data: Path) -> None:
    file = data / "mnist" / "t10k-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(InputError, match=r"t10k-images-idx3-ubyte.gz: expected a whole gzip file"):
        run(ready, data)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"models": ()}, SpecError, "models of the suite: expected at least one encoder, but got none. Add --model"),
        ({"tasks": ("colour",)}, UnknownName, "task: expected one of .* but got 'colour'. Did you mean .*'color'"),
        ({"target": "timm:resnet50.a1_in1k"}, SpecError, "target: expected a CLIP, which reads text, but got 'timm"),
        ({"align_on": "nowhere"}, UnknownName, "nowhere"),
    ],
)
def test_what_cannot_be_is_refused(
    ready: Store, data: Path, options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(ready, data, **options)


def test_a_data_folder_that_is_not_there(ready: Store, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"suite folder .*nothing-here: expected a folder, but got nothing. Make it: mkdir"
    ):
        run(ready, tmp_path / "nothing-here")


def test_fake_encoders_are_one_space() -> None:
    """The killed run and its resumption are by the same encoder, or the test above would prove nothing."""
    assert DyingEncoder(seed=1, dimension=32).space == MODELS[0].space
    assert MODELS[0].space != FakeEncoder(seed=1, dimension=32).space


LIVING = "n00004258"


def write_living17(data: Path) -> list[str]:
    """Write a hierarchy with 17 superclasses of 4 classes, and one picture a class; return the superclasses."""
    chain = ["n00001740", LIVING, "a", "b", "c"]
    superclasses = [f"s{number:02d}" for number in range(17)]
    leaves = [f"n{number:08d}" for number in range(70)]
    edges = [*pairwise(chain), *(("c", one) for one in superclasses)]
    edges += [(superclasses[number // 4], leaf) for number, leaf in enumerate(leaves[:68])]
    edges += [("n00001740", leaf) for leaf in leaves[68:]]
    write_breeds(data / "breeds", edges, {one: f"kind {one}, other name" for one in superclasses}, leaves)
    for number, leaf in enumerate(leaves):
        picture(data / "imagenet/val" / leaf / f"ILSVRC2012_val_{number:08d}.png", (3 * number, 250 - 3 * number, 90))
    return [f"kind {one}" for one in superclasses]


def test_imagenet_s_images_are_classified_into_superclasses(ready: Store, data: Path) -> None:
    names = write_living17(data)
    examples = [flat((12 * number, 250 - 12 * number, 90)) for number in range(17)]
    plant_bank(ready, "living17", examples, classes=names)
    report = run(ready, data, tasks=("living17",), models=(CLIP,))
    (row,) = report.table.to_pylist()
    assert (row["classes"], row["n"], row["other_labels"], row["chance"]) == (17, 68, 2, 1 / 17)
    assert row["accuracy"] > 3 / 17
    kept = read_attributes(ready, "suite-imagenet")
    assert set(kept["name"].to_pylist()) == {"living17"}, "superclasses are there for other commands to name"
    assert (kept.num_rows, set(kept["value"].to_pylist())) == (68, set(names))
    assert not run(ready, data, tasks=("living17",), models=(CLIP,)).new
    assert len(list(snapshots(ready, paths.artifact("attributes", "suite-imagenet")))) == 1
    shutil.rmtree(data / "imagenet/val/n00000005")
    want = "pictures of suite-imagenet for Living17: expected a folder with images for each of 68 classes, but got no n00000005"
    with pytest.raises(InputError, match=re.escape(want)):
        run(ready, data, tasks=("living17",), models=(CLIP,))


def test_tasks_of_the_same_pictures_share_their_features(
    ready: Store, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawn, "WORLD_IMAGES", 10)
    for name in ("world-colour", "world-texture"):
        plant_bank(ready, name, [flat((9 * n, 200 - 9 * n, 7 * n)) for n in range(TASKS_BY_NAME[name].size)])
    report = run(ready, data, tasks=("world-colour", "world-texture"))
    assert report.indexed == ("suite-world",)
    assert sorted(report.extracted) == sorted(("suite-world", one.name) for one in (*MODELS, CLIP))
    assert report.table.num_rows == 4
