"""The words that a study asks about: best words of stored decodings, or a CSV file; and the user's own attention checks."""

import csv
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from t2c.flows.rows.truths import fold_name
from t2c.flows.study.design import Check, Saying
from t2c.schemas.digest import SHORT
from t2c.schemas.errors import InputError, MismatchError, UnknownName, expected
from t2c.store.artifacts.answers import answer_table, list_answers
from t2c.store.disk.manifest import Manifest
from t2c.store.disk.root import Store


def read_sayings(path: Path) -> list[Saying]:
    """Read a CSV file with columns class, word and, for several models, source; raises InputError naming the line."""
    return [
        Saying(row["class"], row["word"], row.get("source", "")) for row in _rows(path, ("class", "word"), ("source",))
    ]


def read_checks(path: Path) -> list[Check]:
    """Read a CSV file with columns class, word, answer (1 to 4); raises InputError naming the line."""
    checks = []
    for number, row in enumerate(_rows(path, ("class", "word", "answer")), start=2):
        if row["answer"] not in ("1", "2", "3", "4"):
            raise InputError(expected(f"{path}, line {number}", "an answer of 1 to 4", repr(row["answer"])))
        checks.append(Check(row["class"], row["word"], int(row["answer"])))
    return checks


@dataclass(frozen=True, slots=True)
class Stored:
    """Words of stored decodings that a dataset has pictures for."""

    sayings: tuple[Saying, ...]
    """The best word of each class."""
    without: int
    """Decoded vectors that are no class of the dataset: nothing can be shown for them."""


def stored_sayings(store: Store, dataset: str, *, labels: Collection[str], answers: Sequence[str] = ()) -> Stored:
    """Return the best word of each class from stored `decoded` answers.

    `answers` are starts of their digests; without any, the newest of each source and decoder that names a class of the
    dataset. Names match up to case and spaces. Raises UnknownName when there is none, MismatchError for an answer none of
    whose vectors is a class of the dataset.
    """
    decoded = [
        manifest
        for manifest in list_answers(store, "decoded")
        if str(manifest.spec["dataset"]).partition("@")[0] == dataset
    ]
    label_of = {fold_name(label): label for label in labels}
    chosen = [_named(decoded, start) for start in answers] if answers else _newest(store, decoded, label_of)
    if not chosen:
        todo = f"Decode first: t2c decode {dataset} head, or give --words FILE.csv"
        want = "an answer whose vectors are its classes"
        raise UnknownName(expected(f"decoded words of {dataset}", want, "none", todo))
    sayings, without = [], 0
    for decoding in chosen:
        words = _best(store, decoding)
        word_of_label = {label_of[fold_name(name)]: word for name, word in words.items() if fold_name(name) in label_of}
        if not word_of_label:
            want = f"vectors named as classes ({', '.join(repr(label) for label in sorted(labels)[:3])}, ...)"
            actual = repr(next(iter(words), "no word"))
            raise MismatchError(expected(f"decoded answer {decoding.digest[:SHORT]}", want, actual))
        without += len(words) - len(word_of_label)
        sayings += [Saying(label, word, _source(decoding, chosen)) for label, word in word_of_label.items()]
    return Stored(tuple(sayings), without)


def _rows(path: Path, columns: tuple[str, ...], optional: tuple[str, ...] = ()) -> list[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(expected(f"{path}", "a CSV file in UTF-8", f"{type(error).__name__} ({error})")) from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = list(reader.fieldnames or ())
        if set(columns) - set(names) or set(names) - {*columns, *optional}:
            want = ", ".join(columns) + "".join(f" and maybe {name}" for name in optional)
            raise InputError(expected(f"columns of {path}", want, ", ".join(names) or "an empty file"))
        rows = list(reader)
    except csv.Error as error:
        raise InputError(expected(f"{path}, line {reader.line_num}", "CSV", str(error))) from error
    for number, row in enumerate(rows, start=2):
        if None in row or any(value is None for value in row.values()):
            raise InputError(expected(f"{path}, line {number}", f"{len(names)} fields", "more or fewer"))
    return [{name: value.strip() for name, value in row.items()} for row in rows]


def _named(decoded: Sequence[Manifest], start: str) -> Manifest:
    matching = [manifest for manifest in decoded if manifest.digest.startswith(start)]
    if len(matching) != 1:
        want = "the start of one digest: " + ", ".join(manifest.digest[:SHORT] for manifest in decoded)
        raise UnknownName(expected("decoded answer", want, f"{start!r}, which {len(matching)} have"))
    return matching[0]


def _newest(store: Store, decoded: Sequence[Manifest], names: Collection[str]) -> list[Manifest]:
    """Return the newest answer of each source and decoder that names a class; answers come oldest first."""
    newest = {
        (manifest.spec["source"], manifest.spec["decoder"]): manifest
        for manifest in decoded
        if any(fold_name(name) in names for name in _best(store, manifest))
    }
    return list(newest.values())


def _best(store: Store, decoding: Manifest) -> dict[str, str]:
    table = answer_table(store, decoding)
    rows = zip(*(table[name].to_pylist() for name in ("vector", "place", "word")), strict=True)
    return {vector: word for vector, place, word in rows if place == 1}


def _source(decoding: Manifest, chosen: Sequence[Manifest]) -> str:
    """Return the model's name, with what tells it from another answer of the same model."""
    source = str(decoding.spec["source"])
    same = [other for other in chosen if other.spec["source"] == source]
    parts = [str(decoding.spec[key]) for key in ("what", "decoder") if len({other.spec[key] for other in same}) > 1]
    if len({tuple(str(other.spec[key]) for key in ("what", "decoder")) for other in same}) < len(same):
        parts.append(decoding.digest[:SHORT])
    return f"{source} ({', '.join(parts)})" if parts else source
