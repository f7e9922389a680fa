"""The zero-shot suite in an audit: its block is checked, its paths are the file's, and the audit's own map is tested."""

from pathlib import Path

import pytest

from t2c.flows.audit.run import audit
from t2c.flows.suite import drawn
from t2c.schemas.errors import SpecError
from t2c.schemas.specs.audit import load_audit
from t2c.store.artifacts.images import list_datasets
from t2c.store.disk.root import open_store
from tests.planted.photos import fill

AUDIT = """
store: store
datasets: {photos: {source: photos}}
encoders: {source: "demo:efficientnet-lite0-128", target: "demo:clip", workers: 1, device: cpu}
concepts: {bank: everyday, inline: {concepts: [red, blue]}}
suite: {data: data%s}
"""


def written(folder: Path, more: str = "") -> Path:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "audit.yaml").write_text(AUDIT % more)
    return folder / "audit.yaml"


def test_an_audit_tests_its_own_map_and_does_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn, "WORLD_IMAGES", 12)
    fill(tmp_path / "photos", 40)
    spec = load_audit(written(tmp_path, ", tasks: [color, world-texture]"))
    first = audit(spec)
    (report,) = first.extras
    assert report.new
    assert "zero-shot suite: 1 model at 2 tasks" in report.headline
    rows = report.table.to_pylist()
    assert [(row["task"], row["model"], row["n"]) for row in rows] == [
        ("color", "demo:efficientnet-lite0-128", 11),
        ("world-texture", "demo:efficientnet-lite0-128", 12),
    ]
    assert {row["map"] for row in rows} == {first.aligned.digest[:12]}
    (again,) = audit(spec).extras
    assert (again.new, again.table.equals(report.table)) == (False, True)


def test_paths_are_the_file_s(tmp_path: Path) -> None:
    spec = load_audit(written(tmp_path, ", pictures: unpacked"))
    assert spec.suite is not None
    assert (spec.suite.data, spec.suite.pictures) == (str(tmp_path / "data"), str(tmp_path / "unpacked"))
    assert load_audit(written(tmp_path)).suite.pictures is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (", models: [resnet50]", "encoder: expected timm:MODEL"),
        (", align_on: fotos", "suite.align_on: expected one of the datasets photos, but got 'fotos'"),
        (", target: demo:clip", "target"),
    ],
)
def test_a_block_that_does_not_fit_is_refused(tmp_path: Path, more: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        load_audit(written(tmp_path, more))


@pytest.mark.slow
def test_the_clip_itself_may_be_tested(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 40)
    spec = load_audit(written(tmp_path, ', tasks: [color], models: ["demo:clip"]'))
    (report,) = audit(spec).extras
    assert [(row["model"], row["map"]) for row in report.table.to_pylist()] == [("demo:clip", "identity")]
    assert list_datasets(open_store(tmp_path / "store")) == ["photos", "suite-color"]
