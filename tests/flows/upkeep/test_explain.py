"""Explaining: a name means one artifact, digests come before parts of names, ancestry says when bytes have changed."""

import pyarrow as pa
import pytest

from t2c.flows.maps.align import align
from t2c.flows.scores.score import score
from t2c.flows.upkeep.explain import explain
from t2c.schemas.errors import SpecError, UnknownName
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.artifacts.images import open_images
from t2c.store.disk import paths
from t2c.store.disk.manifest import read_manifest
from tests.planted.features import SOURCE, TARGET, Planted, content
from tests.planted.scored import add_images, image_table

IMAGES = "datasets/photos/images"


@pytest.fixture
def audit(planted: Planted) -> tuple[Planted, str, str]:
    """Photos aligned and scored: with the map's digest and the folder of the similarities."""
    planted.dataset("photos", 80)
    planted.bank()
    digest = align(planted.store, "photos", source=SOURCE.name, target=TARGET.name).digest
    scores = score(planted.store, "photos", source=SOURCE.name, bank="everyday")
    return planted, digest, paths.similarities("photos", scores.map, "everyday")


def statuses(table: pa.Table) -> dict[str, str]:
    return dict(zip(table["artifact"].to_pylist(), table["status"].to_pylist(), strict=True))


def test_an_artifact_says_what_it_is_holds_and_was_asked_to_be(audit: tuple[Planted, str, str]) -> None:
    planted, digest, folder = audit
    found = explain(planted.store, folder)
    manifest = read_manifest(planted.store, folder)
    assert (found.artifact, found.kind, found.snapshot, found.rows) == (folder, "similarities", 1, 3 * 80)
    assert (found.digest, found.content_digest) == (manifest.digest, manifest.content_digest)
    assert (found.files, found.bytes) == (len(manifest.files), sum(entry.size for entry in manifest.files))
    assert (found.spec["map"], found.summary) == (digest, manifest.summary)
    assert (found.summary["concepts"], found.summary["rows"]) == (3, 80)


def test_a_folder_a_dataset_and_a_bank_are_named_exactly(audit: tuple[Planted, str, str]) -> None:
    planted, _, folder = audit
    assert explain(planted.store, f"{folder}/").artifact == folder
    assert explain(planted.store, "photos").artifact == IMAGES
    assert explain(planted.store, "everyday").artifact == "concepts/everyday"


@pytest.mark.parametrize("length", [4, 12, 64])
def test_a_scored_map_is_found_by_the_start_of_its_digest(audit: tuple[Planted, str, str], length: int) -> None:
    planted, digest, folder = audit
    assert digest[:12] in folder
    assert explain(planted.store, digest[:length]).artifact == f"linear_maps/{digest}"


def test_any_artifact_is_found_by_its_digests(audit: tuple[Planted, str, str]) -> None:
    planted, _, folder = audit
    manifest = read_manifest(planted.store, folder)
    assert explain(planted.store, manifest.digest[:12]).artifact == folder
    assert explain(planted.store, manifest.content_digest[:6]).artifact == folder
    assert explain(planted.store, open_images(planted.store, "photos").manifest.content_digest).artifact == IMAGES


def test_a_part_of_a_folder_is_the_last_resort_and_must_mean_one(audit: tuple[Planted, str, str]) -> None:
    planted, _, folder = audit
    assert explain(planted.store, "similarities/photos").artifact == folder
    assert explain(planted.store, "timm-planted").kind == "features"
    planted.images("new_photos", 5)
    with pytest.raises(
        SpecError, match=r"artifact: expected a name that means one of them, but got 'features/photos', which means"
    ) as refused:
        explain(planted.store, "features/photos")
    assert str(refused.value).count("features/photos/") == 2


@pytest.mark.parametrize("name", ["everydax", "", "/", "abcdef0123"])
def test_an_unknown_name_says_what_can_be_named(audit: tuple[Planted, str, str], name: str) -> None:
    with pytest.raises(UnknownName, match=r"artifact: expected one of 'concepts/everyday', .*start of a digest\."):
        explain(audit[0].store, name)


def test_history_has_every_snapshot_and_a_number_picks_one(audit: tuple[Planted, str, str]) -> None:
    planted = audit[0]
    planted.images("photos", 20)
    newest, first = explain(planted.store, "photos"), explain(planted.store, "photos@1")
    assert (newest.snapshot, newest.rows, first.snapshot, first.rows) == (2, 100, 1, 80)
    for found in (newest, first):
        assert found.history.select(["snapshot", "rows", "files"]).to_pylist() == [
            {"snapshot": 1, "rows": 80, "files": 1},
            {"snapshot": 2, "rows": 100, "files": 2},
        ]
    with pytest.raises(
        SpecError, match=r"snapshot of photos: expected a number after '@', but got 'x'\. Try: t2c expl"
    ):
        explain(planted.store, "photos@x")
    with pytest.raises(UnknownName, match="9"):
        explain(planted.store, "photos@9")


def test_ancestry_goes_down_to_the_images_as_they_were_read(audit: tuple[Planted, str, str]) -> None:
    planted, digest, folder = audit
    planted.images("photos", 20)
    table = explain(planted.store, folder).ancestry
    found = {(row["depth"], row["artifact"], row["snapshot"]) for row in table.to_pylist()}
    assert {(1, IMAGES, 1), (1, f"linear_maps/{digest}", 1), (1, "concepts/everyday", 1), (2, IMAGES, 1)} <= found
    assert set(statuses(table).values()) == {"as read"}
    parent = open_concepts(planted.store, "everyday").manifest.as_parent()
    assert (1, "concepts/everyday", parent.digest[:12]) in {
        (row["depth"], row["artifact"], row["digest"]) for row in table.to_pylist()
    }
    assert explain(planted.store, "photos").ancestry.num_rows == 0


def test_ancestry_says_what_is_gone_and_what_holds_other_bytes(audit: tuple[Planted, str, str]) -> None:
    planted, digest, folder = audit
    for artifact in (IMAGES, "concepts/everyday"):
        planted.store.files.delete(paths.manifest(artifact, 1))
        planted.store.files.delete(paths.head(artifact))
    other = image_table(0, 80, content_hash=content(f"other/{row}" for row in range(80)))
    add_images(planted.store, other, dataset="photos")
    found = statuses(explain(planted.store, folder).ancestry)
    assert found[IMAGES] == "other bytes than were read"
    assert found["concepts/everyday"] == "gone"
    assert found[f"linear_maps/{digest}"] == "as read"
