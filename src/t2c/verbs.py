"""Every verb as a method of an open store. Written from the verbs by `make docs`; a test fails when it is stale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from t2c.flows.engine.shown import TableAnswer
from t2c.handle import Handle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Literal

    from t2c.core.bottleneck.slices import SliceOptions
    from t2c.core.encoders.base import Encoder
    from t2c.flows.bottleneck.fit import BottleneckReport
    from t2c.flows.bottleneck.head import FitOptions
    from t2c.flows.bottleneck.task import SplitOptions
    from t2c.flows.bottleneck.use import EditReport, ErrorsReport, ExplainReport
    from t2c.flows.concepts.banks import ConceptsReport
    from t2c.flows.concepts.from_head import HeadBankReport
    from t2c.flows.concepts.map_concepts import CarryReport
    from t2c.flows.concepts.prompt import PromptReport
    from t2c.flows.concepts.propose import ProposeReport
    from t2c.flows.concepts.refine import RefineReport
    from t2c.flows.concepts.refine_job import RefineOptions
    from t2c.flows.data.index import IndexReport
    from t2c.flows.data.retry import RetryReport
    from t2c.flows.data.table_imports import TableImportReport
    from t2c.flows.decode.decode import DecodeReport
    from t2c.flows.decode.decoders import DecoderSpec
    from t2c.flows.engine.progress import Progress
    from t2c.flows.engine.runner import Runner
    from t2c.flows.features.exports import ExportReport
    from t2c.flows.features.extract_report import ExtractReport
    from t2c.flows.features.imports import ConceptImportReport, ImportReport, Unknown
    from t2c.flows.laboratory.components import ComponentsReport
    from t2c.flows.laboratory.curves import By, CurvesReport
    from t2c.flows.laboratory.pairs import PairsReport
    from t2c.flows.maps.align import AlignReport
    from t2c.flows.maps.exports import ExportedMap, Precision
    from t2c.flows.maps.listed import ImportedMap, MapQuality
    from t2c.flows.objectives.objectives import Fitting, ObjectivesReport
    from t2c.flows.reading.reading import ReadingReport
    from t2c.flows.reading.slices import SlicesReport
    from t2c.flows.report.write import WrittenReport
    from t2c.flows.rows.sides import Slice
    from t2c.flows.scores.ask import FindReport, SummaryReport
    from t2c.flows.scores.score import ScoreReport
    from t2c.flows.selftest.selftest import SelftestReport
    from t2c.flows.shift.shift import ShiftReport
    from t2c.flows.study.design import Plan
    from t2c.flows.study.make import MakeReport
    from t2c.flows.study.read import ReadReport
    from t2c.flows.suite.suite import SuiteReport
    from t2c.flows.trust.trust import TrustReport
    from t2c.flows.upkeep.explain import Explanation
    from t2c.flows.zeroshot.zeroshot import ZeroshotReport
    from t2c.schemas.names import DatasetRef
    from t2c.schemas.specs.align import MethodSpec
    from t2c.schemas.specs.base import ConceptFile, EncoderSpec
    from t2c.schemas.specs.objectives import Objective, TaskSpec
    from t2c.store.sources.items import Source


class Store(Handle):
    """An open store: every command of t2c as a method of the same meaning; `t2c.open` makes one."""

    def index(
        self,
        source: str | Path | Source,
        dataset: str,
        *,
        label_from: str = "auto",
        split_from: str = "auto",
        captured_at: str = "exif",
        ids: str = "path",
        image_column: str = "",
        kind: str = "auto",
        max_pixels: int = 200000000,
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
        from t2c.flows.data.index import index

        return index(
            self._store,
            source,
            dataset,
            label_from=label_from,
            split_from=split_from,
            captured_at=captured_at,
            ids=ids,
            image_column=image_column,
            kind=kind,
            max_pixels=max_pixels,
            threads=threads,
            max_bad_rate=max_bad_rate,
            progress=progress,
        )

    def retry(
        self, dataset: str, *, max_pixels: int = 200000000, threads: int | None = None, progress: Progress | None = None
    ) -> RetryReport:
        """Read and decode the bad rows of a dataset again; without one that now reads, nothing is committed.

        Raises UnknownName for a dataset that does not exist, BusyError, StoreWriteError.
        """
        from t2c.flows.data.retry import retry

        return retry(self._store, dataset, max_pixels=max_pixels, threads=threads, progress=progress)

    def import_attributes(
        self,
        dataset: DatasetRef | str,
        file: str | Path,
        *,
        id_column: str = "",
        unknown: Literal["refuse", "skip"] = "refuse",
    ) -> TableImportReport:
        """Import attributes of images: long (image_id, name, value) or wide (image_id, then a column an attribute).

        Empty cells, nulls and NaN are no value. Raises InputError for a file, column or id that does not fit (ids are
        named), or an image that comes twice; UnknownName, SpecError, BusyError, StoreWriteError.
        """
        from t2c.flows.data.table_imports import import_attributes

        return import_attributes(self._store, dataset, file, id_column=id_column, unknown=unknown)

    def import_predictions(
        self,
        dataset: DatasetRef | str,
        file: str | Path,
        *,
        model: str,
        id_column: str = "",
        class_column: str = "",
        score_column: str = "",
        unknown: Literal["refuse", "skip"] = "refuse",
    ) -> TableImportReport:
        """Import what a model predicted: image_id, a class, and a score where there is one; several classes an image may be.

        Raises InputError for a file, id, class or score that does not fit, naming the row; UnknownName, SpecError,
        BusyError, StoreWriteError.
        """
        from t2c.flows.data.table_imports import import_predictions

        return import_predictions(
            self._store,
            dataset,
            file,
            model=model,
            id_column=id_column,
            class_column=class_column,
            score_column=score_column,
            unknown=unknown,
        )

    def import_features(
        self,
        dataset: str,
        vectors: str | Path,
        *,
        encoder: str,
        ids: str | Path | None = None,
        space: str | None = None,
        id_column: str = "",
        vector_column: str = "",
        unknown: Unknown = "refuse",
        progress: Progress | None = None,
    ) -> ImportReport:
        """Import vectors (images, source) joined on image id; the dataset is made from the ids when it does not exist.

        Importing the same files again commits nothing; more vectors for rows that were added since may follow in a
        declared space. Raises InputError for files, NaN and ids (see `open_vectors`) and for ids the dataset does not
        hold, MismatchError when the encoder is there in another space or a row has another vector already, SpecError,
        BusyError, StoreWriteError.
        """
        from t2c.flows.features.imports import import_features

        return import_features(
            self._store,
            dataset,
            vectors,
            encoder=encoder,
            ids=ids,
            space=space,
            id_column=id_column,
            vector_column=vector_column,
            unknown=unknown,
            progress=progress,
        )

    def export_features(
        self, ref: DatasetRef | str, encoder: str, out: str | Path, *, progress: Progress | None = None
    ) -> ExportReport:
        """Write the features of all current rows that have one: `out.npy` with `out.ids.csv` beside it, or `out.parquet`.

        Files appear complete or not at all. Raises SpecError for another suffix, InputError when no row has a feature,
        UnknownName, CorruptError, StoreWriteError.
        """
        from t2c.flows.features.exports import export_features

        return export_features(self._store, ref, encoder, out, progress=progress)

    def extract(
        self,
        dataset: str,
        encoders: Sequence[str | EncoderSpec | Encoder],
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
        from t2c.flows.features.extract import extract

        return extract(
            self._store,
            dataset,
            encoders,
            runner=runner,
            device=device,
            batch_size=batch_size,
            workers=workers,
            chunk_seconds=chunk_seconds,
            chunk_rows=chunk_rows,
            dtype=dtype,
            progress=progress,
            max_bad_rate=max_bad_rate,
        )

    def align(
        self,
        dataset: DatasetRef | str,
        *,
        source: str,
        target: str,
        method: MethodSpec | None = None,
        ridge: float | None = None,
        folds: int = 5,
        holdout: float = 0.1,
        seed: int = 0,
        max_rows: int | None = None,
        held_out_where: str | None = None,
        device: str = "auto",
        runner: Runner | None = None,
        progress: Progress | None = None,
    ) -> AlignReport:
        """Fit the map from the source encoder's features of a dataset to the target's, store it, and certify it.

        `source` and `target` are encoder names or space ids with features in the store; `method` is the aligner with its
        options, by default ridge regression of strength `ridge` (None: chosen by cross-validation). A data-free map needs no
        features: a side may be an encoder or the space of its head's bank. The same options on the
        same snapshot do nothing the second time. `held_out_where` names the rows never fitted, instead of a share. `folds=0`
        fits no fold maps, for methods that read rows in every epoch. Raises UnknownName for features that are not there
        (naming the command that extracts them), MismatchError for one space on both sides, features of other rows or heads of
        other classes, SpecError, InputError, PlanError.
        """
        from t2c.flows.maps.align import align

        return align(
            self._store,
            dataset,
            source=source,
            target=target,
            method=method,
            ridge=ridge,
            folds=folds,
            holdout=holdout,
            seed=seed,
            max_rows=max_rows,
            held_out_where=held_out_where,
            device=device,
            runner=runner,
            progress=progress,
        )

    def import_map(self, file: str | Path, *, source: str, target: str) -> ImportedMap:
        """Store the map of an aligner file (.pth of W (target, source) and b, or safetensors) between two known spaces.

        `source` and `target` are encoders with features in the store, or space ids; the target may be known by a concept
        bank alone. What a safetensors file says of itself is kept as its claim. No pickle is executed. Raises InputError for
        a file that is no aligner, MismatchError when its shape does not fit the two spaces or it says that it joins others,
        UnknownName for a space that the store does not know.
        """
        from t2c.flows.maps.listed import import_map

        return import_map(self._store, file, source=source, target=target)

    def export_map(self, digest: str, output: str | Path, *, dtype: Precision = "float32") -> ExportedMap:
        """Write a map as W (target, source) and b (target,): torch for .pth and .pt, safetensors, or ONNX, by the suffix.

        Aligned features are x @ W.T + b in each of them. The file appears complete or not at all. Raises UnknownName for
        the map, SpecError for another suffix or float16 in ONNX, InputError for weights that float16 cannot hold,
        MissingExtra without the onnx package, StoreWriteError.
        """
        from t2c.flows.maps.exports import export_map

        return export_map(self._store, digest, output, dtype=dtype)

    def measure_map(self, digest: str, dataset: DatasetRef | str, *, progress: Progress | None = None) -> MapQuality:
        """Measure a map on the rows of a dataset that have both features and whose content it was not fitted on.

        The answer is kept (view `map_quality`); the certificate of an imported map then says what was measured, and where.
        Raises UnknownName for a map, dataset or features that are not there, InputError for fewer than two rows.
        """
        from t2c.flows.maps.listed import measure_map

        return measure_map(self._store, digest, dataset, progress=progress)

    def add_concepts(
        self,
        bank: str,
        concepts: ConceptFile | Sequence[str] | str | Path,
        *,
        encoder: str | None = None,
        device: str = "auto",
        progress: Progress | None = None,
    ) -> ConceptsReport:
        """Add concepts (names, or a concept file) to a bank, made if it is not there, encoding only those it lacks.

        `encoder` is a CLIP with a text side; None takes the bank's own, or the only such encoder with features in the
        store. Raises MismatchError when the bank was made by another text encoder (both named) or a concept is there with
        other prompts, SpecError for a word the text encoder does not know, concepts that are not distinct, or no encoder.
        """
        from t2c.flows.concepts.banks import add_concepts

        return add_concepts(self._store, bank, concepts, encoder=encoder, device=device, progress=progress)

    def import_concepts(
        self, bank: str, vectors: str | Path, *, names: str | Path, space: str | None = None
    ) -> ConceptImportReport:
        """Import concept vectors (concepts, target), normalised to length 1, with their names in the order of the rows.

        Names come from .txt, .json (a list) or .csv. Raises InputError for files, NaN, zero vectors and a name that comes
        twice, MismatchError when the bank is in another space or a concept has another vector already.
        """
        from t2c.flows.features.imports import import_concepts

        return import_concepts(self._store, bank, vectors, names=names, space=space)

    def concepts_from_head(
        self,
        bank: str,
        *,
        encoder: str,
        weights: str | Path | None = None,
        classes: str | Path | None = None,
        device: str = "auto",
    ) -> HeadBankReport:
        """Make a bank of a head's classes and groups of them, in the encoder's own space.

        `encoder` is one with a linear head, or the name of imported features: then `weights` is a .npy of the head's weight
        (classes, dimensions). `classes` names its classes in order where the model does not. The same head again does
        nothing. Raises SpecError for no head or no names, UnknownName for features that are not there, MismatchError for a
        bank of that name that is another, InputError for files, or a class without a direction.
        """
        from t2c.flows.concepts.from_head import from_head

        return from_head(self._store, bank, encoder=encoder, weights=weights, classes=classes, device=device)

    def carry_concepts(
        self, bank: str, *, dataset: str, target: str, name: str | None = None, linear_map: str | None = None
    ) -> CarryReport:
        """Carry a bank's vectors through the map from the bank's space to the `target` encoder's, as a bank of their own.

        A text vector has length 1 where an image feature has another, and a map with a bias is not indifferent to that: each
        vector is scaled to the mean length of the dataset's image features in the bank's space, mapped, and normalised.
        The new bank (`name`, default `<bank>-<map>`) scores the target encoder's features as they are. Raises
        UnknownName for a bank, features or a map that are not there, SpecError without image features in the bank's space,
        MismatchError for a map of other spaces, or a bank of that name that this map did not carry.
        """
        from t2c.flows.concepts.map_concepts import carry

        return carry(self._store, bank, dataset=dataset, target=target, name=name, linear_map=linear_map)

    def propose_concepts(
        self,
        reference: str,
        current: str | None = None,
        *,
        where: str | None = None,
        reference_where: str | None = None,
        vocabulary: str = "english",
        background: Sequence[str] = (),
        source: str | None = None,
        target: str | None = None,
        linear_map: str | None = None,
        alpha: float = 0.05,
        min_share: float = 0.01,
        seed: int = 0,
        device: str = "auto",
        progress: Progress | None = None,
    ) -> ProposeReport:
        """Return which words of a vocabulary to ask about: those that stand out in other shares of two sides' images.

        Two datasets, or the rows of `where` against the rest: for the images that a model gets wrong, its imported
        predictions beside the label. Words are found on one half of the contents and tested on the other; those confirmed
        have a q of at most `alpha`, the direction they were found with, and shares that differ by `min_share` (or a factor of
        two with a fifth of it). `background` names the datasets that stand for images at large; by default all of the store
        that the map can align. Raises SpecError, UnknownName, MismatchError naming both sides, InputError.
        """
        from t2c.flows.concepts.propose import propose_concepts

        return propose_concepts(
            self._store,
            reference,
            current,
            where=where,
            reference_where=reference_where,
            vocabulary=vocabulary,
            background=background,
            source=source,
            target=target,
            linear_map=linear_map,
            alpha=alpha,
            min_share=min_share,
            seed=seed,
            device=device,
            progress=progress,
        )

    def refine_concept(
        self,
        dataset: DatasetRef | str,
        concept: str,
        *,
        positive: Sequence[int],
        negative: Sequence[int] = (),
        options: RefineOptions | None = None,
        source: str | None = None,
        target: str | None = None,
        bank: str | None = None,
        linear_map: str | None = None,
    ) -> RefineReport:
        """Make a new concept from images that show it (and images that do not), beside the one it came from.

        The vector is the mean of the positives' aligned features, or the normal of a linear classifier against the
        negatives (a sample of the rest when none are named); each image is aligned with the map that never saw it. A share
        of the exemplars is kept aside, and the old and new vector are compared there and, where an attribute or label goes
        by the concept's name, on every image that is no exemplar. `source`, `target`, `bank` and `linear_map` choose the
        similarities. Raises UnknownName, SpecError, InputError for too few exemplars or an image on both sides.
        """
        from t2c.flows.concepts.refine import refine_concept

        return refine_concept(
            self._store,
            dataset,
            concept,
            positive=positive,
            negative=negative,
            options=options,
            source=source,
            target=target,
            bank=bank,
            linear_map=linear_map,
        )

    def score(
        self,
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
        from t2c.flows.scores.score import score

        return score(
            self._store,
            dataset,
            source=source,
            bank=bank,
            target=target,
            linear_map=linear_map,
            runner=runner,
            progress=progress,
        )

    def trust(
        self,
        dataset: DatasetRef | str,
        *,
        source: str | None = None,
        target: str | None = None,
        bank: str | None = None,
        linear_map: str | None = None,
        labels: Sequence[str] = (),
        mapping: Mapping[str, str] | None = None,
        directions: int = 200,
        max_rows: int = 100000,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> TrustReport:
        """Measure transport and meaning of every concept of a bank that the dataset was scored with, and store the marks.

        `labels` are `label` and names of attributes (default: all there are), `mapping` says which concept a value stands
        for where the names differ. Only rows the map was not fitted on, or those out of fold, are used, each content once.
        Raises UnknownName, SpecError, InputError for labels named that bear out no concept.
        """
        from t2c.flows.trust.trust import trust

        return trust(
            self._store,
            dataset,
            source=source,
            target=target,
            bank=bank,
            linear_map=linear_map,
            labels=labels,
            mapping=mapping,
            directions=directions,
            max_rows=max_rows,
            seed=seed,
            progress=progress,
        )

    def summary(
        self,
        dataset: DatasetRef | str,
        *,
        source: str | None = None,
        target: str | None = None,
        bank: str | None = None,
        linear_map: str | None = None,
        k: int = 5,
        by_class: bool = False,
    ) -> SummaryReport:
        """Return what a dataset looks like through a concept bank; `k` images at each end of each concept, 0 for none.

        `by_class` adds both ends inside every class, the paper's way to hard images. Raises UnknownName, SpecError.
        """
        from t2c.flows.scores.ask import summary

        return summary(
            self._store, dataset, source=source, target=target, bank=bank, linear_map=linear_map, k=k, by_class=by_class
        )

    def top(
        self,
        dataset: DatasetRef | str,
        concept: str,
        *,
        k: int = 20,
        least: bool = False,
        label: str | None = None,
        source: str | None = None,
        target: str | None = None,
        bank: str | None = None,
        linear_map: str | None = None,
        where: str | None = None,
        duplicates: bool = True,
    ) -> TableAnswer:
        """Return the k images most (or least) similar to a concept: rank, row, image_id, uri, label, similarity, z.

        Raises UnknownName for a dataset, concept or label that is not there, SpecError for k below 1 or a bad condition.
        """
        from t2c.flows.scores.ask import top

        return TableAnswer(
            top(
                self._store,
                dataset,
                concept,
                k=k,
                least=least,
                label=label,
                source=source,
                target=target,
                bank=bank,
                linear_map=linear_map,
                where=where,
                duplicates=duplicates,
            )
        )

    def find(
        self,
        dataset: DatasetRef | str,
        expression: str,
        *,
        source: str | None = None,
        target: str | None = None,
        bank: str | None = None,
        linear_map: str | None = None,
        where: str | None = None,
        limit: int = 50,
        duplicates: bool = True,
    ) -> FindReport:
        """Return the images that satisfy a concept-logic expression, surest first.

        Raises LogicError with the position of a mistake, UnknownName with the nearest concepts, SpecError, InputError.
        """
        from t2c.flows.scores.ask import find

        return find(
            self._store,
            dataset,
            expression,
            source=source,
            target=target,
            bank=bank,
            linear_map=linear_map,
            where=where,
            limit=limit,
            duplicates=duplicates,
        )

    def shift(
        self,
        reference: Slice | str,
        current: Slice | str | None = None,
        *,
        where: str | None = None,
        reference_where: str | None = None,
        source: str | None = None,
        target: str | None = None,
        bank: str | None = None,
        linear_map: str | None = None,
        cluster: str | None = None,
        near_copies: str = "auto",
        duplicates: bool = False,
        alpha: float = 0.05,
        min_effect: float = 0.1,
        classes: str = "auto",
        beyond: Literal["chance", "blocks"] = "chance",
        blocks: int = 20,
        untrusted: bool = False,
        background: str | None = None,
        vocabulary: str | None = None,
        progress: Progress | None = None,
    ) -> ShiftReport:
        """Compare the current side with the reference side, for every concept of a bank, and store the answer.

        `shift("photos", "new_photos")` compares datasets; `shift("photos", where=...)` the rows that a condition picks with
        the rest (or with `reference_where`); `photos@3` is a frozen reference, and against `photos` itself the rows added
        since are compared. Each shift is split into what another mix of classes explains and what it does not, and stands
        beside the distances of contiguous blocks of the reference from the rest of it.

        `cluster`: Images that belong together count as one: by a label or attribute, bursts of time, or names.
        `near_copies`: Of images whose features are this close, one counts: auto, off, or a cosine of 0.98 and up.
        `duplicates`: Count exact copies as images of their own, instead of leaving them out and saying how many.
        `alpha`: False discovery rate of the verdicts: a concept or a family is flagged at q <= alpha.
        `min_effect`: Smallest difference worth a direction, in reference standard deviations; a tenth of it is that of a
          share.
        `classes`: Split each shift into class mix and the rest by these; auto takes what both sides have.
        `beyond`: What a verdict must lie beyond: chance among images, or what the reference's own blocks differ by.
        `blocks`: Contiguous blocks of the reference.
        `untrusted`: Give untrusted concepts a verdict too.
        `background`: Varied images that shares are held against at large; by default the bank's own, or all that the store
          has scored.
        `vocabulary`: Larger bank whose words may stand out instead, for a bank of few concepts; by default the largest
          scored beside it.

        Raises MismatchError for in-sample rows or two maps, InputError for a side without images, SpecError, UnknownName.
        """
        from t2c.flows.shift.shift import shift
        from t2c.schemas.specs.shift import Judging
        from t2c.schemas.specs.yaml import spec_errors

        with spec_errors("shift", Judging):
            judging = Judging(
                cluster=cluster,
                near_copies=near_copies,
                duplicates=duplicates,
                alpha=alpha,
                min_effect=min_effect,
                classes=classes,
                beyond=beyond,
                blocks=blocks,
                untrusted=untrusted,
                background=background,
                vocabulary=vocabulary,
            )

        return shift(
            self._store,
            reference,
            current,
            where=where,
            reference_where=reference_where,
            source=source,
            target=target,
            bank=bank,
            linear_map=linear_map,
            judging=judging,
            progress=progress,
        )

    def selftest(
        self,
        dataset: str,
        *,
        where: str | None = None,
        source: str | None = None,
        target: str | None = None,
        bank: str | None = None,
        linear_map: str | None = None,
        cluster: str | None = None,
        near_copies: str = "auto",
        duplicates: bool = False,
        alpha: float = 0.05,
        splits: int = 400,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> SelftestReport:
        """Split a dataset (or the rows of a condition) in random halves, many times, and count how often `shift` would err.

        Halves are dealt by the unit that `shift` counts by: images, or what `cluster` names, without copies and near-copies
        as there. Under clusters the same halves are judged as if every image were one too; without, groups that times or
        names suggest are dealt whole and judged as `shift` does, image by image: a rate far above alpha says that they
        belong together. Raises as `shift` does, InputError for fewer than 20 observations.

        `cluster`: Images that belong together count as one: by a label or attribute, bursts of time, or names.
        `near_copies`: Of images whose features are this close, one counts: auto, off, or a cosine of 0.98 and up.
        `duplicates`: Count exact copies as images of their own, instead of leaving them out and saying how many.
        """
        from t2c.flows.selftest.selftest import selftest
        from t2c.schemas.specs.shift import Counted
        from t2c.schemas.specs.yaml import spec_errors

        with spec_errors("selftest", Counted):
            counted = Counted(cluster=cluster, near_copies=near_copies, duplicates=duplicates)

        return selftest(
            self._store,
            dataset,
            where=where,
            source=source,
            target=target,
            bank=bank,
            linear_map=linear_map,
            counted=counted,
            alpha=alpha,
            splits=splits,
            seed=seed,
            progress=progress,
        )

    def zeroshot(
        self,
        dataset: DatasetRef | str,
        *,
        source: str | None = None,
        target: str | None = None,
        linear_map: str | None = None,
        classes: Sequence[str] | None = None,
        bank: str | None = None,
        templates: Sequence[str] = (
            "itap of a {}",
            "a bad photo of the {}",
            "a origami {}",
            "a photo of the large {}",
            "a {} in a video game",
            "art of the {}",
            "a photo of the small {}",
        ),
        labels: str = "label",
        mapping: Mapping[str, str] | None = None,
        name: str | None = None,
        device: str = "auto",
        runner: Runner | None = None,
        progress: Progress | None = None,
    ) -> ZeroshotReport:
        """Classify every image by the class vector nearest to its aligned feature; store the predictions; count the hits.

        Classes are the labels of the dataset (or the values of the attribute `labels`) unless named; their vectors come
        from a bank, or from prompts encoded by the target's text encoder, which is loaded only for a task not done before.
        `mapping` renames labels to classes. Fitted images are classified out of fold. Raises UnknownName, SpecError,
        MismatchError, InputError.
        """
        from t2c.flows.zeroshot.zeroshot import zeroshot

        return zeroshot(
            self._store,
            dataset,
            source=source,
            target=target,
            linear_map=linear_map,
            classes=classes,
            bank=bank,
            templates=templates,
            labels=labels,
            mapping=mapping,
            name=name,
            device=device,
            runner=runner,
            progress=progress,
        )

    def sql(self, sql: str) -> TableAnswer:
        """Return the result of one SELECT over the catalog's views as an Arrow table.

        Raises SpecError for anything but one SELECT (EXPLAIN, COPY, SET, ... and writing common table expressions
        included), and for a query that DuckDB refuses, with its message and hint.
        """
        from t2c.store.queries.user_sql import run_user_sql

        return TableAnswer(run_user_sql(self._store, sql))

    def classes(
        self,
        dataset: DatasetRef | str,
        concepts: Sequence[str] = (),
        *,
        images: int = 4,
        labels: str = "label",
        source: str | None = None,
        target: str | None = None,
        bank: str | None = None,
        linear_map: str | None = None,
    ) -> ReadingReport:
        """Rank the classes of a dataset by their mean similarity to concepts (figure 2) and by share of the top 1 %.

        All concepts of the bank when none is named; `images` most and least similar images are kept of each class. `labels`
        is `label` or an attribute. Raises InputError when no image has one, UnknownName, SpecError for fewer than 0 images.
        """
        from t2c.flows.reading.reading import class_ranks

        return class_ranks(
            self._store,
            dataset,
            concepts,
            images=images,
            labels=labels,
            source=source,
            target=target,
            bank=bank,
            linear_map=linear_map,
        )

    def hard(
        self,
        dataset: DatasetRef | str,
        *,
        contexts: Sequence[str] = (),
        model: str | None = None,
        images: int = 8,
        labels: str = "label",
        source: str | None = None,
        target: str | None = None,
        bank: str | None = None,
        linear_map: str | None = None,
    ) -> ReadingReport:
        """Find the images of each class that least show a context their class usually has (figure 15).

        Contexts are the bank's concepts of that kind unless named (all concepts, where it has none). A class usually has
        one that nearly all of its images lie above the overall mean of (`t2c.core.bottleneck.reading`). With `model`, what its imported
        predictions say of each image stands beside it. Raises InputError for no labels, UnknownName, SpecError.
        """
        from t2c.flows.reading.hard_images import hard_images

        return hard_images(
            self._store,
            dataset,
            contexts=contexts,
            model=model,
            images=images,
            labels=labels,
            source=source,
            target=target,
            bank=bank,
            linear_map=linear_map,
        )

    def cooccur(
        self,
        dataset: DatasetRef | str,
        *,
        k: float = 1.0,
        source: str | None = None,
        target: str | None = None,
        bank: str | None = None,
        linear_map: str | None = None,
    ) -> ReadingReport:
        """Count which concepts come together: present means a similarity above mean + k standard deviations.

        The strongest correlation of presence comes first. Raises SpecError for a k that is not finite, InputError for fewer
        than two concepts or no images.
        """
        from t2c.flows.reading.reading import concept_pairs

        return concept_pairs(self._store, dataset, k=k, source=source, target=target, bank=bank, linear_map=linear_map)

    def slices(
        self,
        dataset: DatasetRef | str,
        *,
        model: str,
        labels: str = "label",
        k: float = 1.0,
        options: SliceOptions | None = None,
        seed: int = 0,
        source: str | None = None,
        target: str | None = None,
        bank: str | None = None,
        linear_map: str | None = None,
    ) -> SlicesReport:
        """Name the conjunctions of at most three concepts on which a model's imported predictions err most.

        A term is `concept > k` or `concept < -k`, in standard deviations over the dataset, as `t2c find` reads it. Slices
        are found on one half of the images, chosen by content, and sized, rated and confirmed on the other. Raises
        UnknownName for a model or attribute, InputError for too few images or labels the model never names, SpecError.
        """
        from t2c.flows.reading.slices import model_slices

        return model_slices(
            self._store,
            dataset,
            model=model,
            labels=labels,
            k=k,
            options=options,
            seed=seed,
            source=source,
            target=target,
            bank=bank,
            linear_map=linear_map,
        )

    def fit_bottleneck(
        self,
        dataset: DatasetRef | str,
        *,
        labels: str = "label",
        classes: Sequence[str] | None = None,
        mapping: Mapping[str, str] | None = None,
        where: str | None = None,
        split: SplitOptions | None = None,
        options: FitOptions | None = None,
        means: Mapping[str, str] | None = None,
        progress: Progress | None = None,
        source: str | None = None,
        target: str | None = None,
        bank: str | None = None,
        linear_map: str | None = None,
    ) -> BottleneckReport:
        """Fit a linear head on standardised similarities, store it, and store how it fares beside its peers.

        `source`, `target`, `bank` and `linear_map` choose the similarities, which are out of fold where the map was fitted;
        `mapping` renames labels to classes; `means` says which concept an attribute's value stands for where names differ.
        Accuracy is on rows that neither head nor map was fitted on as they are measured. Raises InputError for too few
        images of a class, constant similarities or labels that are no class, SpecError, UnknownName, MismatchError.
        """
        from t2c.flows.bottleneck.fit import fit_bottleneck

        return fit_bottleneck(
            self._store,
            dataset,
            labels=labels,
            classes=classes,
            mapping=mapping,
            where=where,
            split=split,
            options=options,
            means=means,
            progress=progress,
            source=source,
            target=target,
            bank=bank,
            linear_map=linear_map,
        )

    def explain_images(
        self,
        dataset: DatasetRef | str,
        images: Sequence[str] = (),
        *,
        rows: Sequence[int] = (),
        model: str | None = None,
        raw: bool = False,
    ) -> ExplainReport:
        """Explain the class of some images (ids or rows), or of the surest errors and hits when none is named.

        `raw` takes the shares of the similarities themselves, as the paper does, instead of the standardised ones.
        Raises UnknownName for a model, InputError for an image that the dataset lacks or has no similarity of.
        """
        from t2c.flows.bottleneck.use import explain_images

        return explain_images(self._store, dataset, images, rows=rows, model=model, raw=raw)

    def bottleneck_errors(self, dataset: DatasetRef | str, *, model: str | None = None) -> ErrorsReport:
        """Return the misclassified images of a dataset by the concept that tipped them: where a spurious one shows.

        Only labelled images that the head was not fitted on count; raises InputError when there are none.
        """
        from t2c.flows.bottleneck.use import bottleneck_errors

        return bottleneck_errors(self._store, dataset, model=model)

    def edit_bottleneck(
        self,
        dataset: DatasetRef | str,
        *,
        off: Sequence[str] = (),
        scale: Mapping[str, float] | None = None,
        model: str | None = None,
    ) -> EditReport:
        """Switch concepts off, or multiply their weights, and measure what changes on a dataset; nothing is fitted again.

        The edited bottleneck is stored beside the one it came from. Raises SpecError for no edit or a concept named twice,
        UnknownName for a concept the bottleneck does not see, InputError for a factor that is not finite.
        """
        from t2c.flows.bottleneck.use import edit_bottleneck

        return edit_bottleneck(self._store, dataset, off=off, scale=scale, model=model)

    def decode(
        self,
        dataset: DatasetRef | str,
        what: str,
        *,
        decoder: DecoderSpec | None = None,
        vocabulary: str = "english",
        source: str | None = None,
        target: str | None = None,
        linear_map: str | None = None,
        where: str | None = None,
        reference_where: str | None = None,
        rescale: bool = True,
        direction: bool = False,
        device: str = "auto",
        progress: Progress | None = None,
    ) -> DecodeReport:
        """Put what WHAT names (see `t2c.flows.decode.vectors.KINDS`) into words, and store the answer.

        The vectors are aligned by the preferred map from source to target unless one is named; words are judged on the
        dataset's own images. `where` and `reference_where` choose the sides of a shift, `direction` says what a user's own
        vectors are, `rescale=False` leaves head vectors as they are. The same question on the same snapshot is not computed
        again. Raises SpecError, UnknownName, MismatchError naming both sides, InputError.
        """
        from t2c.flows.decode.decode import decode

        return decode(
            self._store,
            dataset,
            what,
            decoder=decoder,
            vocabulary=vocabulary,
            source=source,
            target=target,
            linear_map=linear_map,
            where=where,
            reference_where=reference_where,
            rescale=rescale,
            direction=direction,
            device=device,
            progress=progress,
        )

    def make_study(
        self,
        dataset: DatasetRef | str,
        folder: Path,
        *,
        words: Path | None = None,
        answers: Sequence[str] = (),
        labels: str = "label",
        checks: Path | None = None,
        plan: Plan | None = None,
        progress: Progress | None = None,
    ) -> MakeReport:
        """Write the pages of a study and its key to a folder, which is made; the same question writes the same bytes.

        Words come from a CSV file (`words`), else from stored decodings (`t2c.flows.study.words.stored_sayings`); `labels` is
        `label` or an imported attribute. Raises SpecError, UnknownName, MismatchError, InputError, StoreWriteError.
        """
        from t2c.flows.study.make import make

        return make(
            self._store,
            dataset,
            folder,
            words=words,
            answers=answers,
            labels=labels,
            checks=checks,
            plan=plan,
            progress=progress,
        )

    def read_study(self, files: Sequence[Path], *, key: Path, most_failed: int | None = None) -> ReadReport:
        """Read annotators' files of the study in `key` and store their tables.

        `most_failed` leaves out annotators who failed more checks of attention. Raises InputError or MismatchError naming the
        file and both sides; UnknownName when the store does not hold the study's dataset, MismatchError when it is another.
        """
        from t2c.flows.study.read import read

        return read(self._store, files, key=key, most_failed=most_failed)

    def suite(
        self,
        data: str | Path,
        *,
        models: Sequence[str | Encoder] = (),
        target: str | Encoder,
        tasks: Sequence[str] = (),
        align_on: str | None = None,
        maps: Sequence[str] = (),
        pictures: Path | None = None,
        device: str = "auto",
        batch_size: int | None = None,
        workers: int | None = None,
        runner: Runner | None = None,
        progress: Progress | None = None,
    ) -> SuiteReport:
        """Classify every task's pictures with every model through the classes' text vectors, and count.

        `data` holds the tasks' files (docs/suite.md); without `tasks`, every task whose files are there is done, and those
        that need none. `align_on` is the dataset that the models' maps are fitted on; `maps` are digests of further maps to
        test. `pictures` is where pictures that are no image files go (beside a local store when None).

        Raises InputError for a folder that is not there and for files that are missing (each named) or damaged, UnknownName
        for a task (nearest names) or a model without a map, SpecError, MismatchError, and what extracting raises.
        """
        from t2c.flows.suite.suite import suite

        return suite(
            self._store,
            data,
            models=models,
            target=target,
            tasks=tasks,
            align_on=align_on,
            maps=maps,
            pictures=pictures,
            device=device,
            batch_size=batch_size,
            workers=workers,
            runner=runner,
            progress=progress,
        )

    def pairs(
        self,
        dataset: DatasetRef | str,
        encoders: Sequence[str],
        *,
        groups: Mapping[str, Sequence[str]] | None = None,
        heads: Sequence[str] | None = None,
        labels: str = "label",
        classes: Sequence[str] = (),
        ridge: float | None = None,
        holdout: float = 0.1,
        seed: int = 0,
        max_rows: int | None = None,
        held_out_where: str | None = None,
        device: str = "auto",
        runner: Runner | None = None,
        progress: Progress | None = None,
    ) -> PairsReport:
        """Fit and judge the map of every ordered pair of encoders, and store the table.

        `groups` names encoders that are averaged together; `heads` are `HEAD` for all targets or `ENCODER=HEAD` for one
        (`t2c.flows.laboratory.joint_heads`). `ridge` None chooses one for each pair on a fifth of the fitted blocks. Raises
        UnknownName, SpecError, InputError for no rows in common, MismatchError for rows or heads that do not fit.
        """
        from t2c.flows.laboratory.pairs import pairs

        return pairs(
            self._store,
            dataset,
            encoders,
            groups=groups,
            heads=heads,
            labels=labels,
            classes=classes,
            ridge=ridge,
            holdout=holdout,
            seed=seed,
            max_rows=max_rows,
            held_out_where=held_out_where,
            device=device,
            runner=runner,
            progress=progress,
        )

    def curves(
        self,
        dataset: DatasetRef | str,
        *,
        source: str,
        target: str,
        by: By = "samples",
        points: int = 12,
        seeds: int = 3,
        head: str | None = None,
        labels: str = "label",
        classes: Sequence[str] = (),
        ridge: float | None = None,
        holdout: float = 0.1,
        seed: int = 0,
        max_rows: int | None = None,
        held_out_where: str | None = None,
        device: str = "auto",
        progress: Progress | None = None,
    ) -> CurvesReport:
        """Fit and judge maps on growing numbers of samples (or classes), in several orders, and store the table.

        `head` classifies in the target space: `probe` (the default where there are labels), `classifier`, `zeroshot[:BANK]`
        or `none`. The ridge is one for the whole curve; None chooses it once, on a fifth of the rows to fit. Raises
        UnknownName, SpecError, MismatchError, InputError, PlanError.
        """
        from t2c.flows.laboratory.curves import curves

        return curves(
            self._store,
            dataset,
            source=source,
            target=target,
            by=by,
            points=points,
            seeds=seeds,
            head=head,
            labels=labels,
            classes=classes,
            ridge=ridge,
            holdout=holdout,
            seed=seed,
            max_rows=max_rows,
            held_out_where=held_out_where,
            device=device,
            progress=progress,
        )

    def components(
        self,
        dataset: DatasetRef | str,
        encoders: Sequence[str],
        *,
        k: int = 40,
        p: int = 5,
        max_rows: int | None = None,
        runner: Runner | None = None,
        progress: Progress | None = None,
    ) -> ComponentsReport:
        """Regress the first k components of every encoder on those of every other, and store the row-normalised maps.

        `p` only decides what is counted as near the diagonal. Raises UnknownName, SpecError, InputError for rows in common
        that do not vary, MismatchError.
        """
        from t2c.flows.laboratory.components import components

        return components(self._store, dataset, encoders, k=k, p=p, max_rows=max_rows, runner=runner, progress=progress)

    def objectives(
        self,
        dataset: DatasetRef | str,
        *,
        sources: Sequence[str],
        target: str,
        tasks: Sequence[TaskSpec],
        against: Sequence[Objective] = ("cross-entropy", "self-labels"),
        groups: Mapping[str, str] | None = None,
        fitting: Fitting | None = None,
        device: str = "auto",
        runner: Runner | None = None,
        progress: Progress | None = None,
    ) -> ObjectivesReport:
        """Fit each source's map by regression and by the other objectives, and compare them on tasks, image by image.

        All maps of a comparison hold out the same rows; a task is judged on images that none of a source's maps was fitted
        on. Means are over tasks and sources of a group (`groups`: source to group), each pair counting once, apart for tasks
        related and unrelated to the classes used for fitting. Raises SpecError for no source or task, the same one twice and
        an objective that is none, UnknownName for a group of what is no source, and what `align` raises.
        """
        from t2c.flows.objectives.objectives import objectives

        return objectives(
            self._store,
            dataset,
            sources=sources,
            target=target,
            tasks=tasks,
            against=against,
            groups=groups,
            fitting=fitting,
            device=device,
            runner=runner,
            progress=progress,
        )

    def prompt(
        self,
        dataset: DatasetRef | str,
        expression: str,
        concept: str,
        *,
        truth: str | None = None,
        source: str | None = None,
        target: str | None = None,
        bank: str | None = None,
        linear_map: str | None = None,
        where: str | None = None,
    ) -> PromptReport:
        """Compare an expression with the concept that says the same in one prompt, both returning equally many images.

        The expression decides how many; `concept` is in the same bank, such as `a dog on the beach at sunset`. `truth` is a
        SQL condition that holds for the images that were asked for. Raises what `find` raises; InputError for an expression
        that finds nothing, or a truth that holds for no searched image.
        """
        from t2c.flows.concepts.prompt import prompt

        return prompt(
            self._store,
            dataset,
            expression,
            concept,
            truth=truth,
            source=source,
            target=target,
            bank=bank,
            linear_map=linear_map,
            where=where,
        )

    def report(
        self,
        reference: str,
        current: str | None = None,
        *,
        output: str | Path,
        queries: Sequence[str] = (),
        zeroshot: Sequence[ZeroshotReport] = (),
        source: str | None = None,
        target: str | None = None,
        bank: str | None = None,
        linear_map: str | None = None,
        where: str | None = None,
        reference_where: str | None = None,
        cluster: str | None = None,
        near_copies: str = "auto",
        duplicates: bool = False,
        alpha: float = 0.05,
        min_effect: float = 0.1,
        classes: str = "auto",
        beyond: Literal["chance", "blocks"] = "chance",
        blocks: int = 20,
        untrusted: bool = False,
        background: str | None = None,
        vocabulary: str | None = None,
        title: str | None = None,
        commands: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> WrittenReport:
        """Write one self-contained HTML file about a dataset and, when a second side is named, about what changed.

        Sides are named, and shifts judged, as `shift` does. `queries` are concept-logic expressions, asked of every dataset; `zeroshot`
        are tasks done before (default: those the store holds for these snapshots); `commands` are shown as what made the
        file, above the one that makes it again on the same snapshots. Nothing is encoded or classified, and only a whole
        file replaces the output. Raises CorruptError for a file that is not as committed, SpecError or StoreWriteError for
        an output that cannot be written, and what `shift` and `find` raise.

        `cluster`: Images that belong together count as one: by a label or attribute, bursts of time, or names.
        `near_copies`: Of images whose features are this close, one counts: auto, off, or a cosine of 0.98 and up.
        `duplicates`: Count exact copies as images of their own, instead of leaving them out and saying how many.
        `alpha`: False discovery rate of the verdicts: a concept or a family is flagged at q <= alpha.
        `min_effect`: Smallest difference worth a direction, in reference standard deviations; a tenth of it is that of a
          share.
        `classes`: Split each shift into class mix and the rest by these; auto takes what both sides have.
        `beyond`: What a verdict must lie beyond: chance among images, or what the reference's own blocks differ by.
        `blocks`: Contiguous blocks of the reference.
        `untrusted`: Give untrusted concepts a verdict too.
        `background`: Varied images that shares are held against at large; by default the bank's own, or all that the store
          has scored.
        `vocabulary`: Larger bank whose words may stand out instead, for a bank of few concepts; by default the largest
          scored beside it.
        """
        from t2c.flows.report.write import report
        from t2c.schemas.specs.shift import Judging
        from t2c.schemas.specs.yaml import spec_errors

        with spec_errors("report", Judging):
            judging = Judging(
                cluster=cluster,
                near_copies=near_copies,
                duplicates=duplicates,
                alpha=alpha,
                min_effect=min_effect,
                classes=classes,
                beyond=beyond,
                blocks=blocks,
                untrusted=untrusted,
                background=background,
                vocabulary=vocabulary,
            )

        return report(
            self._store,
            reference,
            current,
            output=output,
            queries=queries,
            zeroshot=zeroshot,
            source=source,
            target=target,
            bank=bank,
            linear_map=linear_map,
            where=where,
            reference_where=reference_where,
            judging=judging,
            title=title,
            commands=commands,
            progress=progress,
        )

    def explain(self, name: str) -> Explanation:
        """Explain the artifact that `name` means: a folder, a dataset, a bank, or the start of a digest; `@N` picks a snapshot.

        Raises UnknownName with the nearest names, SpecError when the name means several artifacts.
        """
        from t2c.flows.upkeep.explain import explain

        return explain(self._store, name)

    def verify(self, *, on_artifact: Callable[[str], object] | None = None) -> TableAnswer:
        """Check size and sha256 of every file of every snapshot, rows of every chunk, and every parent.

        Returns a table PROBLEMS; `on_artifact` is told each folder before it is checked. Damage never raises here.
        """
        from t2c.store.artifacts.verify import verify

        return TableAnswer(verify(self._store, on_artifact=on_artifact))

    def compact(self, dataset: str | None = None, *, bank: str | None = None) -> TableAnswer:
        """Compact the similarities of one dataset (or all), of one bank (or all); return artifact, files_before, files_after.

        Raises UnknownName for a dataset that is not there or has nothing to compact, BusyError, StoreWriteError.
        """
        from t2c.flows.scores.compact import compact

        return TableAnswer(compact(self._store, dataset, bank=bank))

    def gc(self, *, dry_run: bool, older_than_s: float = 3600) -> TableAnswer:
        """Remove leftovers at least `older_than_s` seconds old; returns a table REMOVED.

        Leftovers are files that were still being written, data files (by the form of their names) that no snapshot of
        their artifact names, and ledger entries that a snapshot has taken up. Files of another program are left alone, so
        is every artifact whose lease is held or whose manifests are damaged. `dry_run` only says what would go.
        """
        from t2c.store.disk.gc import gc

        return TableAnswer(gc(self._store, dry_run=dry_run, older_than_s=older_than_s))
