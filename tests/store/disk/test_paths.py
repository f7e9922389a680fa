"""Every path comes from here, and no name, however hostile, leads out of the store."""

import pytest

from t2c.schemas.errors import SpecError
from t2c.schemas.spaces import Space
from t2c.store.disk import paths

SPACE = Space("encoder", "timm:resnet50.a1_in1k", 2048, "abc")


def test_artifact_folders_are_those_of_the_design() -> None:
    assert paths.images("photos") == "datasets/photos/images"
    assert paths.attributes("photos") == "datasets/photos/attributes"
    assert paths.predictions("photos") == "datasets/photos/predictions"
    assert paths.features("photos", SPACE.name, SPACE) == f"features/photos/timm-resnet50.a1-in1k-{SPACE.short}.zarr"
    assert paths.linear_map("ab" * 32) == "linear_maps/" + "ab" * 32
    assert paths.concepts("everyday") == "concepts/everyday"
    assert paths.similarities("photos", "ab" * 32, "everyday") == "similarities/photos/abababababab/everyday"
    assert (
        paths.similarities("photos", f"identity-{SPACE.short}", "b") == f"similarities/photos/identity-{SPACE.short}/b"
    )
    assert paths.answers("shift", "cd" * 32) == "answers/shift/cdcdcdcdcdcd"


@pytest.mark.parametrize("name", ["", "..", "a/b", "../x", "a\0b", "x'); DROP TABLE c;--", "<img>", "con", "e" * 65])
def test_names_that_are_not_folder_names_are_refused(name: str) -> None:
    with pytest.raises(SpecError, match="dataset name: expected 1 to 64 letters"):
        paths.images(name)


@pytest.mark.parametrize("path", ["", "/etc/passwd", "a/../b", "a//b", "./a", "a/", "a\0b", "a\\b"])
def test_paths_that_could_leave_the_store_are_refused(path: str) -> None:
    with pytest.raises(SpecError, match="store path: expected folders and a name"):
        paths.check_path(path)


def test_kind_and_number_of_name_parts_are_checked() -> None:
    with pytest.raises(SpecError, match="artifact kind: expected one of images"):
        paths.artifact("pictures", "x")
    with pytest.raises(SpecError, match=r"similarities name: expected 3 parts between slashes, but got 'a/b'"):
        paths.artifact("similarities", "a/b")


@pytest.mark.parametrize(("kind", "name"), [("images", "p"), ("features", "p/x-0"), ("similarities", "p/m/b")])
def test_artifact_of_finds_the_folder_a_file_belongs_to(kind: str, name: str) -> None:
    folder = paths.artifact(kind, name)
    assert paths.artifact_of(paths.manifest(folder, 3)) == folder
    assert paths.artifact_of(f"{folder}/c/0/0") == folder
    assert paths.artifact_of(folder) is None


def test_artifact_of_a_stranger_is_none() -> None:
    assert paths.artifact_of(paths.MARKER) is None
    assert paths.artifact_of("datasets/photos/notes/x.txt") is None


def test_only_names_in_the_form_of_data_file_are_ours() -> None:
    ours = paths.data_file("concepts/b", 3, n=1).replace(paths.HASH, "0123456789ab")
    assert ours == "concepts/b/00000003-1-0123456789ab.parquet"
    assert paths.is_data_file(ours)
    assert not paths.is_data_file("concepts/b/my-backup.parquet")
    assert not paths.is_data_file("concepts/b/00000003-1-0123456789ab.parquet.bak")
