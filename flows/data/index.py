"""Indexing: one row an input file with its outcome, appended to a dataset as one snapshot; nothing is decoded.

A second run over the same files commits nothing. Hidden files, and metadata files beside images, are skipped and
counted; every other file is an input and gets exactly one outcome, so the outcomes sum to the inputs. Captions, tables
and notes are inputs with the outcome `unsupported`, but no bad images.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from t2c.flows.data.plan import Plan
from t2c.flows.data.scan import default_threads, scan
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.shown import Shown
from t2c.schemas.errors import InputError, MismatchError, SpecError, expected
from t2c.schemas.names import check_name
from t2c.schemas.tables.tables import OUTCOMES
from t2c.store.artifacts.images import Images, append_images, open_images
from t2c.store.disk import paths
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import find_manifest
from t2c.store.disk.root import Store
from t2c.store.sources.inspect import MAX_PIXELS
from t2c.store.sources.items import Fields, Source
from t2c.store.sources.source import open_source
from t2c.store.sources.uris import parse_uri


@dataclass(frozen=True, slots=True)
class IndexReport(Shown):
    """What an index run found and committed."""

    dataset: str
    """Dataset name."""
    snapshot: int
    """Newest snapshot after the run; the same as before when nothing changed."""
    path: str
    """Where the index is: path or URL."""
    source: str
    """Absolute path or URL of what was indexed."""
    kind: str
    """folder, tar or parquet."""
    inputs: int
    """Input files (or tar members, or Parquet rows); the outcomes sum to this."""
    outcomes: Mapping[str, int]
    """Inputs by outcome, all five named; for unchanged rows with what decoding has found since."""
    skipped: int
    """Hidden files and folders, and metadata beside images: not inputs."""
    new: int
    """Inputs whose id was not in the dataset."""
    changed: int
    """Inputs whose bytes, place, label, split or time are not those of their row: superseded."""
    unchanged: int
    """Inputs whose row stays as it is."""
    deleted: int
    """Rows superseded because their file is gone (outcome missing)."""
    promoted: int
    """Copies that took the place of a first copy that is gone."""
    duplicates: int
    """Inputs with the same bytes as another one that stands for them."""
    beside: int
    """Inputs that are no images and promise none by their name (captions, tables, notes): unsupported, but not bad."""
    problems: tuple[tuple[str, str, str], ...]
    """(image id, outcome, error) of the first 20 inputs that should be images and are not ok."""
    notes: tuple[str, ...]
    """What was odd about the metadata: rows that match no image, images named twice."""

    @property
    def bad(self) -> int:
        """Inputs that should be images and whose outcome is not ok."""
        return self.inputs - self.outcomes["ok"] - self.beside

    @property
    def bad_rate(self) -> float:
        """Share of the inputs that should be images whose outcome is not ok, 0 to 1."""
        return self.bad / (self.inputs - self.beside)


def index(
    store: Store,
    source: str | Path | Source,
    dataset: str,
    *,
    label_from: str = "auto",
    split_from: str = "auto",
    captured_at: str = "exif",
    ids: str = "path",
    image_column: str = "",
    kind: str = "auto",
    max_pixels: int = MAX_PIXELS,
    threads: int | None = None,
    max_bad_rate: float = 1.0,
    progress: Progress | None = None,
) -> IndexReport:
    """Index a folder, webdataset tars or Parquet files as a dataset, or bring a dataset up to date with them.

    `label_from`, `split_from`, `captured_at`, `ids` and `image_column` say which column or rule fills a field
    (t2c.store.sources.items.Fields); `kind` is folder, tar, parquet or auto. A source that was listed already is taken as it is.
    Rows do not depend on `threads`.

    Raises InputError when there is nothing to index, when no input is readable (nothing is committed), and when more
    than `max_bad_rate` of the inputs are bad (committed: outcomes are facts); MismatchError when none of the dataset's
    images is in the source; SpecError, BusyError, StoreWriteError.
    """
    check_name(dataset, what="dataset name")
    _check_options(max_pixels=max_pixels, max_bad_rate=max_bad_rate)
    fields = Fields(label_from, split_from, captured_at, ids, image_column)
    progress = progress or NoProgress()
    with lease(store, paths.images(dataset), purpose=f"index {dataset}") as token:
        found = source if isinstance(source, Source) else open_source(source, fields=fields, kind=kind)
        before = _before(store, dataset)
        plan = Plan.over(before, location=found.location, exif_times=captured_at == "exif")
        _look(plan, found, max_pixels=max_pixels, threads=threads or default_threads(), progress=progress)
        _check_plan(plan, dataset, found)
        spec = {"source": found.location, "kind": found.kind, "fields": _spec(fields), "max_pixels": max_pixels}
        images = append_images(store, dataset, plan.finish(), spec=spec, token=token, summary=_summary(plan))
    report = _report(store, found, plan, images)
    _check_bad_rate(report, max_bad_rate)
    return report


def _before(store: Store, dataset: str) -> Images | None:
    return open_images(store, dataset) if find_manifest(store, paths.images(dataset)) else None


def _look(plan: Plan, source: Source, *, max_pixels: int, threads: int, progress: Progress) -> None:
    progress.start(f"index {source.location}", len(source.items), "files")
    try:
        for done, _ in enumerate(plan.add_all(scan(source.items, max_pixels=max_pixels, threads=threads)), 1):
            progress.advance(1)
            if done % 64 == 0 or done == len(source.items):
                progress.note(**plan.outcomes)
    finally:
        progress.done()


def _check_options(*, max_pixels: int, max_bad_rate: float) -> None:
    if max_pixels < 1:
        raise SpecError(expected("max pixels", "1 or more", str(max_pixels)))
    if not 0 <= max_bad_rate <= 1:
        raise SpecError(expected("max bad rate", "a share from 0 to 1", str(max_bad_rate)))


def _check_plan(plan: Plan, dataset: str, source: Source) -> None:
    if not plan.outcomes.get("ok"):
        counts = ", ".join(f"{count} {name}" for name, count in sorted(plan.outcomes.items()))
        first = f"; first {plan.problems[0][0][:200]!r}: {plan.problems[0][2]}" if plan.problems else ""
        got = f"{len(source.items)} without one ({counts}){first}"
        raise InputError(expected(f"source {plan.location}", "at least one readable image", got, _other_column(source)))
    if not plan.overlap:
        todo = f"Index it under another name: t2c index {plan.location} --name {dataset}-2"
        raise MismatchError(
            expected(
                f"source {plan.location}", f"some of the {len(plan.current)} images of {dataset}", "none of them", todo
            )
        )


def _other_column(source: Source) -> str:
    """Return what to type when none of a Parquet file's bytes is an image: the column may be the wrong one."""
    columns = {place.column for item in source.items if (place := parse_uri(item.uri)).row is not None}
    named = " and ".join(map(repr, sorted(columns)))
    return f"Column {named} was read; name another: --image-column COLUMN" if columns else ""


def _check_bad_rate(report: IndexReport, max_bad_rate: float) -> None:
    if report.bad_rate > max_bad_rate:
        bad = {**report.outcomes, "ok": 0, "unsupported": report.outcomes["unsupported"] - report.beside}
        counts = ", ".join(f"{count} {name}" for name, count in bad.items() if count)
        got = f"{report.bad} of {report.inputs - report.beside} ({report.bad_rate:.1%}: {counts})"
        todo = f"They are recorded in {report.dataset}@{report.snapshot}; mend the files and run t2c retry {report.dataset}."
        raise InputError(expected(f"bad files of {report.dataset}", f"at most {max_bad_rate:.1%}", got, todo))


def _spec(fields: Fields) -> dict[str, str]:
    return {name: getattr(fields, name) for name in Fields.__dataclass_fields__}


def _summary(plan: Plan) -> dict[str, Any]:
    names = ("outcomes", "new", "changed", "unchanged", "deleted", "promoted", "duplicates")
    return {name: getattr(plan, name) for name in names}


def _report(store: Store, source: Source, plan: Plan, images: Images) -> IndexReport:
    return IndexReport(
        dataset=images.dataset,
        snapshot=images.snapshot,
        path=store.files.uri(paths.images(images.dataset)),
        source=source.location,
        kind=source.kind,
        inputs=len(source.items),
        outcomes=MappingProxyType({name: plan.outcomes.get(name, 0) for name in OUTCOMES}),
        skipped=source.skipped,
        new=plan.new,
        changed=plan.changed,
        unchanged=plan.unchanged,
        deleted=plan.deleted,
        promoted=plan.promoted,
        duplicates=plan.duplicates,
        beside=plan.beside,
        problems=tuple(plan.problems),
        notes=source.notes,
    )
