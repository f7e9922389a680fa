"""The audit file: what it must hold, and that each mistake in it is named with its field and the nearest name."""

from pathlib import Path

import pytest

from t2c.schemas.errors import SpecError
from t2c.schemas.specs.audit import EXAMPLE_FILE, AuditSpec, load_audit

GOOD = """
datasets: {photos: {source: photos/}, new_photos: {source: s3://bucket/new}}
encoders: {source: timm:resnet50.a1_in1k, target: open_clip:ViT-B-16/openai}
concepts: {bank: everyday, file: concepts.txt}
shift: {reference: photos, current: new_photos}
"""


def load(folder: Path, text: str) -> AuditSpec:
    path = folder / "audit.yaml"
    path.write_text(text)
    return load_audit(path)


def message(folder: Path, text: str) -> str:
    with pytest.raises(SpecError) as caught:
        load(folder, text)
    return str(caught.value)


def test_paths_are_relative_to_the_file_and_addresses_stay(tmp_path: Path) -> None:
    spec = load(tmp_path, GOOD)
    assert spec.store == str(tmp_path / "t2c-store")
    assert spec.datasets["photos"].source == str(tmp_path / "photos")
    assert spec.datasets["new_photos"].source == "s3://bucket/new"
    assert spec.concepts.file == str(tmp_path / "concepts.txt")


@pytest.fixture(autouse=True)
def _no_store_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("T2C_STORE", raising=False)


def test_the_store_is_the_files_else_the_one_given_else_the_environments_else_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "folder" / "audit.yaml"
    path.parent.mkdir()
    path.write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    assert load_audit("folder/audit.yaml").store == str(path.parent / "t2c-store")
    monkeypatch.setenv("T2C_STORE", "from-environment")
    assert load_audit("folder/audit.yaml").store == str(tmp_path / "from-environment")
    assert load_audit(path, store="typed").store == str(tmp_path / "typed")
    assert load_audit(path, store="s3://bucket/store").store == "s3://bucket/store"
    path.write_text(GOOD + "store: mine")
    assert load_audit(path, store="typed").store == str(path.parent / "mine")


def test_the_example_is_an_audit_file(tmp_path: Path) -> None:
    spec = load(tmp_path, EXAMPLE_FILE)
    assert spec.store == str(tmp_path / "t2c-store")
    assert [task.name for task in spec.zeroshot] == ["animals"]


def test_how_features_are_stored_may_be_said(tmp_path: Path) -> None:
    text = GOOD.replace("B-16/openai}", "B-16/openai, dtype: float32, chunk_seconds: 5}")
    spec = load(tmp_path, text)
    assert (spec.encoders.dtype, spec.encoders.chunk_seconds) == ("float32", 5)
    plain = load(tmp_path, GOOD).encoders
    assert (plain.dtype, plain.chunk_seconds) == (None, None)


def test_one_shift_needs_no_list_and_its_reference_is_what_the_map_is_fitted_on(tmp_path: Path) -> None:
    spec = load(tmp_path, GOOD)
    assert [one.current for one in spec.shift] == ["new_photos"]
    assert spec.fitted_on == "photos"
    assert load(tmp_path, GOOD + "align: {dataset: photos@3}").fitted_on == "photos@3"


def test_without_a_shift_the_first_dataset_is_fitted(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD.replace("shift: {reference: photos, current: new_photos}", "")).fitted_on == "photos"


def test_imported_features_are_named_without_a_colon_and_are_not_extracted(tmp_path: Path) -> None:
    spec = load(tmp_path, GOOD.replace("timm:resnet50.a1_in1k", "my-model"))
    assert spec.encoders.extracted == ("open_clip:ViT-B-16/openai",)


def test_the_digest_is_the_files_meaning_not_its_layout(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD).digest == load(tmp_path, GOOD + "# a comment\n").digest
    assert load(tmp_path, GOOD).digest != load(tmp_path, GOOD + "fail_on_drift: true").digest


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (GOOD + "repot: x", "audit.yaml: repot: expected one of the fields store, datasets"),
        (GOOD + "repot: x", "Did you mean 'report'?"),
        (
            GOOD + "zeroshot: [{name: a, clases: [b]}]",
            "audit.yaml: zeroshot.0.clases: expected one of the fields name,",
        ),
        (
            GOOD.replace("file: concepts.txt", "inline: {concept: [a]}"),
            "concepts.inline.concept: expected one of the fields concepts, prompts",
        ),
        (GOOD + "align: {ridge: -1}", "align.ridge: expected greater than or equal to 0, but got -1"),
        (GOOD.replace("openai}", "openai, chunk_seconds: 0}"), "encoders.chunk_seconds: expected greater than 0"),
        (GOOD.replace("openai}", "openai, dtype: int8}"), "encoders.dtype: expected 'float16' or 'float32'"),
        (GOOD + "align: {folds: many}", "align.folds: expected a valid integer"),
        (GOOD.replace("timm:", "tim:"), "encoders.source: encoder: expected timm:MODEL"),
        (
            GOOD.replace("current: new_photos", "current: nwe_photos"),
            "but got 'nwe_photos'. Did you mean 'new_photos'",
        ),
        (GOOD.replace(", current: new_photos", ""), "expected two sides: current, or where, but got only a reference"),
        (GOOD.replace("bank: everyday", "bank: ../up"), "concept bank: expected 1 to 64 letters"),
        (
            GOOD.replace("file: concepts.txt", "file: a, inline: {concepts: [b]}"),
            "expected either file or inline, but got both",
        ),
        ("encoders: {}", "audit.yaml: datasets: expected a value, but got nothing. Add the field 'datasets'."),
        ("datasets: [", "audit.yaml: expected YAML, but got a mistake at line 1, column 12"),
        (GOOD + "store: a\nstore: b", "the key 'store' a second time"),
        ("", "expected fields such as store, datasets, encoders, concepts, but got an empty file"),
        ("- a", "but got a list"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, part: str) -> None:
    assert part in message(tmp_path, text)


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    assert len(message(tmp_path, GOOD + "repot: x\nalign: {ridge: -1}").splitlines()) == 3


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"audit.yaml: expected a readable YAML file, but got no such file"):
        load_audit(tmp_path / "audit.yaml")


@pytest.mark.parametrize(
    ("align", "part"),
    [
        ("{folds: 1}", "align: folds: expected 2 to 16, but got 1"),
        ("{folds: 0}", "align: folds: expected 2 to 16, but got 0"),
        ("{method: sgd, folds: 1}", "align: folds: expected 2 to 16, or 0 for no fold maps, but got 1"),
        ("{method: sgd, rank: 3}", "--rank: expected a method that takes it (low-rank), but got --method sgd"),
        ("{method: sdg}", "align.method: expected 'ridge', 'least-squares'"),
    ],
)
def test_an_aligner_and_its_options_must_fit(tmp_path: Path, align: str, part: str) -> None:
    assert part in message(tmp_path, f"{GOOD}align: {align}")


def test_an_audit_names_its_aligner(tmp_path: Path) -> None:
    (tmp_path / "audit.yaml").write_text(f"{GOOD}align: {{method: low-rank, rank: 8, folds: 3}}")
    spec = load_audit(tmp_path / "audit.yaml").align
    assert (spec.fitted_by.method, spec.fitted_by.rank, spec.folds) == ("low-rank", 8, 3)
