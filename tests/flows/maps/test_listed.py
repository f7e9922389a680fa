"""Maps come and go as files: what is imported applies as it was, says what it claims, and is measured here or not at all."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from t2c.flows.maps.align import align
from t2c.flows.maps.exports import export_map
from t2c.flows.maps.listed import CLAIM, import_map, load_map, maps_table, measure_map, space_named
from t2c.flows.scores.score import score
from t2c.flows.zeroshot.zeroshot import zeroshot
from t2c.schemas.errors import InputError, MismatchError, SpecError, UnknownName
from t2c.schemas.specs.align import MethodSpec
from t2c.store.artifacts.linear_maps import open_map
from t2c.store.queries.catalog import open_catalog
from tests.planted.features import CONCEPTS, SOURCE, TARGET, Planted

SIDES = {"source": SOURCE.name, "target": TARGET.name}


@pytest.fixture
def photos(planted: Planted) -> Planted:
    planted.dataset("photos", 300)
    planted.bank()
    return planted


def released(folder: Path, planted: Planted, *, dtype: torch.dtype = torch.float32, source: int = 6) -> Path:
    """Write the planted map as the authors release theirs."""
    weight = torch.from_numpy(planted.weight.T[:, :source].copy()).to(dtype)
    torch.save({"W": weight, "b": torch.ones(TARGET.dimension).to(dtype)}, folder / "aligner.pth")
    return folder / "aligner.pth"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_an_imported_map_applies_as_the_file_says(photos: Planted, tmp_path: Path, dtype: torch.dtype) -> None:
    report = import_map(photos.store, released(tmp_path, photos, dtype=dtype), **SIDES)
    state = torch.load(tmp_path / "aligner.pth", weights_only=True)
    x = photos.x(20).astype(np.float32)
    want = torch.from_numpy(x) @ state["W"].float().T + state["b"].float()
    np.testing.assert_allclose(load_map(photos.store, report.digest).apply(x), want.numpy(), rtol=1e-6, atol=1e-6)
    assert dict(report.certificate.settings)["dtype"] == str(dtype).removeprefix("torch.")
    assert report.new
    assert not import_map(photos.store, tmp_path / "aligner.pth", **SIDES).new


def test_quality_is_the_files_claim_until_it_is_measured_here(photos: Planted, tmp_path: Path) -> None:
    report = import_map(photos.store, released(tmp_path, photos), **SIDES)
    certificate = report.certificate
    assert (certificate.aligner, certificate.fitted, certificate.held_out) == ("imported", 0, None)
    assert certificate.notes[0] == CLAIM
    found = measure_map(photos.store, report.digest, "photos")
    assert found.new
    assert found.quality.n == 300
    assert found.quality.r2_variance_weighted > 0.99
    assert found.quality.mean_cosine > 0.99
    assert abs(found.quality.mean_variance_weighted) < 1e-6
    after = open_map(photos.store, report.digest).certificate
    assert (after.held_out, after.measured_on) == (found.quality, "photos@1")
    assert after.notes[0].startswith("origin is the file's own claim; quality was measured here on photos@1")
    assert not measure_map(photos.store, report.digest, "photos").new
    with open_catalog(photos.store) as connection:
        rows = connection.execute("select dataset, map, aligner, n from map_quality").fetchall()
        listed = connection.execute("select aligner, measured_on, held_out from linear_maps").fetchall()
    assert rows == [("photos", report.digest[:12], "imported", 300)]
    assert listed == [("imported", "photos@1", 300)]


def test_every_row_is_scored_with_an_imported_map_and_none_is_in_sample(photos: Planted, tmp_path: Path) -> None:
    digest = import_map(photos.store, released(tmp_path, photos), **SIDES).digest
    alone = score(photos.store, "photos", source=SOURCE.name, bank="everyday")
    assert (alone.map, alone.in_sample, alone.total_rows) == (digest[:12], 0, 300)
    fitted = align(photos.store, "photos", **SIDES).digest
    assert score(photos.store, "photos", source=SOURCE.name, bank="everyday").map == fitted[:12]
    report = zeroshot(photos.store, "photos", linear_map=digest, classes=CONCEPTS, bank="everyday")
    assert report.predictions.num_rows == 300


def test_a_fitted_map_is_measured_on_rows_of_other_content_alone(photos: Planted) -> None:
    report = align(photos.store, "photos", **SIDES)
    found = measure_map(photos.store, report.digest[:8], "photos")
    held = report.certificate.held_out
    assert found.quality.n == held.n < 100
    assert found.quality.r2_variance_weighted == pytest.approx(held.r2_variance_weighted, abs=1e-6)
    assert found.quality.mean_cosine > 0.9
    assert open_map(photos.store, report.digest).certificate.held_out == held
    everything = align(photos.store, "photos", holdout=0, **SIDES).digest
    with pytest.raises(
        InputError, match=r"photos@1: expected 2 rows or more .* that the map was not fitted on, but got"
    ):
        measure_map(photos.store, everything, "photos")
    photos.dataset("others", 50, seed=3)
    assert measure_map(photos.store, everything, "others").quality.n == 50


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_what_is_exported_comes_back_as_it_was(photos: Planted, tmp_path: Path, suffix: str, dtype: str) -> None:
    digest = align(photos.store, "photos", **SIDES).digest
    file = tmp_path / f"map{suffix}"
    written = export_map(photos.store, digest, file, dtype=dtype)
    assert written.shape == (TARGET.dimension, SOURCE.dimension)
    again = import_map(photos.store, file, **SIDES).digest
    one, two = load_map(photos.store, digest), load_map(photos.store, again)
    np.testing.assert_array_equal(two.weight, one.weight.astype(dtype).astype(np.float32))
    assert again != digest


def test_what_a_file_says_of_itself_is_kept_as_its_claim(photos: Planted, tmp_path: Path) -> None:
    own = align(photos.store, "photos", **SIDES)
    export_map(photos.store, own.digest, tmp_path / "map.safetensors")
    report = import_map(photos.store, tmp_path / "map.safetensors", **SIDES)
    claims = dict(report.certificate.claims)
    r2 = f"{own.certificate.held_out.r2_variance_weighted:.4f}"
    assert (claims["source_space"], claims["target_space"]) == (SOURCE.id, TARGET.id)
    assert (claims["aligner"], claims["r2_variance_weighted"]) == ("ridge", r2)
    said = report.certificate.notes[1]
    assert said.startswith("the file's own claim, not checked here: source timm:planted; target open_clip:planted/test")
    assert f"aligner ridge; fitted_rows {own.certificate.fitted}; r2_variance_weighted {r2}; r2_rows" in said
    assert report.certificate.held_out is None
    measure_map(photos.store, report.digest, "photos")
    after = open_map(photos.store, report.digest).certificate
    assert (after.claims, after.notes[1]) == (report.certificate.claims, said)
    assert import_map(photos.store, released(tmp_path, photos), **SIDES).certificate.claims == ()


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_file_that_says_it_joins_other_spaces_is_refused_naming_both_sides(
    photos: Planted, tmp_path: Path, side: str
) -> None:
    tensors = {
        "W": np.zeros((TARGET.dimension, SOURCE.dimension), np.float32),
        "b": np.zeros(TARGET.dimension, np.float32),
    }
    stated = {"source": "timm:alien", "target": "open_clip:other", f"{side}_space": "c" * 64}
    save_file(tensors, tmp_path / "map.safetensors", metadata=stated)
    here = rf"timm:planted \(space {SOURCE.short}\) to open_clip:planted/test \(space {TARGET.short}\)"
    ids = {"source": "?", "target": "?", side: "c" * 12}
    there = rf"timm:alien \(space {re.escape(ids['source'])}\) to open_clip:other \(space {re.escape(ids['target'])}\)"
    with pytest.raises(MismatchError, match=rf"from {here}, but got one that says it goes from {there}\. Name the enc"):
        import_map(photos.store, tmp_path / "map.safetensors", **SIDES)
    save_file(
        tensors, tmp_path / "map.safetensors", metadata={"source": "timm:alien", "note": "x", "aligner": "y" * 999}
    )
    claims = dict(import_map(photos.store, tmp_path / "map.safetensors", **SIDES).certificate.claims)
    assert claims == {"source": "timm:alien", "aligner": "y" * 200}


def test_features_that_are_missing_are_asked_for_by_the_encoders_name(photos: Planted, tmp_path: Path) -> None:
    digest = import_map(photos.store, released(tmp_path, photos), **SIDES).digest
    photos.images("bare", 20)
    with pytest.raises(
        UnknownName, match=r"but got none in this space\. Extract them: t2c extract bare --encoder timm:"
    ):
        measure_map(photos.store, digest, "bare")


def test_the_list_says_which_map_is_used(photos: Planted, tmp_path: Path) -> None:
    ridge = align(photos.store, "photos", **SIDES).digest
    turned = align(photos.store, "photos", method=MethodSpec(method="procrustes"), **SIDES).digest
    brought = import_map(photos.store, released(tmp_path, photos), **SIDES).digest
    rows = {row["map"]: row for row in maps_table(photos.store).to_pylist()}
    assert [rows[digest[:12]]["used"] for digest in (ridge, turned, brought)] == [True, False, False]
    assert [rows[digest[:12]]["aligner"] for digest in (ridge, turned, brought)] == ["ridge", "procrustes", "imported"]
    assert rows[brought[:12]]["r2"] is None


def test_shapes_that_do_not_fit_are_refused_naming_both_spaces(photos: Planted, tmp_path: Path) -> None:
    file = released(tmp_path, photos, source=5)
    message = (
        r"expected W \(4, 6\), from timm:planted \(6 dim.*\) to open_clip:planted/test \(4 dim.*, but got W \(4, 5\)"
    )
    with pytest.raises(MismatchError, match=message):
        import_map(photos.store, file, **SIDES)
    whole = released(tmp_path, photos)
    with pytest.raises(MismatchError, match="It fits the other way round: swap --source and --target"):
        import_map(photos.store, whole, source=TARGET.name, target=SOURCE.name)


def test_spaces_are_known_by_features_banks_and_ids(photos: Planted) -> None:
    assert space_named(photos.store, SOURCE.name) == SOURCE
    assert space_named(photos.store, TARGET.id[:8]) == TARGET
    with pytest.raises(UnknownName, match=r"encoder or space: expected one of .*Did you mean 'timm:planted'\?"):
        space_named(photos.store, "timm:plnted")


@pytest.mark.parametrize(
    ("name", "dtype", "message"),
    [
        ("map.npz", "float32", r"expected a name ending in .pth, .pt, .safetensors, .onnx, but got '.npz'"),
        ("map.onnx", "float16", "--dtype: expected float32 for .onnx, but got float16"),
        ("none/map.pth", "float32", "expected a folder that exists"),
    ],
)
def test_outputs_that_cannot_be_are_refused(
    photos: Planted, tmp_path: Path, name: str, dtype: str, message: str
) -> None:
    digest = align(photos.store, "photos", **SIDES).digest
    with pytest.raises(SpecError, match=message):
        export_map(photos.store, digest, tmp_path / name, dtype=dtype)
    assert list(tmp_path.glob("map*")) == []


def test_weights_past_float16_are_not_turned_into_infinity(photos: Planted, tmp_path: Path) -> None:
    torch.save({"W": torch.full((4, 6), 1e6), "b": torch.ones(4)}, tmp_path / "large.pth")
    digest = import_map(photos.store, tmp_path / "large.pth", **SIDES).digest
    with pytest.raises(
        InputError, match=r"weights of at most 65,504 for float16, but got 1,000,000. Export as --dtype"
    ):
        export_map(photos.store, digest, tmp_path / "small.pth", dtype="float16")
