"""Put vectors of any encoder into words, each with what speaks for it (paper, section 4: concept to text)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from t2c.core.words.decoders import Decoded, Decoder
from t2c.flows.concepts.vocabularies import ENGLISH, OpenVocabulary, encode_words, open_vocabulary
from t2c.flows.decode.change import Change, open_change
from t2c.flows.decode.decoders import DecoderSpec, open_decoder
from t2c.flows.decode.directions import BottleneckClasses, ConceptVectors, HeadRows, OwnVectors
from t2c.flows.decode.fidelity import Judge, compared_images, compared_sides, trust_of_words
from t2c.flows.decode.images import DecodeImages, fitted_images, open_decode_images
from t2c.flows.decode.means import ClassMeans, Clusters, OneImage
from t2c.flows.decode.vectors import Array, Question, Scene, What, parse_what
from t2c.flows.engine.answers import Answer, answer
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.shown import Shown
from t2c.flows.maps.heads import parse_head
from t2c.flows.maps.sides import classifier
from t2c.flows.rows.labels import LABEL
from t2c.flows.rows.texts import text_side
from t2c.schemas.errors import SpecError, expected
from t2c.schemas.names import DatasetRef, parse_dataset_ref
from t2c.schemas.tables.answers.decode import DECODED
from t2c.store.artifacts.bottlenecks import resolve_bottleneck
from t2c.store.artifacts.images import open_images
from t2c.store.disk.manifest import Parent
from t2c.store.disk.root import Store


@dataclass(frozen=True, slots=True, eq=False)
class DecodeReport(Shown):
    """The answer to `decode`."""

    dataset: str
    """Dataset and snapshot."""
    what: str
    """What was decoded."""
    decoder: str
    """Decoder."""
    vocabulary: str
    """Word list."""
    words: int
    """Words in it."""
    source: str
    """Encoder of the vectors."""
    target: str
    """CLIP whose words they are."""
    map: str
    """Linear map between the two."""
    table: pa.Table
    """DECODED."""
    notes: tuple[str, ...]
    """What a reader must know."""
    digest: str
    """Digest of the answer; empty when it could not be stored."""
    path: str
    """Where the answer is stored; empty when it could not be."""
    new: bool
    """False when the same question had been answered before."""

    @property
    def vectors(self) -> int:
        """Vectors with one word or more."""
        return len(self.table["vector"].unique())

    @property
    def believed(self) -> int:
        """Vectors whose best word nothing speaks against."""
        best = zip(self.table["place"].to_pylist(), self.table["below_floor"].to_pylist(), strict=True)
        return sum(place == 1 and not why for place, why in best)

    @property
    def headline(self) -> str:
        """One sentence for people."""
        words = f"{self.vectors} vectors of {self.what} in words ({self.decoder})"
        return f"{words}: nothing speaks against the best word of {self.believed}"


def decode(
    store: Store,
    dataset: DatasetRef | str,
    what: str,
    *,
    decoder: DecoderSpec | None = None,
    vocabulary: str = ENGLISH,
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
    asked, spec = parse_what(what), decoder or DecoderSpec()
    _check_conditions(asked, where, reference_where)
    ref = parse_dataset_ref(dataset) if isinstance(dataset, str) else dataset
    images = open_images(store, ref)
    pair = classifier(store, images, source=source, target=target, linear_map=linear_map)
    here = open_decode_images(images, pair.features, pair.linear_map, progress=progress)
    question = (
        open_change(here, asked.argument, reference=ref, where=where, reference_where=reference_where)
        if asked.kind == "shift"
        else _question(here, asked, direction=direction)
    )
    words = open_vocabulary(store, vocabulary, target=pair.linear_map.target, device=device, progress=progress)
    trust, marks = trust_of_words(store, images.dataset, pair.linear_map, words)
    scene = Scene(here, words.vocabulary, device, rescale, direction, fitted_images(here))
    work = _Work(scene, question, spec, words, trust, progress or NoProgress())
    found = answer(
        store,
        "decoded",
        work.table,
        spec={
            "dataset": images.dataset,
            "what": asked.text,
            "vocabulary": words.name,
            "source": pair.features.encoder,
            "target": pair.linear_map.target.name,
            "spaces": [pair.linear_map.source.id, pair.linear_map.target.id],
            "rescale": rescale,
            **spec.spec(),
            **question.spec(),
        },
        parents=list(dict.fromkeys([*_parents(here), *words.parents, *question.parents(here), *marks])),
    )
    return _report(here, asked, spec, words, found)


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """All that the table needs, before it is known whether the store has it."""

    scene: Scene
    question: Question
    decoder: DecoderSpec
    words: OpenVocabulary
    trust: Mapping[str, str]
    progress: Progress

    def table(self) -> pa.Table:
        """Return DECODED."""
        target = self.scene.images.linear_map.target
        decoder = open_decoder(self.decoder, self.words.vocabulary, target=target, device=self.scene.device)
        found = self.question.vectors(self.scene)
        said = _decoded(decoder, found.aligned if self.decoder.raw else found.centred, self.progress)
        judge = Judge(self.words.vocabulary, self._compared(), self.trust, self._texts(said))
        return pa.Table.from_pylist(list(judge.rows(found, said)), schema=DECODED)

    def _compared(self) -> Any:
        mean = self.scene.mean.source[0]
        if isinstance(self.question, Change):
            return compared_sides(self.question, mean)
        return compared_images(self.scene.images, mean)

    def _texts(self, said: Sequence[Decoded]) -> dict[str, Any]:
        """Return the vectors of texts that are no words of the vocabulary."""
        known = set(self.words.vocabulary.words)
        new = sorted({word.text for one in said for word in one.words} - known)
        if not new:
            return {}
        text = text_side(self.scene.images.linear_map.target, device=self.scene.device)
        return dict(zip(new, encode_words(text, new), strict=True))


def _decoded(decoder: Decoder, vectors: Array, progress: Progress) -> list[Decoded]:
    """Return what the decoder says of each vector, block by block."""
    said: list[Decoded] = []
    progress.start(f"decode with {decoder.name}", len(vectors), "vectors")
    try:
        for start in range(0, len(vectors), decoder.batch):
            block = np.asarray(vectors[start : start + decoder.batch], np.float32)
            said += decoder.decode(block)
            progress.advance(len(block))
    finally:
        progress.done()
    return said


def _question(images: DecodeImages, asked: What, *, direction: bool) -> Question:
    if asked.kind == "head":
        return HeadRows(parse_head(asked.argument or "classifier"))
    if asked.kind == "classes":
        return ClassMeans(asked.argument or LABEL)
    if asked.kind == "clusters":
        if not asked.argument.isdecimal():
            raise SpecError(expected("clusters", "a number, as in clusters:12", repr(asked.argument)))
        return Clusters(int(asked.argument))
    if asked.kind == "row":
        return OneImage(asked.argument)
    if asked.kind == "file":
        return OwnVectors(asked.argument, direction)
    if asked.kind == "concepts":
        return ConceptVectors(asked.argument)
    return BottleneckClasses(resolve_bottleneck(images.images.store, images.images.dataset, asked.argument or None))


def _check_conditions(asked: What, where: str | None, reference_where: str | None) -> None:
    if asked.kind != "shift" and (where is not None or reference_where is not None):
        raise SpecError(expected("--where", "a shift to decode", asked.text, "Write: shift --where CONDITION"))


def _parents(images: DecodeImages) -> list[Parent]:
    linear = images.linear_map.as_parent()
    own = [images.images.manifest.as_parent(), images.features.manifest.as_parent()]
    return own if linear is None else [*own, linear]


def _report(images: DecodeImages, asked: What, spec: DecoderSpec, words: OpenVocabulary, found: Answer) -> DecodeReport:
    notes = list(words.notes)
    notes += [] if found.path else ["the answer was not stored: the store cannot be written"]
    return DecodeReport(
        dataset=f"{images.images.dataset}@{images.images.snapshot}",
        what=asked.text,
        decoder=spec.name,
        vocabulary=words.name,
        words=len(words.vocabulary.words),
        source=images.features.encoder,
        target=images.linear_map.target.name,
        map=images.linear_map.name,
        table=found.table,
        notes=tuple(notes),
        digest=found.digest,
        path=found.path,
        new=found.new,
    )
