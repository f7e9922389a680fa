"""The audit file: datasets, encoders, concepts, questions and where the report goes, in one validated YAML file."""

import os
from pathlib import Path
from typing import Literal, Self, TypeVar

from pydantic import Field, field_validator, model_validator

from t2c.schemas.digest import digest
from t2c.schemas.errors import SpecError, expected, nearest
from t2c.schemas.names import check_name, parse_dataset_ref
from t2c.schemas.specs.align import DESCENDING, MethodSpec
from t2c.schemas.specs.base import DEFAULT_TEMPLATES, ConceptFile, Spec, parse_encoder
from t2c.schemas.specs.bottleneck import BottleneckSpec, ReadingSpec
from t2c.schemas.specs.decode import DecodeBlock
from t2c.schemas.specs.laboratory import ComponentsSpec, CurvesSpec, PairsSpec
from t2c.schemas.specs.objectives import ObjectivesSpec
from t2c.schemas.specs.suite import SuiteSpec
from t2c.schemas.specs.trust import TrustSpec
from t2c.schemas.specs.yaml import load_spec

Block = TypeVar("Block", bound=Spec)

EXAMPLE_FILE = """\
store: t2c-store
datasets:
  photos: {source: photos/}
  new_photos: {source: new_photos/}
encoders: {source: timm:resnet50.a1_in1k, target: open_clip:ViT-B-16/openai}
concepts: {bank: everyday, file: concepts.txt}
align: {dataset: photos}
shift: {reference: photos, current: new_photos, alpha: 0.05}
queries: ["dog > 2.25 & beach > 2"]
zeroshot: [{name: animals}]
report: report.html
fail_on_drift: true
"""
"""An audit file, as `t2c audit --help` shows it."""
EXAMPLE = "See the example: t2c audit --help"
STORE_BESIDE = "t2c-store"
"""Name of the store beside the audit file, where nothing names another."""


class DatasetSpec(Spec):
    """One dataset of the audit: where its images are, and how they are read."""

    source: str | None = None
    """Folder, tar files, Parquet files or URL of the images; None uses what the store already holds."""
    kind: Literal["auto", "folder", "tar", "parquet"] = "auto"
    """What the source is."""
    label_from: str = "auto"
    """Where labels come from: folder, none, a column, or auto."""
    split_from: str = "auto"
    """Where splits come from: folder, none, a column, or auto."""
    captured_at: str = "exif"
    """Where capture times come from: exif, none, or a column."""
    ids: str = "path"
    """Parquet only: path, row, or the column that holds the image id."""
    image_column: str = ""
    """Parquet only: column of the image bytes; empty finds it."""
    max_pixels: int | None = Field(default=None, gt=0)
    """Pixel cap before decoding; None is the index's own default."""
    attributes: str | None = None
    """Table of attributes to import (image_id, then one column an attribute, or long form)."""
    predictions: dict[str, str] = Field(default_factory=dict)
    """Model name to the table of its predictions."""


class EncodersSpec(Spec):
    """The two encoders that are aligned, and how they run."""

    source: str
    """The off-the-shelf encoder under audit, such as `timm:resnet50.a1_in1k`, or the name of imported features."""
    target: str
    """The CLIP whose text encoder names the concepts, such as `open_clip:ViT-B-16/openai`."""
    batch_size: int | None = Field(default=None, gt=0)
    """Images a forward pass; None chooses."""
    workers: int | None = Field(default=None, gt=0)
    """Decode threads; None chooses."""
    device: str = "auto"
    """cpu, cuda, mps, or auto."""
    dtype: Literal["float16", "float32"] | None = None
    """Stored data type; None is that of the first run on the features, or the extraction's own default."""
    chunk_seconds: float | None = Field(default=None, gt=0)
    """Seconds of work lost at most when killed; None is the extraction's own default."""

    @field_validator("source", "target")
    @classmethod
    def _named(cls, value: str) -> str:
        if ":" in value:
            parse_encoder(value)
        return value

    @property
    def extracted(self) -> tuple[str, ...]:
        """The encoders this project runs itself; a name without a colon is imported features."""
        return tuple(dict.fromkeys(name for name in (self.source, self.target) if ":" in name))


class AlignSpec(MethodSpec):
    """How the linear map is fitted: by which aligner, with its options, on which rows."""

    dataset: str | None = None
    """Dataset the map is fitted on, `photos` or `photos@3`; None takes the shift's reference or the first dataset."""
    folds: int = Field(default=5, ge=0, le=16)
    """Folds for out-of-fold maps, 2 or more; 0 for none, with methods that read rows in every epoch."""
    holdout: float = Field(default=0.1, ge=0, lt=1)
    """Share of the rows that are never fitted."""
    held_out_where: str | None = None
    """SQL condition on the rows that are never fitted; replaces the share."""
    seed: int = Field(default=0, ge=0)
    """Seed of the block and fold assignment."""
    max_rows: int | None = Field(default=None, gt=0)
    """Rows used at most, chosen by content hash; None uses all."""

    @model_validator(mode="after")
    def _folds_fit(self) -> Self:
        least = 0 if self.method in DESCENDING else 2
        if self.folds == 1 or self.folds < least:
            want = "2 to 16" + (", or 0 for no fold maps" if least == 0 else "")
            raise SpecError(expected("folds", want, str(self.folds)))
        return self

    @property
    def fitted_by(self) -> MethodSpec:
        """The aligner and its options alone."""
        return MethodSpec.model_validate(self.model_dump(include=set(MethodSpec.model_fields)))


class BankSpec(Spec):
    """The concept bank: one that the store holds, a file, or concepts written here."""

    bank: str
    """Bank name."""
    file: str | None = None
    """Concept file (.txt or .yaml) to add to the bank."""
    inline: ConceptFile | None = None
    """Concepts written in the audit file itself."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        check_name(self.bank, what="concept bank")
        if self.file is not None and self.inline is not None:
            raise SpecError(expected("concepts", "either file or inline", "both"))
        return self


class ShiftSpec(Spec):
    """What is compared with what."""

    reference: str
    """Dataset, or a snapshot such as `photos@3` as a frozen reference."""
    current: str | None = None
    """Dataset; None compares the rows of `where` with the rest of the reference."""
    where: str | None = None
    """SQL condition on the columns of `images` that picks the current rows."""
    reference_where: str | None = None
    """SQL condition that picks the reference rows."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """False discovery rate: a concept is flagged at q <= alpha."""
    near_copies: str = "auto"
    """Cosine from which images count as one: auto, off, or 0.98 and up."""
    cluster: str | None = None
    """What else belongs together: a column, captured_at[:SECONDS] or path[:REGEX]."""
    classes: str = "auto"
    """What a shift is split by: label, an attribute, prediction:MODEL, none, or auto (what both sides have)."""
    beyond: Literal["chance", "blocks"] = "chance"
    """What a verdict must lie beyond: chance among images, or what the reference's own blocks differ by."""
    blocks: int = Field(default=20, ge=5)
    """Contiguous blocks of the reference."""
    untrusted: bool = False
    """Whether concepts marked untrusted get verdicts too."""

    @model_validator(mode="after")
    def _two_sides(self) -> Self:
        parse_dataset_ref(self.reference)
        if self.current is not None:
            parse_dataset_ref(self.current)
        if self.current is None and self.where is None:
            raise SpecError(expected("shift", "two sides: current, or where", "only a reference"))
        return self


class ZeroshotSpec(Spec):
    """One zero-shot classification task."""

    name: str
    """What the task is called in the report."""
    classes: tuple[str, ...] = ()
    """Class names; empty takes the labels there are."""
    bank: str | None = None
    """Concept bank that holds the classes' vectors; None encodes prompts with the target's text encoder."""
    templates: tuple[str, ...] = Field(default=DEFAULT_TEMPLATES, min_length=1)
    """Prompts with {} where the class goes; several are averaged."""
    labels: str = "label"
    """`label`, or the name of an imported attribute that holds the true class."""
    mapping: dict[str, str] = Field(default_factory=dict)
    """Label to class, where they are spelled differently."""
    datasets: tuple[str, ...] = ()
    """Datasets to classify; empty takes all."""


class AuditSpec(Spec):
    """A whole audit; every relative path is relative to the audit file's folder."""

    store: str = ""
    """Folder or URL of the store; empty: `load_audit` fills in the one it is given, $T2C_STORE, or `t2c-store` beside the file."""
    datasets: dict[str, DatasetSpec] = Field(min_length=1)
    """Dataset name to its source."""
    encoders: EncodersSpec
    """Source and target encoder."""
    concepts: BankSpec
    """The concept bank."""
    align: AlignSpec = AlignSpec()
    """How the map is fitted."""
    shift: tuple[ShiftSpec, ...] = ()
    """Comparisons; one may be written without the list."""
    queries: tuple[str, ...] = ()
    """Concept-logic expressions, run on every dataset."""
    zeroshot: tuple[ZeroshotSpec, ...] = ()
    """Zero-shot tasks."""
    suite: SuiteSpec | None = None
    """Zero-shot suite; None runs none."""
    pairs: PairsSpec | None = None
    """Maps between every ordered pair of encoders, judged; None fits none."""
    curves: tuple[CurvesSpec, ...] = ()
    """Efficiency curves; one may be written without the list."""
    components: ComponentsSpec | None = None
    """Principal components of encoders, compared; None compares none."""
    objectives: tuple[ObjectivesSpec, ...] = ()
    """Objectives of the aligner, compared; one may be written without the list."""
    bottleneck: tuple[BottleneckSpec, ...] = ()
    """Concept bottlenecks to fit; one may be written without the list."""
    reading: tuple[ReadingSpec, ...] = ()
    """Datasets to read through the bank; one may be written without the list."""
    decode: tuple[DecodeBlock, ...] = ()
    """Vectors to put into words; one may be written without the list."""
    report: str | None = None
    """HTML file to write; None writes none."""
    fail_on_drift: bool = False
    """Whether drift found is exit code 3."""
    max_bad_rate: float = Field(default=1.0, ge=0, le=1)
    """Share of unreadable images above which a dataset is an error."""

    trust: tuple[TrustSpec, ...] = ()
    """Measure which concepts may be believed; one may be written without the list."""

    @field_validator("shift", "trust", "curves", "objectives", "decode", "bottleneck", "reading", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        for name in self.datasets:
            check_name(name, what="dataset name")
        for subject, name in self._named_datasets():
            if parse_dataset_ref(name).name not in self.datasets:
                todo = nearest(name, self.datasets)
                raise SpecError(expected(subject, f"one of the datasets {', '.join(self.datasets)}", repr(name), todo))
        return self

    def _named_datasets(self) -> list[tuple[str, str]]:
        named = [("align.dataset", self.align.dataset)]
        named += [("shift.reference", spec.reference) for spec in self.shift]
        named += [("shift.current", spec.current) for spec in self.shift]
        named += [("trust.dataset", spec.dataset) for spec in self.trust]
        named += [("decode.dataset", spec.dataset) for spec in self.decode]
        named += [("bottleneck.dataset", spec.dataset) for spec in self.bottleneck]
        named += [("bottleneck.measure", name) for spec in self.bottleneck for name in spec.measure]
        named += [("reading.dataset", spec.dataset) for spec in self.reading]
        named += [("zeroshot.datasets", name) for task in self.zeroshot for name in task.datasets]
        named += [("suite.align_on", self.suite.align_on)] if self.suite else []
        named += [("pairs.dataset", self.pairs.dataset)] if self.pairs else []
        named += [("curves.dataset", spec.dataset) for spec in self.curves]
        named += [("components.dataset", self.components.dataset)] if self.components else []
        named += [("objectives.dataset", spec.dataset) for spec in self.objectives]
        named += [("objectives tasks", task.dataset) for spec in self.objectives for task in spec.tasks if task.dataset]
        return [(subject, name) for subject, name in named if name is not None]

    @property
    def fitted_on(self) -> str:
        """The dataset that the map is fitted on."""
        if self.align.dataset is not None:
            return self.align.dataset
        return self.shift[0].reference if self.shift else next(iter(self.datasets))

    @property
    def digest(self) -> str:
        """The sha256 over the whole spec."""
        return digest(self.model_dump(mode="json"))


def load_audit(path: str | Path, *, store: str | None = None) -> AuditSpec:
    """Read and check an audit file; relative paths in it become absolute. Raises SpecError with every problem.

    The store is the one the file names (relative to the file); else `store`, else $T2C_STORE (both relative to the
    working directory); else `t2c-store` beside the file. Whoever runs the file, the rule is this one.
    """
    file = Path(path)
    spec = load_spec(file, AuditSpec, example=EXAMPLE)
    fallback = store or os.environ.get("T2C_STORE")
    if not spec.store and fallback:
        spec = spec.model_copy(update={"store": _absolute(fallback, Path.cwd())})
    return _with_absolute_paths(spec, file.expanduser().absolute().parent)


def _with_absolute_paths(spec: AuditSpec, folder: Path) -> AuditSpec:
    datasets = {
        name: dataset.model_copy(
            update={
                "source": _absolute(dataset.source, folder),
                "attributes": _absolute(dataset.attributes, folder),
                "predictions": {model: str(_absolute(path, folder)) for model, path in dataset.predictions.items()},
            }
        )
        for name, dataset in spec.datasets.items()
    }
    return spec.model_copy(
        update={
            "store": _absolute(spec.store or STORE_BESIDE, folder),
            "report": _absolute(spec.report, folder),
            "concepts": spec.concepts.model_copy(update={"file": _absolute(spec.concepts.file, folder)}),
            "datasets": datasets,
            "decode": tuple(_with_files(decode, folder) for decode in spec.decode),
            "suite": _with_paths(spec.suite, ("data", "pictures"), folder),
        }
    )


def _with_files(block: DecodeBlock, folder: Path) -> DecodeBlock:
    """Return a block whose `file:PATH` values are absolute."""
    changed = {name: getattr(block, name) for name in ("what", "vocabulary")}
    files = {name: text.partition(":")[2] for name, text in changed.items() if (text or "").startswith("file:")}
    return block.model_copy(update={name: f"file:{_absolute(path, folder)}" for name, path in files.items()})


def _with_paths(block: Block | None, fields: tuple[str, ...], folder: Path) -> Block | None:
    """Return an optional block with its paths made absolute."""
    if block is None:
        return None
    return block.model_copy(update={name: _absolute(getattr(block, name), folder) for name in fields})


def _absolute(text: str | None, folder: Path) -> str | None:
    if text is None or "://" in text:
        return text
    return str((folder / Path(text).expanduser()).absolute())
