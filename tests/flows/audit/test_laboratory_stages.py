"""The laboratory's blocks of an audit file reach its steps: what they leave out is the audit's own."""

import json
import shlex
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from t2c.flows.audit.extras import EXTRAS, asked_extras
from t2c.flows.audit.laboratory_stages import compare_objectives, pair_matrix
from t2c.flows.audit.prefect_flows import TASKS
from t2c.flows.audit.run import audit
from t2c.flows.audit.stages import Job, index_dataset
from t2c.flows.cli.app import run
from t2c.flows.data.table_imports import import_attributes
from t2c.flows.engine.progress import NoProgress
from t2c.flows.engine.runner import SerialRunner
from t2c.schemas.errors import SpecError, UnknownName
from t2c.schemas.specs.audit import load_audit
from t2c.store.artifacts.answers import answer_table, list_answers
from t2c.store.artifacts.features import list_features
from t2c.store.artifacts.images import open_images
from t2c.store.disk.root import open_store
from tests.planted.photos import fill

BLOCKS = """
pairs: {groups: {mine: [my-model]}, labels: colour, max_rows: 190}
curves: {points: 3, seeds: 2, labels: colour, by: classes, max_rows: 180}
components: {dataset: new_photos, components: 4, band: 1, max_rows: 170}
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
    kinds = ("pairs", "curves", "components")
    assert [[one.spec["max_rows"] for one in list_answers(store, kind)] for kind in kinds] == [[190], [180], [170]]


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


PLAIN = ("{related: [colour], labels: colour, bank: everyday}", "--labels colour --concepts everyday --related colour")
EVERY = (
    "{dataset: photos@1, sources: [my-model], target: my-clip, related: ['colour=a {} thing'],"
    " unrelated: ['new_photos:shade=a {}'], against: [cross-entropy, self-labels], groups: {mine: [my-model]},"
    " labels: colour, source_head: 'probe:colour', bank: everyday, epochs: 2, learning_rate: 0.05, holdout: 0.3, seed: 3,"
    " max_rows: 200}",
    "--related 'colour=a {} thing' --unrelated 'new_photos:shade=a {}' --against cross-entropy --against self-labels"
    " --group my-model=mine --labels colour --source-head probe:colour --concepts everyday --epochs 2 --learning-rate 0.05"
    " --holdout 0.3 --seed 3 --max-rows 200",
)


@pytest.mark.parametrize(("block", "typed"), [PLAIN, EVERY], ids=["defaults", "every option"])
def test_objectives_are_the_answer_that_the_command_gives(
    audit_file: Path, block: str, typed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = load_audit(with_blocks(audit_file, f"\nobjectives: {block}\n"))
    store = open_store(spec.store)
    new_photos = open_images(store, "new_photos").table(["image_id"])["image_id"]
    shades = pa.table({"image_id": new_photos, "shade": ["red", "blue"] * (len(new_photos) // 2)})
    pq.write_table(shades, audit_file.parent / "shades.parquet")
    import_attributes(store, "new_photos", audit_file.parent / "shades.parquet")
    (report,) = audit(spec).extras
    assert report.new
    assert report.headline.startswith("aligners to my-clip on photos@1: regression against cross-entropy ")
    capsys.readouterr()
    options = ["--source", "my-model", "--target", "my-clip", *shlex.split(typed)]
    assert run(["objectives", "photos", *options, "--json", "--store", spec.store]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["report"] == {"dataset": "photos@1", "target": "my-clip", "new": False}
    (stored,) = list_answers(store, "objectives")
    assert said["objectives"] == answer_table(store, stored).to_pylist()
    (again,) = audit(spec).extras
    assert not again.new


def test_the_documented_blocks_are_those_of_an_audit_file(audit_file: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "laboratory.md").read_text()
    blocks = page.split("```yaml\n")[1].split("```")[0]
    spec = load_audit(with_blocks(audit_file, f"\n{blocks}"))
    job = Job(spec, open_store(spec.store), SerialRunner(), NoProgress())
    stages = {name: stage for name, stage in EXTRAS.items() if stage.__module__ == "t2c.flows.audit.laboratory_stages"}
    assert [stage for stage, _ in asked_extras(job, first=False)] == list(stages.values())


def test_objectives_are_a_task_of_prefects_and_may_be_several(audit_file: Path) -> None:
    blocks = "\nobjectives: [{related: [colour]}, {unrelated: ['new_photos@1:shade'], seed: 1}]\n"
    spec = load_audit(with_blocks(audit_file, blocks))
    job = Job(spec, open_store(spec.store), SerialRunner(), NoProgress())
    assert [(stage, len(calls)) for stage, calls in asked_extras(job, first=False)] == [(compare_objectives, 2)]
    assert TASKS[compare_objectives].name == "compare objectives"


def test_sources_are_extracted_of_the_tasks_datasets_too(tmp_path: Path) -> None:
    fill(tmp_path / "photos", 12)
    fill(tmp_path / "others", 8)
    (tmp_path / "audit.yaml").write_text(
        "store: store\ndatasets: {photos: {source: photos}, others: {source: others}}\nconcepts: {bank: everyday}\n"
        "encoders: {source: demo:clip, target: demo:clip, device: cpu}\n"
        "objectives: {sources: ['demo:efficientnet-lite0-128'], unrelated: ['others:label']}\n"
    )
    spec = load_audit(tmp_path / "audit.yaml")
    job = Job(spec, open_store(spec.store, create=True), SerialRunner(), NoProgress())
    for name in spec.datasets:
        index_dataset(job, name)
    (block,) = spec.objectives
    with pytest.raises(UnknownName, match=r"encoder with features of photos: .*'demo:clip'"):
        compare_objectives(job, block)  # the target is left to the audit's own extraction, which was not run
    found = {name: [one.space.name for one in list_features(job.store, name)] for name in spec.datasets}
    assert found == {name: ["demo:efficientnet-lite0-128"] for name in spec.datasets}


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
        ("objectives: {sources: [my-model]}", "objectives.*: tasks: expected one or more, but got none"),
        ("objectives: {related: [':colour']}", r"task: expected \[DATASET:\]LABELS\[=PROMPT\].*but got ':colour'"),
        ("objectives: {related: [size], unrelated: [size]}", "tasks: expected each once, but got size, size"),
        (
            "objectives: {related: ['phots:size']}",
            r"objectives tasks: expected one of the datasets .*'phots'.*'photos'",
        ),
        ("objectives: {related: [size], against: [mse]}", "against.*'cross-entropy', 'self-labels' or 'data-free'.*'mse'"),
        ("objectives: {related: [size], against: []}", "against"),
        ("objectives: {related: [size], holdout: 0}", "holdout"),
        (
            "objectives: {related: [size], groups: {a: [my-model], b: [my-model]}}",
            "groups: expected each source in one, but got my-model, my-model",
        ),
    ],
)
def test_blocks_that_are_wrong_are_refused(audit_file: Path, blocks: str, match: str) -> None:
    with pytest.raises(SpecError, match=match):
        load_audit(with_blocks(audit_file, f"\n{blocks}\n"))
