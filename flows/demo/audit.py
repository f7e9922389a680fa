"""The main job on the demo's two folders: the same steps that the commands run, in the same order."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from flows.demo.pictures import Pictures
from flows.demo.plan import BANK, CONCEPTS, PROMPTS, REFERENCE, SECOND, SOURCE, TARGET, DemoPlan
from flows.demo.world import VALUES
from flows.progress import NoProgress, Progress
from flows.steps.align import AlignReport, align
from flows.steps.concepts import add_concepts
from flows.steps.extract import extract
from flows.steps.extract_report import ExtractReport
from flows.steps.index import IndexReport, index
from flows.steps.score import score
from flows.steps.shift import ShiftReport, shift
from flows.steps.summary import SummaryReport, summary
from flows.steps.table_imports import import_attributes
from flows.steps.zeroshot import ZeroshotReport, zeroshot
from schemas.specs import parse_encoder
from store.root import Store


@dataclass(frozen=True, slots=True)
class Audit:
    """What the steps said."""

    indexed: tuple[IndexReport, IndexReport]
    """Reference, second batch."""
    extracted: tuple[ExtractReport, ExtractReport]
    """Reference, second batch."""
    aligned: AlignReport
    """The map from SOURCE to TARGET, fitted on the reference."""
    summary: SummaryReport
    """The reference through the concepts."""
    zeroshot: tuple[ZeroshotReport, ...]
    """One task an attribute, on the reference."""
    shift: ShiftReport
    """Second batch against reference."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall time of each step."""


class Stopwatch:
    """Wall time by name; `watch` is told each name as it begins."""

    def __init__(self, watch: Callable[[str], None]) -> None:
        self.seconds: dict[str, float] = {}
        self._watch = watch

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        self._watch(name)
        started = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - started


def run_audit(
    store: Store,
    pictures: tuple[Pictures, Pictures],
    plan: DemoPlan,
    *,
    clock: Stopwatch,
    progress: Progress | None = None,
) -> Audit:
    """Index, extract, align, score and ask; each step continues where an interrupted run left off."""
    shown = progress or NoProgress()
    with clock("index"):
        indexed = tuple(index(store, one.folder, one.name, progress=shown) for one in pictures)
        for one in pictures:
            import_attributes(store, one.name, one.truth)
    encoders = [parse_encoder(name) for name in (SOURCE, TARGET)]
    with clock("extract"):
        extracted = tuple(extract(store, one.name, encoders, progress=shown) for one in pictures)
    with clock("align"):
        aligned = align(
            store, REFERENCE, source=SOURCE, target=TARGET, holdout=plan.held_out, seed=plan.seed, progress=shown
        )
    with clock("concepts and scores"):
        add_concepts(store, BANK, CONCEPTS, encoder=TARGET)
        for one in pictures:
            for encoder in (SOURCE, TARGET):
                score(store, one.name, source=encoder, bank=BANK, progress=shown)
    with clock("answers"):
        tasks = tuple(classify(store, name) for name in VALUES)
        about = summary(store, REFERENCE, source=SOURCE, bank=BANK)
        compared = shift(store, REFERENCE, SECOND, source=SOURCE, bank=BANK, alpha=plan.alpha)
    return Audit(
        (indexed[0], indexed[1]), (extracted[0], extracted[1]), aligned, about, tasks, compared, dict(clock.seconds)
    )


def classify(store: Store, attribute: str) -> ZeroshotReport:
    """Classify the reference into an attribute's values, with the paper's prompt for it."""
    return zeroshot(
        store,
        REFERENCE,
        source=SOURCE,
        classes=VALUES[attribute],
        templates=(PROMPTS[attribute],),
        labels=attribute,
        name=attribute,
    )
