"""Vocabularies: word lists with their text vectors, encoded once and kept; an encoding that was killed goes on.

An artifact `vocabularies/<digest>` is named by the words' prompts and the text space. Each snapshot adds one file of
vectors, in the order of the words, and it is whole once there is a vector for every word.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from t2c.schemas.digest import digest
from t2c.schemas.errors import MismatchError, expected
from t2c.schemas.spaces import Space, space_from
from t2c.schemas.tables.tables import column
from t2c.store.disk import paths
from t2c.store.disk.data_files import read_checked
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import (
    Manifest,
    commit,
    find_manifest,
    now,
    read_manifest,
    read_parquet,
    write_file,
    write_parquet,
)
from t2c.store.disk.root import Store

VOCABULARY_WORDS = pa.schema([column("word", pa.string(), "the word, in the order of the vectors")])
"""Words of a vocabulary."""


@dataclass(frozen=True, slots=True)
class StoredVocabulary:
    """A vocabulary as of a snapshot."""

    store: Store
    manifest: Manifest

    @property
    def list_name(self) -> str:
        """The word list it was made from, for people."""
        return str(self.manifest.summary["list"])

    @property
    def space(self) -> Space:
        """Space of the vectors."""
        return space_from(self.manifest.spec["space"])

    @property
    def count(self) -> int:
        """Number of words."""
        return int(self.manifest.spec["words"])

    @property
    def encoded(self) -> int:
        """Number of words that have a vector by now."""
        return self.manifest.rows

    def words(self) -> list[str]:
        """Return the words."""
        words: list[str] = read_parquet(self.store, self.manifest.with_role("words")[0])["word"].to_pylist()
        return words

    def vectors(self) -> NDArray[np.float32]:
        """Return the vectors of the encoded words, (encoded, target) float32; raises CorruptError."""
        from safetensors.numpy import load

        parts = [load(read_checked(self.store, entry))["vectors"] for entry in self.manifest.with_role("vectors")]
        return np.concatenate([np.empty((0, self.space.dimension), np.float32), *parts])


def open_vocabulary_words(
    store: Store, words: Sequence[str], *, space: Space, list_name: str, prompts: Mapping[str, Any]
) -> StoredVocabulary:
    """Return the vocabulary of these words, made without vectors where the store does not hold it yet.

    `prompts` are JSON values that decide the vectors beside the words and the space: templates, averaging, a digest of
    finished prompts.
    """
    spec = {"space": asdict(space), "words": len(words), "digest": digest(list(words)), **prompts}
    empty = Manifest("vocabularies", "", 1, spec, summary={"list": list_name})
    manifest = replace(empty, name=empty.digest)
    with lease(store, manifest.artifact, purpose="write a vocabulary") as token:
        stored = find_manifest(store, manifest.artifact)
        if stored is None:
            table = pa.table([pa.array(words, pa.string())], schema=VOCABULARY_WORDS)
            entry = write_parquet(store, paths.data_file(manifest.artifact, 1), table, role="words")
            stored = commit(store, manifest.artifact, replace(manifest, files=(entry,)), check=token.check)
    return StoredVocabulary(store, stored)


def add_vectors(vocabulary: StoredVocabulary, vectors: NDArray[np.float32]) -> StoredVocabulary:
    """Commit the vectors (words, target) of the next words without one, and return the newer snapshot.

    Raises MismatchError when another run has added some since, or they are of another shape or too many.
    """
    from safetensors.numpy import save

    store, artifact = vocabulary.store, vocabulary.manifest.artifact
    remaining = vocabulary.count - vocabulary.encoded
    if vectors.ndim != 2 or vectors.shape[1] != vocabulary.space.dimension or not 0 < len(vectors) <= remaining:
        want = f"shape (1 to {remaining}, {vocabulary.space.dimension})"
        raise MismatchError(expected("vectors of a vocabulary", want, f"{vectors.shape}"))
    with lease(store, artifact, purpose="add vectors to a vocabulary") as token:
        newest = read_manifest(store, artifact)
        if newest.snapshot != vocabulary.manifest.snapshot:
            want = f"snapshot {vocabulary.manifest.snapshot} still the newest"
            raise MismatchError(
                expected(artifact, want, f"{newest.snapshot}, of another run", "Run the command again.")
            )
        number = newest.snapshot + 1
        data = save({"vectors": np.ascontiguousarray(vectors, dtype=np.float32)})
        path = paths.data_file(artifact, number, suffix="safetensors")
        entry = write_file(store, path, data, rows=len(vectors), role="vectors")
        files, rows = (*newest.files, entry), newest.rows + len(vectors)
        grown = replace(newest, snapshot=number, files=files, rows=rows, created_at=now())
        return StoredVocabulary(store, commit(store, artifact, grown, check=token.check))
