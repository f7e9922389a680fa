"""Add concepts to a bank: expand templates, encode the new prompts, average, write; what is there is never encoded again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from t2c.core.concepts.concepts import ConceptPrompts, expand
from t2c.flows.engine.answers import store_path
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.shown import Shown
from t2c.flows.rows.texts import encode_prompts
from t2c.schemas.errors import MismatchError, SpecError, expected
from t2c.schemas.names import check_name
from t2c.schemas.specs.base import Averaging, ConceptFile, parse_encoder
from t2c.schemas.specs.yaml import load_spec
from t2c.schemas.tables.tables import CONCEPTS
from t2c.store.artifacts.concepts import Concepts, list_banks, no_text_side, open_concepts
from t2c.store.artifacts.concepts import add_concepts as write_concepts
from t2c.store.artifacts.features import list_features
from t2c.store.artifacts.images import list_datasets
from t2c.store.disk import paths
from t2c.store.disk.root import Store

if TYPE_CHECKING:
    from t2c.core.encoders.base import TextEncoder

EXAMPLE = "A text file has one concept a line; YAML has concepts, prompts, contexts, templates, averaging."
YAML_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class ConceptsReport(Shown):
    """The bank with its new concepts: where it is, and how many are new."""

    bank: str
    """Bank name."""
    path: str
    """Where the bank is."""
    snapshot: int
    """Its snapshot."""
    text_encoder: str
    """What encoded the prompts."""
    added: tuple[str, ...]
    """Concepts that are new, in order."""
    kept: int
    """Concepts of the file that were there already, with the same prompts."""
    total: int
    """Concepts in the bank."""
    new: bool
    """False when there was nothing to add."""


def add_concepts(
    store: Store,
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
    check_name(bank, what="concept bank")
    old = open_concepts(store, bank) if bank in list_banks(store) else None
    if old is not None and old.of_head:
        actual = f"the {old.text_encoder}, which reads no text"
        raise SpecError(expected(f"text encoder of bank {bank}", "a CLIP", actual, no_text_side(old)))
    file = _concept_file(concepts)
    requested = expand(file)
    name = encoder or text_encoder_of(store, old)
    new = new_concepts(requested, old, averaging=file.averaging)
    if old is not None and not new and name == old.text_encoder:
        return _report(old, added=(), kept=len(requested))
    table, text = _encoded(new, name, file, device=device, progress=progress or NoProgress())
    if old is not None:
        _check_same_encoder(old, text)
    stored = write_concepts(store, bank, table, space=text.space, text_encoder=text.name)
    return _report(stored, added=tuple(concept.concept for concept in new), kept=len(requested) - len(new))


def text_encoder_of(store: Store, bank: Concepts | None = None) -> str:
    """Return the bank's text encoder, or the only encoder with text that has features in the store; else SpecError."""
    if bank is not None:
        return bank.text_encoder
    encoders = sorted({features.encoder for name in list_datasets(store) for features in list_features(store, name)})
    encoders = [name for name in encoders if _has_text(name)]
    if len(encoders) == 1:
        return encoders[0]
    actual = " or ".join(encoders) if encoders else "none with features in the store"
    todo = f"Name it: --encoder {encoders[0] if encoders else 'open_clip:ViT-B-16/openai'}"
    raise SpecError(expected("text encoder", "one CLIP", actual, todo))


def _concept_file(concepts: ConceptFile | Sequence[str] | str | Path) -> ConceptFile:
    if isinstance(concepts, ConceptFile):
        return concepts
    return read_concept_file(concepts) if isinstance(concepts, str | Path) else ConceptFile(concepts=tuple(concepts))


def new_concepts(
    wanted: Sequence[ConceptPrompts], bank: Concepts | None, *, averaging: Averaging
) -> list[ConceptPrompts]:
    """Return the concepts that a bank lacks; raises MismatchError for one that is there with other prompts."""
    if bank is None:
        return list(wanted)
    columns = ["concept", "prompts", "averaging"]
    existing = {row["concept"]: (tuple(row["prompts"]), row["averaging"]) for row in bank.table(columns).to_pylist()}
    for concept in wanted:
        stored = existing.get(concept.concept, (concept.prompts, averaging))
        if stored != (concept.prompts, averaging):
            raise MismatchError(
                expected(
                    f"concept {concept.concept!r} in bank {bank.bank}",
                    f"the prompts it already has ({_some(stored[0])}; {stored[1]})",
                    f"{_some(concept.prompts)}; {averaging}",
                    "A bank never changes: choose another name for the concept, or another bank.",
                )
            )
    return [concept for concept in wanted if concept.concept not in existing]


def bank_table(store: Store) -> pa.Table:
    """Return a row for each bank: bank, snapshot, concepts, target (its space), dimension, text_encoder."""
    banks = [open_concepts(store, name) for name in list_banks(store)]
    schema = {"bank": pa.string(), "snapshot": pa.int64(), "concepts": pa.int64()}
    schema |= {"target": pa.string(), "dimension": pa.int64(), "text_encoder": pa.string()}
    rows = [
        (bank.bank, bank.manifest.snapshot, bank.count, bank.space.short, bank.space.dimension, bank.text_encoder)
        for bank in banks
    ]
    return pa.Table.from_pylist([dict(zip(schema, row, strict=True)) for row in rows], schema=pa.schema(schema))


def concept_table(store: Store, bank: str) -> pa.Table:
    """Return CONCEPTS of a bank without the vectors themselves."""
    return open_concepts(store, bank).table([name for name in CONCEPTS.names if name != "vector"])


def _encoded(
    new: Sequence[ConceptPrompts], name: str, concepts: ConceptFile, *, device: str, progress: Progress
) -> "tuple[pa.Table, TextEncoder]":
    from t2c.core.encoders.load import load_text_encoder

    text = load_text_encoder(parse_encoder(name), device=device)
    text.check_texts([prompt for concept in new for prompt in concept.prompts])
    dimension = text.space.dimension
    vectors = (
        encode_prompts(new, text.encode_text, averaging=concepts.averaging, progress=progress)
        if new
        else np.empty((0, dimension), np.float32)
    )
    table = pa.table(
        {
            "concept": pa.array([concept.concept for concept in new], pa.string()),
            "prompts": pa.array([list(concept.prompts) for concept in new], pa.list_(pa.string())),
            "vector": pa.array(vectors.tolist(), pa.list_(pa.float32())),
            "averaging": pa.array([concepts.averaging] * len(new), pa.string()),
            "kind": pa.array([concept.kind for concept in new], pa.string()),
        }
    )
    return table, text


def _check_same_encoder(bank: Concepts, text: "TextEncoder") -> None:
    if bank.space.id != text.space.id:
        raise MismatchError(
            expected(
                f"text encoder of bank {bank.bank}",
                f"{bank.text_encoder} (space {bank.space.short})",
                f"{text.name} (space {text.space.short})",
                f"Add them to another bank: t2c concepts add {bank.bank}-{text.space.short} FILE",
            )
        )


def _has_text(name: str) -> bool:
    return ":" in name and parse_encoder(name).reads_text


def _some(prompts: Sequence[str]) -> str:
    return f"{prompts[0]!r}{f' and {len(prompts) - 1} more' if len(prompts) > 1 else ''}" if prompts else "imported"


def _report(bank: Concepts, *, added: tuple[str, ...], kept: int) -> ConceptsReport:
    path = store_path(bank.store, paths.concepts(bank.bank))
    snapshot, total = bank.manifest.snapshot, bank.count
    return ConceptsReport(bank.bank, path, snapshot, bank.text_encoder, added, kept, total, bool(added))


def read_concept_file(path: str | Path) -> ConceptFile:
    """Read a concept file: `.yaml` or `.yml`, else UTF-8 text with one concept a line (`#` starts a comment line).

    Raises SpecError for a file that cannot be read or, in text, a concept named twice (with its lines); what its
    concepts must be like is checked when they are expanded.
    """
    file = Path(path)
    return load_spec(file, ConceptFile, example=EXAMPLE) if file.suffix.lower() in YAML_SUFFIXES else _read_lines(file)


def _read_lines(file: Path) -> ConceptFile:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        actual = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SpecError(expected(str(file), "a readable concept file", actual.lower(), EXAMPLE)) from error
    line_of: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        name = line.strip()
        if not name or name.startswith("#"):
            continue
        if name in line_of:
            actual = f"{name!r} in lines {line_of[name]} and {number}"
            raise SpecError(expected(file.name, "each concept once", actual, "Remove one of the lines."))
        line_of[name] = number
    return ConceptFile(concepts=tuple(line_of))
