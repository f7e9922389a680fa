"""Extraction: every readable image decoded once, through any number of encoders, into their arrays; resumable, repeatable."""

import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from t2c.flows.engine.machine import cores
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.runner import Runner, SerialRunner
from t2c.flows.engine.stop import stop_on_signals
from t2c.flows.features.blocks import ExtractItem, ItemResult, extract_chunks, find_failures, reader, run_item
from t2c.flows.features.extract_report import ExtractReport, check_bad_rate, make_report, none_readable
from t2c.flows.features.plan import (
    Target,
    choose_chunk_rows,
    default_batch,
    items,
    make_plan,
    record_batch_rows,
    rows_in,
)
from t2c.flows.rows.features_of_rows import check_rows
from t2c.schemas.errors import InputError, SpecError, expected
from t2c.schemas.spaces import check_same_space
from t2c.schemas.specs.base import EncoderSpec, parse_encoder
from t2c.schemas.tables.tables import OUTCOME_UPDATES
from t2c.store.artifacts.feature_writer import ChunkTask, FeatureWriter
from t2c.store.artifacts.features import list_features
from t2c.store.artifacts.images import Images, open_images, record_outcomes
from t2c.store.disk import paths
from t2c.store.disk.lease import lease
from t2c.store.disk.root import Store

if TYPE_CHECKING:
    from t2c.core.encoders.base import Encoder
    from t2c.core.encoders.batches import Failure

_COLUMNS = ["row", "image_id", "uri", "content_hash", "outcome", "width", "height", "duplicate_of", "current"]


def extract(
    store: Store,
    dataset: str,
    encoders: Sequence["str | EncoderSpec | Encoder"],
    *,
    runner: Runner | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    workers: int | None = None,
    chunk_seconds: float = 30.0,
    chunk_rows: int | None = None,
    dtype: str | None = None,
    progress: Progress | None = None,
    max_bad_rate: float = 1.0,
) -> ExtractReport:
    """Extract what is missing of the features of a dataset with each encoder (a name such as timm:resnet50), and commit it.

    Batch size and chunk rows (by default about `chunk_seconds` of work, measured) are those of the first run on an
    array and kept afterwards. A killed run is resumed at the chunk; Ctrl-C and SIGTERM keep the chunks begun.
    Images that cannot be decoded are recorded in the image index and the run goes on.

    Raises InputError when no image can be read, when a feature is not finite (naming row and image; nothing is
    committed), or when more than `max_bad_rate` of the current images are bad (all else is kept); UnknownName,
    WeightsMissing, MismatchError, PlanError, BusyError, StoreWriteError.
    """
    _check_options(encoders, batch_size=batch_size, workers=workers, max_bad_rate=max_bad_rate)
    runner, workers = runner or SerialRunner(), workers or cores()
    images = open_images(store, dataset)
    table = images.table(_COLUMNS, current=False)
    readable = table.filter(pc.and_(table["current"], pc.equal(table["outcome"], "ok")))
    if readable.num_rows == 0:
        raise none_readable(images, table)
    given = [parse_encoder(encoder) if isinstance(encoder, str) else encoder for encoder in encoders]
    loaded = _load(images, given, device)
    options = _ArrayOptions(batch_size, workers, chunk_seconds, chunk_rows, dtype)
    with ExitStack() as leases:
        targets = _open_targets(images, loaded, options)
        tokens = [
            leases.enter_context(lease(store, target.writer.artifact, purpose=f"extract {dataset}"))
            for target in targets
        ]
        targets = [replace(target, tasks=tuple(target.writer.pending(images.rows))) for target in targets]
        plan = make_plan(targets, readable, workers=workers, blocks=runner.parallel)
        plan.check(images)
        _check_sources(images, targets, readable)
        started = time.perf_counter()
        bar = _Bar(progress or NoProgress(), plan.images, table, f"extract {dataset}")
        work = items(targets, readable, workers=workers, device=device, split=not isinstance(runner, SerialRunner))
        results = _run(work, runner, bar)
        seconds = time.perf_counter() - started
        failures = _explain(
            targets, readable, images.rows, [failure for result in results for failure in result.failures]
        )
        if len(failures) == readable.num_rows:
            images = _record(store, dataset, failures)
            raise none_readable(images, images.table(_COLUMNS, current=False))
        parents = [images.manifest.as_parent()]
        features = tuple(
            target.writer.commit(images.rows, parents=parents, token=token)
            for target, token in zip(targets, tokens, strict=True)
        )
    images = _record(store, dataset, failures)
    report = make_report(images, results, plan=plan, seconds=seconds, features=features)
    check_bad_rate(report, max_bad_rate)
    return report


@dataclass(frozen=True, slots=True)
class _ArrayOptions:
    """What decides the layout of arrays that are not there yet; None keeps what is there, or measures."""

    batch_size: int | None
    workers: int
    chunk_seconds: float
    chunk_rows: int | None
    dtype: str | None


def _check_options(
    encoders: Sequence[object], *, batch_size: int | None, workers: int | None, max_bad_rate: float
) -> None:
    if not encoders:
        raise SpecError(expected("encoders to extract with", "at least one", "none", "Add --encoder NAME"))
    for name, value in (("batch size", batch_size), ("workers", workers)):
        if value is not None and value < 1:
            raise SpecError(expected(name, "1 or more", str(value)))
    if not 0 <= max_bad_rate <= 1:
        raise SpecError(expected("max bad rate", "a fraction from 0 to 1", str(max_bad_rate)))


def _load(
    images: Images, encoders: Sequence["EncoderSpec | Encoder"], device: str
) -> list[tuple["EncoderSpec | Encoder", "Encoder"]]:
    """Return each encoder with what names it, one a space; MismatchError when a name has features in another space, or of
    other rows."""
    from t2c.core.encoders.load import load_encoder

    existing = {features.encoder: features for features in list_features(images.store, images.dataset)}
    loaded: dict[str, tuple[EncoderSpec | Encoder, Encoder]] = {}
    for requested in encoders:
        encoder = load_encoder(requested, device=device) if isinstance(requested, EncoderSpec) else requested
        if encoder.name in existing:
            todo = "Weights or preprocessing have changed: give the other checkpoint a file name of its own (@FILE)"
            subject = f"encoder {encoder.name} of {images.dataset}"
            check_same_space(subject, existing[encoder.name].space, encoder.space, todo=todo)
            check_rows(images, existing[encoder.name])
        loaded.setdefault(encoder.space.id, (requested, encoder))
    return list(loaded.values())


def _open_targets(
    images: Images, loaded: Sequence[tuple["EncoderSpec | Encoder", "Encoder"]], options: _ArrayOptions
) -> list[Target]:
    """Open the arrays, made where they are not there; new ones share their chunk rows."""
    store, dataset = images.store, images.dataset
    folders = [name.removesuffix(".zarr") for name in store.files.folders(f"features/{dataset}")]
    new = [not any(name.endswith(f"-{encoder.space.short}") for name in folders) for _, encoder in loaded]
    batches = [options.batch_size or default_batch(encoder.device) for _, encoder in loaded]
    rows = options.chunk_rows
    if rows is None and any(new):
        rows = choose_chunk_rows(
            [encoder for _, encoder in loaded],
            batch_rows=batches[0],
            workers=options.workers,
            seconds=options.chunk_seconds,
        )
    targets = []
    for (requested, encoder), is_new, batch in zip(loaded, new, batches, strict=True):
        chunk_rows = rows if is_new else options.chunk_rows
        writer = FeatureWriter.open(
            store, dataset, encoder=encoder.name, space=encoder.space, dtype=options.dtype, chunk_rows=chunk_rows
        )
        targets.append(Target(requested, encoder, writer, record_batch_rows(writer, batch), ()))
    return targets


def _check_sources(images: Images, targets: Sequence[Target], readable: pa.Table, sample: int = 16) -> None:
    """Raise InputError when none of a sample of the images to decode can be opened: a disk that is not mounted, say."""
    from t2c.core.encoders.pixels import UnreadableImage

    places = rows_in(readable, [task for target in targets for task in target.tasks])
    chosen = readable.take(pa.array(places[:: max(1, len(places) // sample)][:sample]))
    read, reasons = reader(chosen), []
    for row in chosen["row"].to_pylist():
        try:
            read(row)
        except UnreadableImage as error:
            reasons.append(str(error))
        else:
            return
    if reasons:
        todo = f"Mount the disk they are on, or index {images.dataset} again"
        actual = f"none of {len(reasons)} tried ({reasons[0]})"
        raise InputError(expected(f"files of {images.dataset}", "image files where they were indexed", actual, todo))


class _Bar:
    """Shows images done, ok and bad beside the dataset's duplicates."""

    def __init__(self, progress: Progress, total: int, table: pa.Table, name: str) -> None:
        current = table.filter(table["current"])
        self.ok, self.bad = 0, 0
        self.duplicates = current.num_rows - current["duplicate_of"].null_count
        self.progress = progress
        progress.start(name, total, "images")

    def __call__(self, decoded: int, failed: int) -> None:
        """Add a batch."""
        self.ok, self.bad = self.ok + decoded, self.bad + failed
        self.progress.advance(decoded + failed)
        self.progress.note(ok=self.ok, bad=self.bad, duplicates=self.duplicates)


def _run(work: Iterable[ExtractItem], runner: Runner, bar: _Bar) -> list[ItemResult]:
    """Run the items in this process, batch by batch on the bar, or through the runner, item by item."""
    results: list[ItemResult] = []
    try:
        with stop_on_signals() as stop:
            if isinstance(runner, SerialRunner):
                results += [run_item(item, on_batch=bar, stop=stop) for item in work if not stop()]
            else:
                for result in runner.map(extract_chunks, work):
                    results.append(result)
                    bar(result.decoded, len(result.failures))
                    if stop():
                        break
        stop.leave()
    finally:
        bar.progress.done()
    return results


def _explain(
    targets: Sequence[Target], readable: pa.Table, total: int, failures: Sequence["Failure"]
) -> list["Failure"]:
    """Return why each readable row without a feature has none, also for rows that a killed run left so."""
    gone = [ChunkTask(0, a, b) for target in targets for a, b in target.writer.missing(total)]
    places = rows_in(readable, gone)
    explained = {failure.row: failure for failure in failures}
    lost = readable.take(pa.array(places))
    unexplained = lost.filter(pc.invert(pc.is_in(lost["row"], pa.array(sorted(explained), pa.int64()))))
    return [*explained.values(), *find_failures(unexplained)]


def _record(store: Store, dataset: str, failures: Sequence["Failure"]) -> Images:
    """Record failures in the image index; without any, return the index as it is."""
    if not failures:
        return open_images(store, dataset)
    columns = {name: [getattr(failure, name) for failure in failures] for name in OUTCOME_UPDATES.names}
    with lease(store, paths.images(dataset), purpose=f"record what extract found in {dataset}") as token:
        return record_outcomes(store, dataset, pa.table(columns, schema=OUTCOME_UPDATES), token=token)
