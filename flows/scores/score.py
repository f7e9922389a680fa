"""Materialise the similarity of every image to every concept: only what is new, each row with a map that never saw it."""

from collections.abc import Iterator
from dataclasses import dataclass

from t2c.core.statistics.stats import concept_stats
from t2c.flows.engine.answers import store_path
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.runner import Runner, SerialRunner
from t2c.flows.engine.shown import Shown
from t2c.flows.rows.features_of_rows import features_of, folds_of
from t2c.flows.scores.blocks import score_blocks
from t2c.flows.scores.fidelity import fidelity_of
from t2c.schemas.certificate import Fidelity
from t2c.schemas.errors import MismatchError, SpecError, expected
from t2c.schemas.names import DatasetRef, parse_dataset_ref
from t2c.schemas.spaces import Space, check_same_space
from t2c.schemas.tables.tables import FOLD_IN_SAMPLE
from t2c.store.artifacts.concepts import Concepts, open_concepts
from t2c.store.artifacts.images import Images, content_hashes, open_images
from t2c.store.artifacts.linear_maps import StoredMap, add_fidelity, find_map, identity_map, open_map
from t2c.store.artifacts.score_writer import Region, ScoreBlock, write_scores
from t2c.store.artifacts.similarities import Scores
from t2c.store.disk import paths
from t2c.store.disk.manifest import find_manifest
from t2c.store.disk.root import Store


@dataclass(frozen=True, slots=True)
class ScoreReport(Shown):
    """The similarities of a dataset: snapshot, and how many rows and concepts are new."""

    dataset: str
    """Dataset that was scored."""
    map: str
    """Map: 12 hex digits of its digest, or identity-<space> for the target encoder's own features."""
    bank: str
    """Concept bank."""
    path: str
    """Where the similarities are."""
    snapshot: int
    """Snapshot of the similarities."""
    rows: int
    """Image rows with a similarity that had none before this run."""
    concepts: int
    """Concepts scored by this run for the first time."""
    total_rows: int
    """Image rows with a similarity, by this run and before."""
    total_concepts: int
    """Concepts scored, by this run and before."""
    in_sample: int
    """Rows that no comparison may use, because the map was fitted on them without folds."""
    fidelity: tuple[Fidelity, ...]
    """Per concept, how well aligned similarities follow the target's own on rows not fitted; empty when not known."""
    new: bool
    """False when nothing was left to score."""


def score(
    store: Store,
    dataset: DatasetRef | str,
    *,
    source: str,
    bank: str,
    target: str | None = None,
    linear_map: str | None = None,
    runner: Runner | None = None,
    progress: Progress | None = None,
) -> ScoreReport:
    """Score a dataset's features by the source encoder against a concept bank, and return what was new.

    The newest regression between the two spaces is used, whatever dataset it was fitted on, unless `linear_map` names one by
    digest; the bank's own encoder needs none. Rows whose content the map was fitted on are scored out of fold. Raises UnknownName naming the command that makes what is
    missing, MismatchError when bank and target are two spaces, SpecError for a snapshot of a dataset.
    """
    images = _newest_images(store, dataset)
    features = features_of(images, source)
    concepts = open_concepts(store, bank)
    _check_target(target, concepts)
    chosen_map = _map_between(store, features.space, concepts.space, linear_map=linear_map)
    # looked up before anything is written, so that the report can say what this run added
    before = _newest(store, images.dataset, chosen_map, bank)
    rows = min(features.rows, images.rows)
    fold = folds_of(chosen_map.fitted(), content_hashes(images))[:rows]
    watched = Watched(progress or NoProgress(), f"score {images.dataset}")
    run = runner or SerialRunner()

    def blocks(region: Region) -> Iterator[ScoreBlock]:
        parts = score_blocks(region, features=features, linear_map=chosen_map, concepts=concepts, fold=fold, runner=run)
        return watched.blocks(parts, region)

    scores = write_scores(
        images,
        blocks,
        linear_map=chosen_map,
        concepts=concepts,
        rows=rows,
        parents=[features.manifest.as_parent()],
        stats=concept_stats,
        mapper=run.map,
    )
    new = before is None or before.manifest.snapshot != scores.manifest.snapshot
    fidelity = _fidelity(images, scores, chosen_map, new=new)
    return _report(scores, before, in_sample=int((fold == FOLD_IN_SAMPLE).sum()), fidelity=fidelity)


@dataclass(frozen=True, slots=True)
class Watched:
    """Blocks on their way to the writer, counted."""

    progress: Progress
    name: str

    def blocks(self, scored: Iterator[ScoreBlock], region: Region) -> Iterator[ScoreBlock]:
        """Yield the blocks, telling the progress."""
        self.progress.start(self.name, region.stop - region.start, "images")
        self.progress.note(concepts=region.concepts)
        try:
            for block in scored:
                yield block
                self.progress.advance(len(block.rows))
        finally:
            self.progress.done()


def _newest_images(store: Store, dataset: DatasetRef | str) -> Images:
    """Open a dataset's newest images; raises SpecError for a snapshot, because similarities only ever grow."""
    ref = parse_dataset_ref(dataset) if isinstance(dataset, str) else dataset
    if ref.snapshot is not None:
        todo = f"Older snapshots are read from the same similarities: t2c shift {ref} ..."
        raise SpecError(expected("dataset to score", f"{ref.name}, without a snapshot", str(ref), todo))
    return open_images(store, ref)


def _check_target(target: str | None, concepts: Concepts) -> None:
    """Raise MismatchError when a target was named that is not the bank's space."""
    space = concepts.space
    if target is not None and target != space.name and not (len(target) >= 6 and space.id.startswith(target)):
        todo = f"Leave --target out, or score with a bank in the space of {target}."
        raise MismatchError(expected(f"target of bank {concepts.bank}", space.describe(), target, todo))


def _map_between(store: Store, source: Space, target: Space, *, linear_map: str | None) -> StoredMap:
    """Return the map to score with: the one named, else the identity for one space, else the newest between the two."""
    if linear_map is None:
        return identity_map(store, source) if source.id == target.id else find_map(store, source, target)
    named = open_map(store, linear_map)
    check_same_space(f"source of map {named.name}", named.source, source, todo="Name another map, or another --source.")
    check_same_space(f"target of map {named.name}", named.target, target, todo="Name another map, or another bank.")
    return named


def _newest(store: Store, dataset: str, linear_map: StoredMap, bank: str) -> Scores | None:
    manifest = find_manifest(store, paths.similarities(dataset, linear_map.name, bank))
    return Scores(store, manifest) if manifest else None


def _fidelity(images: Images, scores: Scores, linear_map: StoredMap, *, new: bool) -> tuple[Fidelity, ...]:
    """Return the fidelity of each concept, and let it join the certificate when the map was fitted on this dataset."""
    certificate = linear_map.certificate
    if certificate is None:
        return ()
    certified = tuple(row for row in certificate.fidelity if row.bank == scores.bank)
    fitted_here = certificate.dataset == images.dataset
    if fitted_here and certified and not new:
        return certified
    measured = fidelity_of(images, scores)
    if fitted_here and measured:
        add_fidelity(scores.store, linear_map.digest, measured)
    return measured


def _report(scores: Scores, before: Scores | None, *, in_sample: int, fidelity: tuple[Fidelity, ...]) -> ScoreReport:
    old_rows, old_concepts = (_scored_rows(before), before.concepts) if before else (0, 0)
    rows = _scored_rows(scores)
    return ScoreReport(
        dataset=scores.dataset,
        map=scores.map,
        bank=scores.bank,
        path=store_path(scores.store, scores.manifest.artifact),
        snapshot=scores.manifest.snapshot,
        rows=rows - old_rows,
        concepts=scores.concepts - old_concepts,
        total_rows=rows,
        total_concepts=scores.concepts,
        in_sample=in_sample,
        fidelity=fidelity,
        new=before is None or before.manifest.snapshot != scores.manifest.snapshot,
    )


def _scored_rows(scores: Scores) -> int:
    """Return how many image rows have a similarity: as many for each concept."""
    return scores.manifest.rows // max(1, scores.concepts)
