"""Concept banks: concepts with their unit vectors in one text space, appended and never changed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from t2c.schemas.digest import digest_bytes
from t2c.schemas.errors import InputError, MismatchError, SpecError, expected, unknown
from t2c.schemas.names import composed
from t2c.schemas.spaces import Space, check_same_space, space_from
from t2c.schemas.tables.tables import CONCEPTS
from t2c.store.disk import paths
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import (
    Manifest,
    Parent,
    commit,
    find_manifest,
    list_artifacts,
    read_manifest,
    read_parquet,
    write_file,
    write_parquet,
)
from t2c.store.disk.root import Store

UNIT_TOLERANCE = 1e-3
"""How far from 1 the length of a vector may be."""

HEAD = "head of "
"""What `text_encoder` begins with in a bank of a classifier's head: there is no text side, so no word can be added."""
CLASS, GROUP = "class", "group"
"""Kinds of its concepts: a row of the head, and a mean of classes, whose names are its `prompts`."""
BACKGROUND = "background"
"""Role of the file with the moments of its classes' similarities."""


@dataclass(frozen=True, slots=True)
class Concepts:
    """A concept bank as of a snapshot."""

    store: Store
    bank: str
    """Name of the bank."""
    manifest: Manifest

    @property
    def space(self) -> Space:
        """Space of the vectors."""
        return space_from(self.manifest.spec["space"])

    @property
    def text_encoder(self) -> str:
        """What encoded the prompts; for imported vectors, where they came from."""
        return str(self.manifest.spec["text_encoder"])

    @property
    def count(self) -> int:
        """Number of concepts; keys are 0 .. count - 1."""
        return self.manifest.rows

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return CONCEPTS in order of key."""
        requested = list(CONCEPTS.names if columns is None else columns)
        parts = [read_parquet(self.store, entry, columns=requested) for entry in self.manifest.with_role("data")]
        schema = pa.schema([CONCEPTS.field(name) for name in requested])
        return pa.concat_tables([schema.empty_table(), *(part.select(requested).cast(schema) for part in parts)])

    def names(self) -> list[str]:
        """Return the concepts in order of key."""
        names: list[str] = self.table(["concept"])["concept"].to_pylist()
        return names

    def vectors(self) -> NDArray[np.float32]:
        """Return the unit vectors, (concepts, target) float32, in order of key."""
        flat = self.table(["vector"])["vector"].combine_chunks().flatten()
        return np.asarray(flat, dtype=np.float32).reshape(self.count, self.space.dimension)

    def key_of(self, concept: str) -> int:
        """Return a concept's key; raises UnknownName with the nearest names and the command that adds it."""
        return place_of(concept, self.names(), bank=self.bank, store=self.store)

    @property
    def of_head(self) -> bool:
        """Whether its vectors are the classes of a classifier's head and groups of them."""
        return self.text_encoder.startswith(HEAD)

    def groups(self) -> dict[int, tuple[int, ...]]:
        """Return the key of each concept that is a group -> the keys of its classes; empty in a bank of texts."""
        if not self.of_head:
            return {}
        rows = self.table(["key", "concept", "kind", "prompts"]).to_pylist()
        keys = {row["concept"]: int(row["key"]) for row in rows}
        return {int(row["key"]): tuple(keys[name] for name in row["prompts"]) for row in rows if row["kind"] == GROUP}

    def singles(self) -> NDArray[np.bool_]:
        """Say of each concept, (concepts,), whether it counts in the bank's mean vector and may stand out in an image.

        All do, but in a bank of a head its classes alone: a group is made of them.
        """
        if not self.of_head:
            return np.ones(self.count, np.bool_)
        return np.array([kind == CLASS for kind in self.table(["kind"])["kind"].to_pylist()], np.bool_)


def place_of(concept: str, names: Sequence[str], *, bank: str, store: Store | None = None) -> int:
    """Return the position of a concept among names, as written or else with accents written another way; raises UnknownName."""
    if concept in names:
        return names.index(concept)
    wanted = composed(concept)
    place = next((place for place, name in enumerate(names) if composed(name) == wanted), None)
    if place is None:
        raise unknown_concept(concept, names, bank=bank, store=store)
    return place


def unknown_concept(concept: str, names: Sequence[str], *, bank: str, store: Store | None = None) -> Exception:
    """Return the UnknownName for a concept that a bank does not hold; `store` is where the bank may be looked into."""
    todo = f"Add it: t2c concepts add {bank} FILE, then t2c score"
    if store is not None and find_manifest(store, paths.concepts(bank)) is not None:
        opened = open_concepts(store, bank)
        todo = _ways_to_words(opened, concept) if opened.of_head else todo
    return unknown(f"concept in bank {bank}", concept, names, todo=todo)


def _ways_to_words(bank: Concepts, concept: str) -> str:
    """Return what to do about a word that is no class of a head: the class it is a lemma of, or the ways to a CLIP."""
    wanted = composed(concept).casefold()
    rows = bank.table(["concept", "prompts", "kind"]).to_pylist()
    same = [row["concept"] for row in rows if row["kind"] == CLASS and wanted in map(str.casefold, row["prompts"])]
    lemma = f"It is a name of {' and of '.join(map(repr, same))}. " if same else ""
    return f"{lemma}{no_text_side(bank)}"


def no_text_side(bank: Concepts) -> str:
    """Return the ways from a bank of a head, which has no text side, to words of any kind."""
    encoder = bank.text_encoder.removeprefix(HEAD)
    return (
        f"Bank {bank.bank} holds the classes of {encoder} and groups of them alone. Any other word needs a CLIP: "
        f"t2c align DATASET --source {encoder} --target CLIP, with its own text encoder (t2c concepts add) or vectors "
        "that you have (t2c concepts import); without its features: --method data-free --head zeroshot:BANK"
    )


def open_concepts(store: Store, bank: str, *, snapshot: int | None = None) -> Concepts:
    """Open a bank, the newest snapshot unless one is named; raises UnknownName with the banks there are."""
    artifact = paths.concepts(bank)
    if find_manifest(store, artifact) is None:
        raise unknown("concept bank", bank, list_banks(store), todo=f"Make it: t2c concepts add {bank} FILE")
    return Concepts(store, bank, read_manifest(store, artifact, snapshot=snapshot))


def list_banks(store: Store) -> list[str]:
    """Return the names of all concept banks, sorted."""
    return [artifact.rpartition("/")[2] for artifact in list_artifacts(store, "concepts")]


def add_concepts(
    store: Store,
    bank: str,
    table: pa.Table,
    *,
    space: Space,
    text_encoder: str,
    parents: Sequence[Parent] = (),
    background: bytes | None = None,
) -> Concepts:
    """Append concepts to a bank (made if it is not there) as one snapshot, and return it.

    `table` has the columns of CONCEPTS; `key` and `vector_digest` may be left out, keys are given here. A concept that
    is there with the same vector and prompts is passed over; without new ones nothing is committed. Parents join those of
    earlier snapshots. `background` is the file of a bank's own background (`store.artifacts.bank_background`).

    Raises MismatchError for another space than the bank's or a concept that has another vector already, InputError for
    vectors of a wrong length, not finite or not of unit length, SpecError for an empty or repeated concept.
    """
    artifact = paths.concepts(bank)
    with lease(store, artifact, purpose="add concepts") as token:
        newest = find_manifest(store, artifact)
        old = Concepts(store, bank, newest) if newest else None
        if old is not None:
            todo = f"Add them to another bank: t2c concepts add {bank}-{space.short} FILE"
            check_same_space(f"space of bank {bank}", old.space, space, todo=todo)
        start = old.count if old else 0
        new = _only_new(_checked(table, bank=bank, space=space), old)
        if old is not None and new.num_rows == 0:
            return old
        snapshot, before = (newest.snapshot + 1, newest.parents) if newest else (1, ())
        keyed = new.set_column(0, CONCEPTS.field("key"), pa.array(range(start, start + new.num_rows), pa.int32()))
        entries = [write_parquet(store, paths.data_file(artifact, snapshot), keyed)]
        if background is not None:
            path = paths.data_file(artifact, snapshot, n=1, suffix="npz")
            entries.append(write_file(store, path, background, rows=0, role=BACKGROUND))
        manifest = Manifest(
            "concepts",
            bank,
            snapshot,
            spec=newest.spec if newest else {"space": asdict(space), "text_encoder": text_encoder},
            parents=(*before, *(parent for parent in parents if parent not in before)),
            files=(*(newest.files if newest else ()), *entries),
            rows=start + new.num_rows,
            summary={"added": new.num_rows},
        )
        return Concepts(store, bank, commit(store, artifact, manifest, check=token.check))


def _checked(table: pa.Table, *, bank: str, space: Space) -> pa.Table:
    """Return the table as CONCEPTS with key 0 and digests filled in, or raise."""
    names: list[Any] = table["concept"].to_pylist()
    if wrong := [name for name in names if not isinstance(name, str) or not name.strip()]:
        raise SpecError(expected(f"concept in bank {bank}", "some text", repr(wrong[0])))
    if len(set(names)) < len(names):
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise SpecError(expected(f"concepts for bank {bank}", "each concept once", f"{twice!r} twice"))
    vectors = [np.asarray(vector, dtype="<f4") for vector in table["vector"].to_pylist()]
    for name, vector in zip(names, vectors, strict=True):
        _check_vector(name, vector, space=space)
    columns = {
        **{name: table[name] for name in table.column_names if name in CONCEPTS.names},
        "key": pa.array([0] * len(names), pa.int32()),
        "vector": pa.array([vector.tolist() for vector in vectors], pa.list_(pa.float32())),
        "vector_digest": pa.array([digest_bytes(vector.tobytes()) for vector in vectors], pa.string()),
    }
    return pa.table([columns[name] for name in CONCEPTS.names], names=CONCEPTS.names).cast(CONCEPTS)


def _check_vector(concept: str, vector: NDArray[np.float32], *, space: Space) -> None:
    subject = f"vector of concept {concept!r}"
    if vector.shape != (space.dimension,):
        raise InputError(expected(subject, f"{space.dimension} numbers, as {space.describe()}", f"{vector.size}"))
    if not np.isfinite(vector).all():
        raise InputError(expected(subject, "finite numbers", "NaN or infinity"))
    length = float(np.linalg.norm(vector))
    if abs(length - 1) > UNIT_TOLERANCE:
        raise InputError(
            expected(subject, "length 1", f"length {length:.6g}", "Normalise it; a zero vector has no direction.")
        )


def _only_new(table: pa.Table, old: Concepts | None) -> pa.Table:
    """Return the rows whose concept the bank lacks; raise MismatchError when one is there and means something else."""
    if old is None:
        return table
    columns = ["concept", "vector_digest", "prompts", "averaging"]
    by_concept = {row["concept"]: row for row in old.table(columns).to_pylist()}
    for row in table.select(columns).to_pylist():
        existing = by_concept.get(row["concept"])
        if existing is not None and not _same_concept(existing, row):
            subject = f"concept {row['concept']!r} in bank {old.bank}"
            todo = "A bank never changes: choose another name for the concept, or another bank."
            raise MismatchError(expected(subject, f"what it already is ({_meaning(existing)})", _meaning(row), todo))
    return table.filter(pa.array([name not in by_concept for name in table["concept"].to_pylist()], pa.bool_()))


def _same_concept(existing: dict[str, Any], row: dict[str, Any]) -> bool:
    """Say whether two rows are one concept: the same bytes, or the same prompts, whose vectors may differ by rounding."""
    same_prompts = (existing["prompts"], existing["averaging"]) == (row["prompts"], row["averaging"])
    return bool(existing["vector_digest"] == row["vector_digest"] or (existing["prompts"] and same_prompts))


def _meaning(row: dict[str, Any]) -> str:
    prompts = f"{len(row['prompts'])} prompts, {row['averaging']}" if row["prompts"] else "imported"
    return f"{prompts}, vector {row['vector_digest'][:12]}"
