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
from t2c.flows.engine.answers import Answer, stored_once
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
    subject, spec = parse_what(what), decoder or DecoderSpec()
    _check_conditions(subject, where, reference_where)
    ref = parse_dataset_ref(dataset) if isinstance(dataset, str) else dataset
    images = open_images(store, ref)
    pair = classifier(store, images, source=source, target=target, linear_map=linear_map)
    usable_images = open_decode_images(images, pair.features, pair.linear_map, progress=progress)
    question = (
        open_change(usable_images, subject.argument, reference=ref, where=where, reference_where=reference_where)
        if subject.kind == "shift"
        else _question(usable_images, subject, direction=direction)
    )
    words = open_vocabulary(store, vocabulary, target=pair.linear_map.target, device=device, progress=progress)
    trust, marks = trust_of_words(store, images.dataset, pair.linear_map, words)
    scene = Scene(usable_images, words.vocabulary, device, rescale, direction, fitted_images(usable_images))
    work = _Work(scene, question, spec, words, trust, progress or NoProgress())
    decoded = stored_once(
        store,
        "decoded",
        work.table,
        spec={
            "dataset": images.dataset,
            "what": subject.text,
            "vocabulary": words.name,
            "source": pair.features.encoder,
            "target": pair.linear_map.target.name,
            "spaces": [pair.linear_map.source.id, pair.linear_map.target.id],
            "rescale": rescale,
            **spec.spec(),
            **question.spec(),
        },
        parents=list(
            dict.fromkeys([*_parents(usable_images), *words.parents, *question.parents(usable_images), *marks])
        ),
    )
    return _report(usable_images, subject, spec, words, decoded)


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
        decodable = self.question.vectors(self.scene)
        decoded = _decoded(decoder, decodable.aligned if self.decoder.raw else decodable.centred, self.progress)
        judge = Judge(self.words.vocabulary, self._compared(), self.trust, self._texts(decoded))
        return pa.Table.from_pylist(list(judge.rows(decodable, decoded)), schema=DECODED)

    def _compared(self) -> Any:
        mean = self.scene.mean.source[0]
        if isinstance(self.question, Change):
            return compared_sides(self.question, mean)
        return compared_images(self.scene.images, mean)

    def _texts(self, decoded: Sequence[Decoded]) -> dict[str, Any]:
        """Return the vectors of texts that are no words of the vocabulary."""
        listed = set(self.words.vocabulary.words)
        new = sorted({word.text for vector in decoded for word in vector.words} - listed)
        if not new:
            return {}
        text = text_side(self.scene.images.linear_map.target, device=self.scene.device)
        return dict(zip(new, encode_words(text, new), strict=True))


def _decoded(decoder: Decoder, vectors: Array, progress: Progress) -> list[Decoded]:
    """Return what the decoder says of each vector, block by block."""
    decoded: list[Decoded] = []
    progress.start(f"decode with {decoder.name}", len(vectors), "vectors")
    try:
        for start in range(0, len(vectors), decoder.batch):
            block = np.asarray(vectors[start : start + decoder.batch], np.float32)
            decoded += decoder.decode(block)
            progress.advance(len(block))
    finally:
        progress.done()
    return decoded


def _question(images: DecodeImages, subject: What, *, direction: bool) -> Question:
    if subject.kind == "head":
        return HeadRows(parse_head(subject.argument or "classifier"))
    if subject.kind == "classes":
        return ClassMeans(subject.argument or LABEL)
    if subject.kind == "clusters":
        if not subject.argument.isdecimal():
            raise SpecError(expected("clusters", "a number, as in clusters:12", repr(subject.argument)))
        return Clusters(int(subject.argument))
    if subject.kind == "row":
        return OneImage(subject.argument)
    if subject.kind == "file":
        return OwnVectors(subject.argument, direction)
    if subject.kind == "concepts":
        return ConceptVectors(subject.argument)
    return BottleneckClasses(resolve_bottleneck(images.images.store, images.images.dataset, subject.argument or None))


def _check_conditions(subject: What, where: str | None, reference_where: str | None) -> None:
    if subject.kind != "shift" and (where is not None or reference_where is not None):
        raise SpecError(expected("--where", "a shift to decode", subject.text, "Write: shift --where CONDITION"))


def _parents(images: DecodeImages) -> list[Parent]:
    linear = images.linear_map.as_parent()
    own = [images.images.manifest.as_parent(), images.features.manifest.as_parent()]
    return own if linear is None else [*own, linear]


def _report(
    images: DecodeImages, subject: What, spec: DecoderSpec, words: OpenVocabulary, decoded: Answer
) -> DecodeReport:
    notes = list(words.notes)
    notes += [] if decoded.path else ["the answer was not stored: the store cannot be written"]
    return DecodeReport(
        dataset=f"{images.images.dataset}@{images.images.snapshot}",
        what=subject.text,
        decoder=spec.name,
        vocabulary=words.name,
        words=len(words.vocabulary.words),
        source=images.features.encoder,
        target=images.linear_map.target.name,
        map=images.linear_map.name,
        table=decoded.table,
        notes=tuple(notes),
        digest=decoded.digest,
        path=decoded.path,
        new=decoded.new,
    )
