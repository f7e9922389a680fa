"""A linear map comes back by its digest and by the two spaces it joins, verified, and is written once."""

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from t2c.schemas.certificate import Certificate, Fidelity, HeldOut
from t2c.schemas.errors import CorruptError, InputError, MismatchError, UnknownName
from t2c.schemas.spaces import Space
from t2c.schemas.tables.tables import FITTED_ROWS
from t2c.store.artifacts.linear_maps import (
    StoredMap,
    add_fidelity,
    add_quality,
    find_map,
    identity_map,
    list_maps,
    open_map,
    preferred_maps,
    write_map,
)
from t2c.store.disk.manifest import Parent
from t2c.store.disk.root import Store

SOURCE = Space("encoder", "timm:a", 4, "aa")
TARGET = Space("encoder", "open_clip:b", 3, "bb")
PARENTS = (Parent("features", "photos/a-000000000000", 2, "d" * 64),)
FITTED = pa.table({"content_hash": ["x", "y"], "row": [0, 5], "fold": [0, 1]}).cast(FITTED_ROWS)


@dataclass(frozen=True)
class Affine:
    weight: np.ndarray
    bias: np.ndarray


def affine(seed: int) -> Affine:
    rng = np.random.default_rng(seed)
    return Affine(rng.normal(size=(4, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32))


def certificate(dataset: str = "photos") -> Certificate:
    return Certificate(SOURCE, TARGET, dataset, 1, 0.5, 4, 10.0, "cholesky", fitted=2, folds=2, seed=0)


def write(store: Store, *, dataset: str = "photos", seed: int = 0, ridge: float = 0.5) -> StoredMap:
    return write_map(
        store,
        affine(seed),
        certificate(dataset),
        fitted=FITTED,
        fold_maps=[affine(1), affine(2)],
        spec={"dataset": dataset, "ridge": ridge},
        parents=PARENTS,
    )


def test_what_was_written_is_read(store: Store) -> None:
    found = open_map(store, write(store).name)
    arrays = found.arrays()
    assert arrays is not None
    np.testing.assert_array_equal(arrays.weight, affine(0).weight)
    np.testing.assert_array_equal(arrays.bias, affine(0).bias)
    np.testing.assert_array_equal(arrays.fold_weight, np.stack([affine(1).weight, affine(2).weight]))
    np.testing.assert_array_equal(arrays.fold_bias, np.stack([affine(1).bias, affine(2).bias]))
    assert found.certificate == certificate()
    assert found.fitted().equals(FITTED)
    assert not found.identity
    assert found.name == found.digest[:12]


def test_a_map_without_folds_has_empty_fold_arrays(store: Store) -> None:
    written = write_map(store, affine(0), certificate(), fitted=FITTED, spec={}, parents=PARENTS)
    arrays = written.arrays()
    assert arrays is not None
    assert arrays.fold_weight.shape == (0, 4, 3)
    assert arrays.fold_bias.shape == (0, 3)


def test_writing_the_same_map_again_keeps_the_first(store: Store) -> None:
    first = write(store)
    again = write(store, seed=9)
    assert again == first
    assert len(list(list_maps(store))) == 1


def test_the_newest_map_of_the_two_spaces_is_found(store: Store) -> None:
    first, second = write(store), write(store, dataset="other")
    assert find_map(store, SOURCE, TARGET) == second
    assert find_map(store, SOURCE, TARGET, dataset="photos") == first


def test_equal_spaces_need_no_map(store: Store) -> None:
    found = find_map(store, TARGET, replace(TARGET, name="another display name"))
    assert found == identity_map(store, TARGET)
    assert found.identity
    assert found.name == f"identity-{TARGET.short}"
    assert found.arrays() is None
    assert found.as_parent() is None
    assert found.fitted().num_rows == 0


def test_a_missing_map_names_both_sides_and_what_there_is(store: Store) -> None:
    with pytest.raises(UnknownName, match=r"map from open_clip:b .* to timm:a .*, but got no map\. Fit one: t2c align"):
        find_map(store, TARGET, SOURCE)
    written = write(store)
    with pytest.raises(UnknownName, match=rf"but got {written.name}: timm:a"):
        find_map(store, TARGET, SOURCE)
    with pytest.raises(UnknownName, match="fitted on elsewhere"):
        find_map(store, SOURCE, TARGET, dataset="elsewhere")


def test_an_unknown_digest_lists_the_known(store: Store) -> None:
    with pytest.raises(
        UnknownName, match=r"linear map: expected a digest of a map \(there is none yet\), but got 'ff'"
    ):
        open_map(store, "ff")
    written = write(store)
    with pytest.raises(UnknownName, match=f"a digest of {written.name}, but got ''"):
        open_map(store, "")


def test_a_digest_that_starts_several_maps_names_them(store: Store) -> None:
    """Seventeen maps have two that share their first digit."""
    names = sorted(write(store, ridge=float(ridge)).name for ridge in range(17))
    digit = next(one[0] for one, two in itertools.pairwise(names) if one[0] == two[0])
    several = [name for name in names if name[0] == digit]
    message = (
        f"expected a digest that starts one map, but got '{digit}', which starts {len(several)}: {', '.join(several)}"
    )
    with pytest.raises(UnknownName, match=rf"linear map: {message}\. Write more of its digits\."):
        open_map(store, digit)


def test_shapes_and_values_are_checked(store: Store) -> None:
    wide = Affine(np.zeros((4, 5), np.float32), np.zeros(5, np.float32))
    with pytest.raises(MismatchError, match=r"linear map: expected weight \(4, 3\) and bias \(3,\).*but got \(4, 5\)"):
        write_map(store, wide, certificate(), fitted=FITTED, spec={}, parents=PARENTS)
    broken = Affine(np.full((4, 3), np.nan, np.float32), np.zeros(3, np.float32))
    with pytest.raises(InputError, match="linear map: expected finite weights, but got NaN or infinity"):
        write_map(store, affine(0), certificate(), fitted=FITTED, fold_maps=[broken], spec={}, parents=PARENTS)
    assert list(list_maps(store)) == []


@pytest.mark.parametrize("role", ["weights", "certificate"])
def test_a_flipped_byte_is_found(store: Store, role: str) -> None:
    written = write(store)
    assert written.manifest is not None
    path = Path(store.url) / written.manifest.with_role(role)[0].path
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptError, match=f"{path.name}: expected sha256"):
        open_map(store, written.digest).arrays()


def test_fidelity_joins_the_certificate_and_changes_no_parent(store: Store) -> None:
    written = write(store)
    before = written.as_parent()
    add_fidelity(store, written.digest, [Fidelity("everyday", "dog", 10, 0.5), Fidelity("other", "cat", 10, 0.1)])
    joined = add_fidelity(store, written.digest, [Fidelity("everyday", "dog", 10, 0.9)])
    assert joined.certificate is not None
    assert {(row.bank, row.correlation) for row in joined.certificate.fidelity} == {("other", 0.1), ("everyday", 0.9)}
    assert joined.as_parent() == before
    assert joined.arrays() is not None
    assert add_fidelity(store, written.digest, [Fidelity("everyday", "dog", 10, 0.9)]).manifest == joined.manifest


def fitted_by(store: Store, aligner: str, *, dataset: str = "photos") -> StoredMap:
    named = replace(certificate(dataset), aligner=aligner)
    return write_map(store, affine(0), named, fitted=FITTED, spec={"aligner": aligner, "on": dataset}, parents=PARENTS)


def test_a_regression_is_preferred_to_newer_maps_of_other_aligners(store: Store) -> None:
    other = fitted_by(store, "sgd")
    assert find_map(store, SOURCE, TARGET) == other
    assert preferred_maps(store) == [other]
    first, second = fitted_by(store, "ridge"), fitted_by(store, "least-squares")
    fitted_by(store, "imported", dataset="")
    assert first != second
    assert find_map(store, SOURCE, TARGET) == second
    assert preferred_maps(store) == [second]


def test_a_measured_quality_joins_the_certificate_and_changes_no_parent(store: Store) -> None:
    written = fitted_by(store, "imported", dataset="")
    quality = HeldOut(10, 0.7, 0.6, 0.8, 0.0, 0.0, 0.4, 0.9)
    measured = add_quality(store, written.digest, quality, measured_on="photos@3", notes=["measured here"])
    assert measured.certificate is not None
    assert (measured.certificate.held_out, measured.certificate.measured_on) == (quality, "photos@3")
    assert measured.certificate.notes == ("measured here",)
    assert open_map(store, written.digest).certificate == measured.certificate
    assert measured.as_parent() == written.as_parent()
    again = add_quality(store, written.digest, quality, measured_on="photos@3", notes=["measured here"])
    assert again.manifest == measured.manifest
