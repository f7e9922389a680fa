"""What is known about the images that could bear a concept out: labels and attributes, matched to concepts by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from t2c.flows.rows.labels import LABEL
from t2c.schemas.errors import InputError, SpecError, expected, unknown
from t2c.schemas.names import composed
from t2c.store.artifacts.concepts import unknown_concept
from t2c.store.artifacts.dataset_tables import read_attributes
from t2c.store.artifacts.images import Images
from t2c.store.artifacts.selection import labels as label_codes


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """One label column or attribute."""

    name: str
    """`label` or the attribute."""
    codes: npt.NDArray[np.int32]
    """(rows,) value of each image row; -1 where it is not known."""
    values: tuple[str, ...]
    """Values by code; a yes-no attribute has its own name for yes, and an empty name for no."""


@dataclass(frozen=True, slots=True)
class Match:
    """Where a concept is borne out."""

    truth: int
    """Which of the truths."""
    codes: tuple[int, ...]
    """Which of its values; several that name one concept count as one."""


def truths_of(images: Images, names: Sequence[str]) -> list[Truth]:
    """Return the label column and attributes named, or with no name all there are. Raises UnknownName for another."""
    table = read_attributes(images.store, images.dataset)
    attributes: list[str] = table["name"].unique().to_pylist()
    candidates = [*([LABEL] if _has_labels(images) else []), *attributes]
    for name in names:
        if name not in candidates:
            todo = f"Import it: t2c attributes import {images.dataset} FILE"
            raise unknown(f"labels of {images.dataset}", name, candidates, todo=todo)
    requested = list(dict.fromkeys(names)) or candidates
    return [
        _labels(images) if name == LABEL and LABEL not in attributes else _attribute(images, table, name)
        for name in requested
    ]


def match(
    truths: Sequence[Truth], concepts: Sequence[str], *, bank: str, mapping: Mapping[str, str] | None = None
) -> dict[int, Match]:
    """Return, by concept key, the value that bears each concept out: of the same name up to case and spaces.

    `mapping` says which concept a value (or a yes-no attribute) stands for. Of several truths the first that fits is
    taken. Raises UnknownName for a mapping of what is not there, SpecError for two concepts that one name could mean.
    """
    mapping = _checked(truths, concepts, bank=bank, mapping=mapping or {})
    keys = _by_folded_name(concepts)
    matches: dict[int, Match] = {}
    for place, truth in enumerate(truths):
        for code, value in enumerate(truth.values):
            key = _key_of(value, concepts, keys, mapping)
            if key is not None and matches.get(key, Match(place, ())).truth == place:
                matches[key] = Match(place, (*(matches[key].codes if key in matches else ()), code))
    return matches


def merged(truth: Truth, codes: Sequence[tuple[int, ...]]) -> npt.NDArray[np.int32]:
    """Return a truth's codes (rows,) with each group of values that mean one concept under the first one's code."""
    now = np.arange(len(truth.values) + 1, dtype=np.int32)
    now[-1] = -1
    for group in codes:
        now[list(group)] = group[0]
    return now[truth.codes]


def check_matches(
    found: Mapping[int, Match], truths: Sequence[Truth], concepts: Sequence[str], *, names: Sequence[str], dataset: str
) -> None:
    """Raise InputError when a label or attribute that was named bears out no concept at all."""
    for place, truth in enumerate(truths):
        if truth.name in names and not any(matched.truth == place for matched in found.values()):
            some = ", ".join(repr(value) for value in truth.values[:5] if value)
            want = f"values among the concepts {', '.join(map(repr, concepts[:5]))}"
            todo = "Say which concept a value stands for: --mapping VALUE=CONCEPT"
            raise InputError(expected(f"{truth.name} of {dataset}", want, some or "no value at all", todo))


def fold_name(name: str) -> str:
    """Return a name without what text encoders do not see: case and the length of spaces; _ and - are spaces."""
    return " ".join(composed(name).casefold().replace("_", " ").replace("-", " ").split())


def _has_labels(images: Images) -> bool:
    column = images.table([LABEL], current=False)[LABEL]
    return bool(column.null_count < len(column))


def _labels(images: Images) -> Truth:
    codes, values = label_codes(images)
    return Truth(LABEL, codes, tuple(values))


def _attribute(images: Images, table: pa.Table, name: str) -> Truth:
    """Return one attribute; with numbers 0 and 1 alone it says yes or no to its own name."""
    entries = table.filter(pc.equal(table["name"], name))
    rows = entries["row"].to_numpy()
    inside = rows < images.rows
    codes = np.full(images.rows, -1, dtype=np.int32)
    numbers = entries["number"]
    if numbers.null_count == 0 and set(numbers.unique().to_pylist()) <= {0.0, 1.0}:
        # code 0 is yes, because the attribute's own name is the first of the values
        codes[rows[inside]] = np.where(numbers.to_numpy() == 1, 0, 1)[inside]
        return Truth(name, codes, (name, ""))
    coded = entries["value"].combine_chunks().dictionary_encode()
    codes[rows[inside]] = np.asarray(coded.indices, dtype=np.int32)[inside]
    return Truth(name, codes, tuple(coded.dictionary.to_pylist()))


def _checked(
    truths: Sequence[Truth], concepts: Sequence[str], *, bank: str, mapping: Mapping[str, str]
) -> Mapping[str, str]:
    values = {value for truth in truths for value in truth.values if value}
    for value, concept in mapping.items():
        if value not in values:
            raise unknown(
                "value to map", value, values, todo="Map a label, an attribute's value or a yes-no attribute."
            )
        if concept not in concepts:
            raise unknown_concept(concept, list(concepts), bank=bank)
    return mapping


def _by_folded_name(concepts: Sequence[str]) -> dict[str, list[int]]:
    keys: dict[str, list[int]] = {}
    for key, concept in enumerate(concepts):
        keys.setdefault(fold_name(concept), []).append(key)
    return keys


def _key_of(
    value: str, concepts: Sequence[str], keys: Mapping[str, Sequence[int]], mapping: Mapping[str, str]
) -> int | None:
    """Return the concept that a value stands for, or None; raises SpecError when two concepts go by its name."""
    if not value:
        return None
    if value in mapping:
        return list(concepts).index(mapping[value])
    fits = keys.get(fold_name(value), [])
    if len(fits) > 1:
        actual = " and ".join(repr(concepts[key]) for key in fits)
        want = f"one concept by the name of {value!r}"
        todo = (
            f"They differ in case, spaces or hyphens alone. Say which is meant: --mapping {value}={concepts[fits[0]]}"
        )
        raise SpecError(expected("concepts", want, actual, todo))
    return fits[0] if fits else None
