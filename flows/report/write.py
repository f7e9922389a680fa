"""Write an audit as one HTML file: ask what the commands ask, check every file that is read, render, rename."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from t2c.core.shift.block_null import BLOCKS
from t2c.core.shift.shift import ALPHA
from t2c.flows.engine.output_files import replacing
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.shown import Shown
from t2c.flows.page.report_spec import ReportSpec
from t2c.flows.page.section import Context
from t2c.flows.report.data import DatasetAccount, ReportData, Zeroshot
from t2c.flows.report.gather import (
    account,
    aligner,
    artifacts,
    check_artifacts,
    most_telling,
    reproduce_command,
    side_stats,
    versions,
)
from t2c.flows.report.pictures import grids, logic
from t2c.flows.report.render import gather_sections, render
from t2c.flows.report.zeroshot_tasks import stored_tasks, table_of
from t2c.flows.rows.near_copies import AUTO as NEAR
from t2c.flows.rows.sides import Side, open_sides, two_slices
from t2c.flows.scores.comparable import comparable
from t2c.flows.shift.classes import AUTO
from t2c.flows.shift.shift import shift
from t2c.flows.shift.table import Beyond
from t2c.flows.trust.trust import marks_in_use
from t2c.schemas.logic import parse
from t2c.store.artifacts.images import open_images
from t2c.store.artifacts.linear_maps import StoredMap, identity_map, open_map
from t2c.store.disk.manifest import Manifest
from t2c.store.disk.root import Store
from t2c.store.queries import find, resolve_scores, searched
from t2c.store.sources.image_bytes import open_bytes

if TYPE_CHECKING:
    from t2c.flows.zeroshot.zeroshot import ZeroshotReport

GRIDS = 8
"""Concepts whose most and least similar images are shown."""
PICTURES = 8
"""Images at each end of a concept."""
FOUND = 12
"""Images shown of a query's answer."""


@dataclass(frozen=True, slots=True)
class WrittenReport(Shown):
    """The written page: its path and size, and how much it describes."""

    path: str
    """Absolute path of the HTML file."""
    bytes: int
    """Its size."""
    concepts: int
    """Concepts described."""
    flagged: int
    """Concepts that have risen or fallen; 0 when nothing was compared."""
    checked: int
    """Artifacts whose files were read whole and matched their digests."""

    @property
    def drift(self) -> bool:
        """Whether any concept was flagged."""
        return self.flagged > 0


def report(
    store: Store,
    reference: str,
    current: str | None = None,
    *,
    output: str | Path,
    queries: Sequence[str] = (),
    zeroshot: Sequence["ZeroshotReport"] = (),
    source: str | None = None,
    target: str | None = None,
    bank: str | None = None,
    linear_map: str | None = None,
    where: str | None = None,
    reference_where: str | None = None,
    alpha: float = ALPHA,
    title: str | None = None,
    commands: Sequence[str] = (),
    near_copies: str = NEAR,
    cluster: str | None = None,
    classes: str = AUTO,
    beyond: Beyond = "chance",
    blocks: int = BLOCKS,
    untrusted: bool = False,
    progress: Progress | None = None,
) -> WrittenReport:
    """Write one self-contained HTML file about a dataset and, when a second side is named, about what changed.

    Sides are named, and shifts judged, as `shift` does. `queries` are concept-logic expressions, asked of every dataset; `zeroshot`
    are tasks done before (default: those the store holds for these snapshots); `commands` are shown as what made the
    file, above the one that makes it again on the same snapshots. Nothing is encoded or classified, and only a whole
    file replaces the output. Raises CorruptError for a file that is not as committed, SpecError or StoreWriteError for
    an output that cannot be written, and what `shift` and `find` raise.
    """
    question = ReportSpec(
        store,
        _pinned(store, reference),
        _pinned(store, current) if current else None,
        where=where,
        reference_where=reference_where,
        source=source,
        target=target,
        bank=bank,
        linear_map=linear_map,
        alpha=alpha,
        queries=tuple(parse(query) for query in queries),
        judged=_not_default(
            {
                "near_copies": near_copies,
                "cluster": cluster,
                "classes": classes,
                "beyond": beyond,
                "blocks": blocks,
                "untrusted": untrusted,
            }
        ),
    )
    sides = _sides(question)
    found_map = _map_of(sides[0])
    with replacing(output) as temporary, _watched(progress, question) as advance:
        tasks, answers = ([table_of(task) for task in zeroshot], []) if zeroshot else _stored(question, found_map)
        sections = gather_sections(Context(question, sides, found_map))
        scores = sides[0].among.scores
        marks = marks_in_use(store, scores.dataset, map=scores.map, bank=scores.bank)
        read = [*_manifests(sides, found_map), *answers, *(marks.answers if marks else ())]
        read += [manifest for gathered in sections.values() for manifest in gathered.read if manifest not in read]
        check_artifacts(store, read)
        advance("comparing")
        data = ReportData(
            title=title or "Concept audit: " + " and ".join(side.name for side in sides),
            created_at=datetime.now(UTC),
            sides=tuple(side.name for side in sides),
            accounts=_accounts(question),
            aligner=aligner(found_map, bank=sides[0].among.scores.bank),
            bank=sides[0].among.scores.bank,
            marks=marks.by_name if marks else None,
            zeroshot=tuple(task for task in tasks if task.accuracies.num_rows),
            sections={key: gathered.data for key, gathered in sections.items()},
            artifacts=artifacts(store, read),
            commands=(*commands, reproduce_command(question, output, scores=scores, title=title)),
            versions=versions(),
            alpha=alpha,
            **_answers(question, sides, advance),
        )
        page = render(replace(data, missing=_missing(data))).encode()
        temporary.write_bytes(page)
    flagged = 0 if data.shift is None else sum(verdict != "none" for verdict in data.shift["verdict"].to_pylist())
    return WrittenReport(str(Path(output).absolute()), len(page), data.reference_stats.num_rows, flagged, len(read))


def _not_default(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options on how a shift is judged that differ from what `shift` does by itself."""
    usual: dict[str, Any] = {"near_copies": NEAR, "cluster": None, "classes": AUTO}
    usual |= {"beyond": "chance", "blocks": BLOCKS, "untrusted": False}
    return {name: value for name, value in options.items() if value != usual[name]}


def _pinned(store: Store, dataset: str) -> str:
    """Return a dataset with its snapshot: `photos` becomes `photos@12`."""
    images = open_images(store, dataset)
    return f"{images.dataset}@{images.snapshot}"


def _sides(question: ReportSpec) -> tuple[Side, ...]:
    """Return the two sides of the comparison, or the one dataset that is described."""
    if question.compares:
        slices = two_slices(
            question.reference, question.current, where=question.where, reference_where=question.reference_where
        )
        near_copies = question.judged.get("near_copies", NEAR)
        return open_sides(question.store, *slices, **question.scored, near_copies=near_copies)
    scores = resolve_scores(question.store, question.reference, **question.scored)
    among = searched(scores, images=open_images(question.store, question.reference))
    return (Side(question.reference, among, np.zeros(scores.rows, dtype=np.bool_)),)


def _map_of(side: Side) -> StoredMap:
    scores = side.among.scores
    return identity_map(scores.store, scores.source) if scores.identity else open_map(scores.store, scores.map)


def _manifests(sides: Sequence[Side], linear_map: StoredMap) -> list[Manifest]:
    """Return the snapshots that are read, each once."""
    every = [side.among.images.manifest for side in sides] + [side.among.scores.manifest for side in sides]
    every += [linear_map.manifest] if linear_map.manifest else []
    return list({(manifest.artifact, manifest.snapshot): manifest for manifest in every}.values())


def _stored(question: ReportSpec, linear_map: StoredMap) -> tuple[list[Zeroshot], list[Manifest]]:
    """Return the zero-shot tasks that were done before on the datasets."""
    stored = [stored_tasks(open_images(question.store, dataset), linear_map) for dataset in question.datasets]
    return [task for tasks, _ in stored for task in tasks], [manifest for _, read in stored for manifest in read]


def _accounts(question: ReportSpec) -> tuple[DatasetAccount, ...]:
    first, *rest = (open_images(question.store, dataset) for dataset in question.datasets)
    return (account(first, role="reference"), *(account(images, role="current") for images in rest))


def _answers(question: ReportSpec, sides: Sequence[Side], advance: Callable[[str], None]) -> dict[str, Any]:
    """Return the fields of ReportData that are answers to questions."""
    compared: pa.Table | None = None
    notes: tuple[str, ...] = ()
    if question.compares:
        where: dict[str, Any] = {
            "where": question.where,
            "reference_where": question.reference_where,
            "alpha": question.alpha,
        }
        found_shift = shift(
            question.store, question.reference, question.current, **where, **question.scored, **question.judged
        )
        compared, notes = found_shift.table, found_shift.notes
    # distributions stand beside the shift's numbers, so they are of the same similarities
    stats = [side_stats(side) for side in (comparable(*sides) if len(sides) > 1 else sides)]
    among = {side.among.images.dataset: side.among for side in sides}  # of two snapshots the current side's
    logic_results = []
    for query in question.queries:
        advance("searching")
        for population in among.values():
            result = find(population.scores, query, images=population.images, limit=FOUND)
            logic_results.append(
                logic(result, dataset=f"{population.images.dataset}@{population.images.snapshot}", read=open_bytes)
            )
    advance("pictures")
    keys = most_telling(stats[0], compared, most=GRIDS)
    return {
        "reference_stats": stats[0],
        "current_stats": stats[1] if question.compares else None,
        "shift": compared,
        "shift_notes": notes,
        "logic": tuple(logic_results),
        "grids": grids(sides, keys, most=PICTURES, read=open_bytes),
    }


def _missing(data: ReportData) -> tuple[tuple[str, str], ...]:
    """Return why optional sections are left out, and what to type."""
    name = data.accounts[0].name
    absent = {
        "shift": (data.shift is None, f"Nothing was compared. Name a second side: t2c report {name} OTHER"),
        "logic": (not data.logic, f"No query was asked. Ask one: t2c report {name} --query 'CONCEPT > 2'"),
        "trust": (data.marks is None, f"Trust was not measured, so no concept is more than a name: t2c trust {name}"),
        "zeroshot": (not data.zeroshot, f"Nothing was classified. Classify labelled images: t2c zeroshot {name}"),
    }
    return tuple((key, why) for key, (gone, why) in absent.items() if gone)


@contextmanager
def _watched(progress: Progress | None, question: ReportSpec) -> Iterator[Callable[[str], None]]:
    """Yield a function that says which part comes next."""
    bar = progress or NoProgress()
    bar.start("report", 3 + len(question.queries), "parts")
    bar.note(part="checking files")

    def advance(part: str) -> None:
        bar.advance(1)
        bar.note(part=part)

    try:
        yield advance
        bar.advance(1)
    finally:
        bar.done()
