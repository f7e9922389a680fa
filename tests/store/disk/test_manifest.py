"""A snapshot is there or it is not: readers find the newest without listing, and damage is an error, never a guess."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from t2c.schemas.digest import digest
from t2c.schemas.errors import ConflictError, CorruptError, SpecError, StoreError, UnknownName
from t2c.store.disk import paths
from t2c.store.disk.manifest import (
    Manifest,
    Parent,
    check_files,
    commit,
    find_manifest,
    list_artifacts,
    next_snapshot,
    parse,
    read_manifest,
    render,
    snapshots,
    write_file,
)
from t2c.store.disk.root import Store

ARTIFACT = "concepts/everyday"


@pytest.fixture(params=["store", "memory_store"])
def any_store(request: pytest.FixtureRequest) -> Store:
    return request.getfixturevalue(request.param)


def committed(store: Store, number: int, *, note: str = "") -> Manifest:
    """Commit snapshot `number` with one more file than the one before."""
    before = find_manifest(store, ARTIFACT)
    entry = write_file(store, paths.data_file(ARTIFACT, number), b"rows %d" % number, rows=1)
    files = (*(before.files if before else ()), entry)
    return commit(
        store, ARTIFACT, Manifest("concepts", "everyday", number, files=files, rows=number, summary={"note": note})
    )


def test_snapshots_number_up_and_older_ones_stay_readable(any_store: Store) -> None:
    assert find_manifest(any_store, ARTIFACT) is None
    assert next_snapshot(any_store, ARTIFACT) == 1
    made = [committed(any_store, number) for number in (1, 2, 3)]
    assert read_manifest(any_store, ARTIFACT) == made[2]
    assert [read_manifest(any_store, ARTIFACT, snapshot=number) for number in (1, 2, 3)] == made
    assert list(snapshots(any_store, ARTIFACT)) == made
    assert next_snapshot(any_store, ARTIFACT) == 4
    assert list_artifacts(any_store, "concepts") == [ARTIFACT]
    assert check_files(any_store, made[2]) == []


def test_a_lost_or_stale_hint_costs_a_few_probes_and_nothing_else(any_store: Store) -> None:
    made = [committed(any_store, number) for number in (1, 2, 3)]
    any_store.files.put(paths.head(ARTIFACT), b"1\n")
    assert read_manifest(any_store, ARTIFACT) == made[2]
    any_store.files.delete(paths.head(ARTIFACT))
    assert read_manifest(any_store, ARTIFACT) == made[2]
    assert list_artifacts(any_store, "concepts") == [ARTIFACT]
    any_store.files.put(paths.head(ARTIFACT), b"what?")
    assert read_manifest(any_store, ARTIFACT) == made[2]


def test_reading_never_lists(store: Store) -> None:
    made = [committed(store, number) for number in (1, 2)]
    folder = Path(store.files.local_path(ARTIFACT) or "")
    (folder / "_snapshots" / "00000009.json").write_text("{}")  # not reachable: 3 to 8 are not there
    (folder / "_snapshots" / ".tmp-1-x").write_text("half")
    assert read_manifest(store, ARTIFACT) == made[1]


def test_a_commit_must_follow_the_newest(any_store: Store) -> None:
    committed(any_store, 1)
    for number in (1, 3):
        with pytest.raises(ConflictError, match=rf"expected snapshot 2, but got snapshot {number}. Another run"):
            commit(any_store, ARTIFACT, Manifest("concepts", "everyday", number))
    assert read_manifest(any_store, ARTIFACT).snapshot == 1


def test_of_writers_that_race_one_wins(any_store: Store) -> None:
    committed(any_store, 1)
    barrier, outcomes = threading.Barrier(4), []

    def race(number: int) -> None:
        manifest = Manifest("concepts", "everyday", 2, summary={"writer": number})
        try:
            commit(any_store, ARTIFACT, manifest, check=barrier.wait)
            outcomes.append("won")
        except ConflictError:
            outcomes.append("lost")

    threads = [threading.Thread(target=race, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["lost", "lost", "lost", "won"]
    assert read_manifest(any_store, ARTIFACT).snapshot == 2


def test_nothing_is_committed_when_a_file_is_missing_or_the_check_fails(any_store: Store) -> None:
    entry = write_file(any_store, paths.data_file(ARTIFACT, 1), b"rows", rows=1)
    wrong = replace(entry, size=5)
    with pytest.raises(CorruptError, match=f"{entry.path}: expected 5 bytes, but got 4 bytes"):
        commit(any_store, ARTIFACT, Manifest("concepts", "everyday", 1, files=(wrong,)))

    def lost() -> None:
        raise ConflictError("lease lost")

    with pytest.raises(ConflictError, match="lease lost"):
        commit(any_store, ARTIFACT, Manifest("concepts", "everyday", 1, files=(entry,)), check=lost)
    assert find_manifest(any_store, ARTIFACT) is None
    assert list_artifacts(any_store, "concepts") == []


def test_the_folder_must_be_the_manifests_own(store: Store) -> None:
    with pytest.raises(SpecError, match="artifact of the manifest: expected concepts/everyday, but got concepts/other"):
        commit(store, "concepts/other", Manifest("concepts", "everyday", 1))


def test_what_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(UnknownName, match="concepts/everyday: expected a committed artifact, but got none"):
        read_manifest(store, ARTIFACT)
    with pytest.raises(UnknownName, match="concepts/everyday: expected a committed artifact, but got none"):
        read_manifest(store, ARTIFACT, snapshot=1)
    committed(store, 1)
    with pytest.raises(UnknownName, match="snapshot of concepts/everyday: expected 1 to 1, but got 7"):
        read_manifest(store, ARTIFACT, snapshot=7)


def test_a_deleted_newest_manifest_is_damage_not_an_older_answer(store: Store) -> None:
    committed(store, 1)
    committed(store, 2)
    store.files.delete(paths.manifest(ARTIFACT, 2))
    with pytest.raises(
        CorruptError, match=r"00000002.json: expected the manifest that .*/_head names, but got no file"
    ):
        read_manifest(store, ARTIFACT)
    store.files.delete(paths.manifest(ARTIFACT, 1))
    store.files.put(paths.manifest(ARTIFACT, 2), render(Manifest("concepts", "everyday", 2)))
    with pytest.raises(CorruptError, match=r"00000001.json: expected the manifest of a committed snapshot"):
        list(snapshots(store, ARTIFACT))


def test_any_flipped_byte_of_a_manifest_is_found() -> None:
    parent = Parent("images", "photos", 3, "ab")
    data = render(Manifest("concepts", "everyday", 1, spec={"a": 1.5}, parents=(parent,), rows=3))
    value = json.loads(data)
    value["rows"] = 4
    with pytest.raises(CorruptError, match="p: expected checksum"):
        parse(json.dumps(value).encode(), "p")
    for broken in (data[:-5], b"", b"[]", b"null", b"\xff\xfe"):
        with pytest.raises(CorruptError, match="p: expected a manifest"):
            parse(broken, "p")


def test_unknown_keys_are_tolerated_and_a_higher_format_is_refused() -> None:
    manifest = Manifest("concepts", "everyday", 1, parents=(Parent("images", "photos", 3, "ab"),))
    value = json.loads(render(manifest))
    del value["checksum"]
    value["colour"] = "red"
    value["parents"][0]["mood"] = "good"
    assert parse(json.dumps({**value, "checksum": digest(value)}).encode(), "p") == manifest
    value["format"] = 2
    with pytest.raises(StoreError, match=r"p: expected format 1 or older, but got format 2. Upgrade"):
        parse(json.dumps({**value, "checksum": digest(value)}).encode(), "p")


def test_digests_say_what_made_it_and_what_it_holds(store: Store) -> None:
    one, two = committed(store, 1, note="x"), committed(store, 2)
    assert one.digest == two.digest
    assert one.content_digest != two.content_digest
    assert one.as_parent() == Parent("concepts", "everyday", 1, one.content_digest)
    assert replace(one, summary={}, created_at="", snapshot=9).content_digest == one.content_digest
    assert replace(one, spec={"a": 1}).digest != one.digest
    assert replace(one, parents=(two.as_parent(),)).digest != one.digest


def test_artifacts_of_every_kind_are_listed_by_folder(store: Store) -> None:
    for kind, name in (("images", "b"), ("images", "a"), ("features", "a/x-0"), ("similarities", "a/m/b")):
        commit(store, paths.artifact(kind, name), Manifest(kind, name, 1))
    store.files.put("datasets/half/images/00000001-0-0123456789ab.parquet", b"never committed")
    assert list_artifacts(store, "images") == ["datasets/a/images", "datasets/b/images"]
    assert list_artifacts(store, "features") == ["features/a/x-0.zarr"]
    assert list_artifacts(store, "similarities") == ["similarities/a/m/b"]
    assert list_artifacts(store, "answers") == []
