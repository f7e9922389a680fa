"""The laboratory's blocks of an audit file reach its steps: what they leave out is the audit's own."""

from pathlib import Path

import pytest

from flows.audit import audit
from flows.audit_extras import EXTRAS, asked_extras
from flows.audit_stages import Job, index_dataset
from flows.laboratory_stages import pair_matrix
from flows.progress import NoProgress
from flows.runner import SerialRunner
from schemas.audit import load_audit
from schemas.errors import SpecError
from store.answers import list_answers
from store.features import list_features
from store.root import open_store
from tests.planted_photos import fill

BLOCKS = """
pairs: {groups: {mine: [my-model]}, labels: colour}
curves: {points: 3, seeds: 2, labels: colour, by: classes}
components: {dataset: new_photos, components: 4, band: 1}
"""


def with_blocks(file: Path, blocks: str) -> Path:
    file.write_text(file.read_text().replace("report: report.html\n", "").replace("fail_on_drift: true", "") + blocks)
    return file


def test_blocks_are_answered_once_and_said_in_a_sentence_each(audit_file: Path) -> None:
    spec = load_audit(with_blocks(audit_file, BLOCKS))
    report = audit(spec)
    said = [one.headline for one in report.extras]
    assert said[0].startswith("2 pairs of 2 encoders on photos@1: mean retained accuracy ")
    assert said[1] == "curve by classes from my-model to my-clip on photos@1: points 2, seeds 2"
    assert said[2].startswith("principal components of 2 encoders on new_photos@1: ")
    assert report.new
    again = audit(spec)
    assert [one.new for one in again.extras] == [False] * 3
    store = open_store(spec.store)
    assert [len(list_answers(store, kind)) for kind in ("pairs", "curves", "components")] == [1, 1, 1]


def test_every_block_has_a_stage_and_curves_may_be_several(audit_file: Path) -> None:
    spec = load_audit(with_blocks(audit_file, "\ncurves: [{points: 2}, {by: classes, labels: colour}]\n"))
    job = Job(spec, open_store(spec.store), SerialRunner(), NoProgress())
    assert [(stage, len(calls)) for stage, calls in asked_extras(job, first=False)] == [(EXTRAS["curves"], 2)]


def test_encoders_that_the_audit_does_not_extract_are_extracted_first(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 12)
    (tmp_path / "audit.yaml").write_text(
        "store: store\ndatasets: {photos: {source: photos}}\nconcepts: {bank: everyday}\n"
        "encoders: {source: demo:clip, target: demo:clip, device: cpu}\n"
        "pairs: {encoders: ['demo:efficientnet-lite0', demo:efficientnet-lite0-128], heads: [none]}\n"
    )
    spec = load_audit(tmp_path / "audit.yaml")
    job = Job(spec, open_store(spec.store, create=True), SerialRunner(), NoProgress())
    index_dataset(job, "photos")
    assert spec.pairs is not None
    report = pair_matrix(job, spec.pairs)
    assert report.encoders == ("demo:efficientnet-lite0", "demo:efficientnet-lite0-128")
    assert len(list_features(job.store, "photos")) == 2


@pytest.mark.parametrize(
    ("blocks", "match"),
    [
        (
            "pairs: {encoders: [my-model]}",
            "pairs.encoders: expected two or more, or none for the audit's own, but got 1",
        ),
        ("curves: {dataset: phots}", r"curves.dataset: expected one of the datasets .*'phots'. Did you mean 'photos'"),
        ("curves: {by: rows}", "by"),
        ("components: {band: -1}", "band"),
    ],
)
def test_blocks_that_are_wrong_are_refused(audit_file: Path, blocks: str, match: str) -> None:
    with pytest.raises(SpecError, match=match):
        load_audit(with_blocks(audit_file, f"\n{blocks}\n"))
