"""What a report says of inputs, map and lineage is what the store holds, and damaged files are refused."""

from dataclasses import replace

import pytest

from t2c.flows.maps.align import align
from t2c.flows.maps.exports import export_map
from t2c.flows.maps.listed import import_map, measure_map
from t2c.flows.report.gather import account, aligner, artifacts, check_artifacts
from t2c.flows.scores.score import score
from t2c.schemas.errors import CorruptError
from t2c.store.artifacts.features import open_features
from t2c.store.artifacts.images import open_images
from t2c.store.artifacts.linear_maps import identity_map, open_map
from t2c.store.artifacts.similarities import resolve_scores
from t2c.store.disk.manifest import read_manifest

SIDES = {"source": "timm:planted", "target": "open_clip:planted/test"}


def test_every_input_is_accounted_for(planted) -> None:
    planted.images(
        "photos",
        6,
        image_id=[f"a/{row}.png" for row in range(6)],
        outcome=["ok", "ok", "ok", "corrupt", "missing", "ok"],
        error=[None, None, None, "ends early", "gone", None],
        content_hash=["a", "b", "a", "c", None, "a"],
        duplicate_of=[None, None, 0, None, None, 0],
        label=["cat", "dog", "cat", "cat", None, None],
        width=[10, 20, 30, 40, None, 50],
        height=[5, 5, 5, 5, None, 5],
    )
    found = account(open_images(planted.store, "photos"), role="reference")
    assert (found.name, found.snapshot, found.role, found.total, found.superseded) == ("photos", 1, "reference", 6, 0)
    assert [found.count(outcome) for outcome in ("ok", "corrupt", "too_large", "unsupported", "missing")] == [
        4,
        1,
        0,
        0,
        1,
    ]
    assert found.problems.to_pylist() == [
        {"image_id": "a/3.png", "outcome": "corrupt", "error": "ends early"},
        {"image_id": "a/4.png", "outcome": "missing", "error": "gone"},
    ]
    assert found.n_duplicates == 2
    assert found.duplicates.to_pylist()[0] == {"image_id": "a/2.png", "first": "a/0.png"}
    assert found.labels.to_pylist() == [
        {"label": "cat", "count": 2},
        {"label": "dog", "count": 1},
        {"label": None, "count": 1},
    ]
    assert found.sizes.to_pylist()[0] == {"measure": "width", "smallest": 10.0, "median": 25.0, "largest": 50.0}


def test_a_replaced_row_is_counted_once(planted) -> None:
    planted.images("photos", 3, image_id=["a/0.png", "a/1.png", "a/2.png"])
    planted.images("photos", 1, image_id=["a/1.png"], supersedes=[1], outcome=["corrupt"], error=["changed"])
    found = account(open_images(planted.store, "photos"), role="current")
    assert (found.total, found.count("ok"), found.superseded) == (3, 2, 1)
    assert found.labels.num_rows == 0
    assert found.sizes["measure"].to_pylist() == ["bytes"]


def test_a_dataset_without_a_readable_image(planted) -> None:
    planted.images("photos", 1, outcome=["corrupt"], error=["empty"])
    found = account(open_images(planted.store, "photos"), role="reference")
    assert (found.total, found.count("ok"), found.sizes.num_rows, found.labels.num_rows) == (1, 0, 0, 0)


def test_the_aligner_is_its_certificate(planted) -> None:
    planted.dataset("photos", 300)
    planted.bank()
    certificate = align(planted.store, "photos", **SIDES).certificate
    score(planted.store, "photos", source=SIDES["source"], bank="everyday")
    stored = open_map(planted.store, resolve_scores(planted.store, "photos").map)
    found = aligner(stored, bank="everyday")
    assert found.quality.to_pylist()[0] == {
        "definition": "variance-weighted",
        "r2": certificate.held_out.r2_variance_weighted,
        "baseline": certificate.held_out.mean_variance_weighted,
    }
    facts = dict(found.facts)
    assert facts["rows fitted"] == str(certificate.fitted)
    assert facts["rows held out"] == str(certificate.held_out.n)
    assert facts["fitted on"] == "photos@1"
    assert facts["aligner"] == "ridge"
    assert facts["minimised"].startswith("squared error of the target features plus ridge")
    assert facts["needed"] == "features of both encoders on the same images"
    assert found.digest == stored.digest
    assert sorted(found.fidelity["concept"].to_pylist()) == ["blue", "in a tree", "red"]
    assert found.fidelity["correlation"].to_pylist() == sorted(found.fidelity["correlation"].to_pylist())
    assert aligner(stored, bank="other").fidelity.num_rows == 0


def test_an_imported_map_says_that_it_came_as_a_file_and_where_it_was_measured(planted, tmp_path) -> None:
    planted.dataset("photos", 60)
    export_map(planted.store, align(planted.store, "photos", **SIDES).digest, tmp_path / "map.safetensors")
    digest = import_map(planted.store, tmp_path / "map.safetensors", **SIDES).digest
    facts = dict(aligner(open_map(planted.store, digest), bank="everyday").facts)
    assert (facts["aligner"], facts["fitted on"], facts["rows held out"]) == ("imported", "not known: a file", "none")
    assert "measured on" not in facts
    measure_map(planted.store, digest, "photos")
    facts = dict(aligner(open_map(planted.store, digest), bank="everyday").facts)
    assert (facts["measured on"], facts["rows held out"]) == ("photos@1", "60")


def test_an_identity_needs_no_certificate(planted) -> None:
    planted.dataset("photos", 40)
    planted.bank()
    score(planted.store, "photos", source=SIDES["target"], bank="everyday")
    space = resolve_scores(planted.store, "photos").source
    assert aligner(identity_map(planted.store, space), bank="everyday").identity


def test_lineage_reaches_the_images_and_says_what_was_checked(planted) -> None:
    planted.dataset("photos", 200)
    planted.bank()
    align(planted.store, "photos", **SIDES)
    score(planted.store, "photos", source=SIDES["source"], bank="everyday")
    scores = resolve_scores(planted.store, "photos").manifest
    rows = artifacts(planted.store, [scores]).to_pylist()
    assert [row["artifact"] for row in rows if row["checked"]] == [scores.artifact]
    kinds = {row["artifact"].split("/")[0] for row in rows}
    assert kinds == {"similarities", "features", "datasets", "linear_maps", "concepts"}
    assert len({(row["artifact"], row["snapshot"]) for row in rows}) == len(rows)
    for row in rows:
        manifest = read_manifest(planted.store, row["artifact"], snapshot=row["snapshot"])
        assert row["digest"] == manifest.content_digest
        assert len(row["parents"]) == len(manifest.parents)


def test_a_flipped_byte_is_refused(planted) -> None:
    planted.images("photos", 3)
    manifest = open_images(planted.store, "photos").manifest
    check_artifacts(planted.store, [manifest])
    path = planted.store.files.local_path(manifest.files[0].path)
    with open(path, "r+b") as file:  # noqa: PTH123 - the byte is flipped in place
        file.seek(40)
        byte = file.read(1)
        file.seek(40)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(
        CorruptError, match=r"datasets/photos/images/.*: expected sha256 \w{12}, but got \w{12}\. Run: t2c verify"
    ):
        check_artifacts(planted.store, [manifest])


def test_an_ancestor_that_is_no_longer_what_was_read_is_refused(planted) -> None:
    planted.dataset("photos", 60)
    features = open_features(planted.store, "photos", SIDES["source"]).manifest
    other = replace(features, parents=(replace(features.parents[0], digest="0" * 64),))
    with pytest.raises(CorruptError, match=r"datasets/photos/images@1: expected digest 0{12}, but got \w{12}"):
        artifacts(planted.store, [other])
