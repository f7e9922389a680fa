"""Stages of an audit that fit bottlenecks and read datasets: blocks of the file in, reports out."""

from dataclasses import dataclass

from t2c.core.maps.gradient.linear_head import HeadOptions
from t2c.flows.audit.stages import Job, scored_with
from t2c.flows.bottleneck.fit import BottleneckReport, fit_bottleneck
from t2c.flows.bottleneck.head import FitOptions
from t2c.flows.bottleneck.task import SplitOptions
from t2c.flows.bottleneck.use import EditReport, ErrorsReport, bottleneck_errors, edit_bottleneck
from t2c.flows.reading.hard_images import hard_images
from t2c.flows.reading.reading import ReadingReport, class_ranks, concept_pairs
from t2c.flows.reading.slices import SlicesReport, model_slices
from t2c.schemas.specs.bottleneck import BottleneckSpec, ReadingSpec


@dataclass(frozen=True, slots=True, eq=False)
class BottleneckStage:
    """A fitted bottleneck, its errors on further datasets, and the edit of it."""

    fitted: BottleneckReport
    """The bottleneck."""
    errors: tuple[ErrorsReport, ...]
    """Its errors on further datasets."""
    edits: tuple[EditReport, ...]
    """The edit asked for, on its own dataset and the further ones; empty without one."""

    @property
    def headline(self) -> str:
        """One sentence for people."""
        if not self.edits:
            return self.fitted.headline
        after, before = (row["accuracy"] for row in self.edits[-1].accuracy.to_pylist())
        off = ", ".join(edit.concept for edit in self.edits[-1].certificate.edits)
        return f"{self.fitted.headline}; without {off}, {before:.1%} becomes {after:.1%} on {self.edits[-1].dataset}"

    @property
    def new(self) -> bool:
        """Whether anything was computed."""
        return self.fitted.new or any(report.new for report in self.errors) or any(edit.new for edit in self.edits)


@dataclass(frozen=True, slots=True, eq=False)
class ReadingStage:
    """One dataset read through its concepts: tables, and slices of each model."""

    tables: tuple[ReadingReport, ...]
    """Class ranks, hard images, co-occurrence, as asked for."""
    slices: tuple[SlicesReport, ...]
    """Slices of each model."""

    @property
    def headline(self) -> str:
        """One sentence for people."""
        lines = sum(report.table.num_rows for report in self.tables)
        read = f"Read {len(self.tables)} tables of {lines:,} lines" if self.tables else "Read"
        return "; ".join([read, *(report.headline for report in self.slices)])

    @property
    def new(self) -> bool:
        """Whether anything was computed."""
        return any(report.new for report in self.tables) or any(report.new for report in self.slices)


def bottleneck_model(job: Job, block: BottleneckSpec) -> BottleneckStage:
    """Fit a bottleneck, measure its errors on further datasets, and make the edit that the block asks for."""
    dataset = block.dataset or job.spec.fitted_on
    fitted = fit_bottleneck(
        job.store,
        dataset,
        labels=block.labels,
        classes=block.classes or None,
        mapping=block.mapping,
        where=block.where,
        split=SplitOptions(block.holdout, block.seed, block.held_out_where),
        options=FitOptions(
            block.head,
            block.strength,
            HeadOptions(epochs=block.epochs, learning_rate=block.learning_rate),
            block.untrusted,
        ),
        means=block.means,
        progress=job.progress,
        **scored_with(job),
    )
    errors = tuple(bottleneck_errors(job.store, name, model=fitted.name) for name in block.measure)
    edited = (dataset, *block.measure) if block.switch_off else ()
    edits = tuple(edit_bottleneck(job.store, name, off=block.switch_off, model=fitted.name) for name in edited)
    return BottleneckStage(fitted, errors, edits)


def read_dataset(job: Job, block: ReadingSpec) -> ReadingStage:
    """Rank classes, find hard images, count pairs and name the slices on which models err, as the block asks."""
    dataset, sides = block.dataset or job.spec.fitted_on, scored_with(job)
    tables = []
    if block.classes:
        tables.append(class_ranks(job.store, dataset, labels=block.labels, **sides))
    if block.hard:
        tables.append(hard_images(job.store, dataset, labels=block.labels, contexts=block.contexts, **sides))
    if block.cooccurrence:
        tables.append(concept_pairs(job.store, dataset, k=block.k, **sides))
    slices = tuple(
        model_slices(job.store, dataset, model=model, labels=block.labels, k=block.k, **sides) for model in block.slices
    )
    return ReadingStage(tuple(tables), slices)
