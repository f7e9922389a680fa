"""Who classifies, into what, and against which labels: everything a zero-shot task needs to know before it starts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from flows.concepts.banks import encode_prompts
from flows.rows.features_of_rows import features_of, find_features
from schemas.errors import InputError, MismatchError, SpecError, UnknownName, expected, unknown
from schemas.spaces import Space
from schemas.specs.base import ConceptFile, parse_encoder
from store.artifacts.concepts import open_concepts, unknown_concept
from store.artifacts.features import Features, list_features
from store.artifacts.images import Images
from store.artifacts.linear_maps import StoredMap, identity_map, open_map, preferred_maps
from store.attributes import read_attributes
from store.disk import paths
from store.disk.manifest import Parent, find_manifest
from store.disk.root import Store
from t2c_core.concepts.concepts import expand

if TYPE_CHECKING:
    from t2c_core.encoders.base import TextEncoder

LABEL = "label"
"""Name under which the images' own label column is asked for; any other is an imported attribute."""


@dataclass(frozen=True, slots=True)
class Classifier:
    """Features and the map that brings them into the classes' space."""

    features: Features
    """Features to classify."""
    linear_map: StoredMap
    """Map to the target space; the identity for the target encoder's own features."""


def classifier(
    store: Store,
    images: Images,
    *,
    source: str | None,
    target: str | None,
    linear_map: str | None = None,
    bank: str | None = None,
) -> Classifier:
    """Return the features and the map that a task means: the map named, or the newest between the sides named.

    With no side named, the only pair that there is; where there is none, features in the bank's own space. `source`
    alone may be the target encoder itself, which needs no map. Raises UnknownName when nothing fits (naming what makes it), SpecError naming the choices when several do.
    """
    if linear_map is not None:
        found = open_map(store, linear_map)
        return Classifier(features_of(images, found.source.id), found)
    pairs = _pairs(store, images)
    fits = [
        one
        for one in pairs
        if (source is None or _is(one.linear_map.source, source))
        and (target is None or _is(one.linear_map.target, target))
    ]
    if source is not None and not fits and target in (None, source):
        features = features_of(images, source)
        return Classifier(features, identity_map(store, features.space))
    if bank is not None and not pairs and source is None and target is None:
        own = find_features(images, open_concepts(store, bank).space.id)
        if own is not None:
            return Classifier(own, identity_map(store, own.space))
    if len(fits) != 1:
        raise _unclear(images, fits, source=source, target=target)
    return fits[0]


def own_classifier(images: Images, aligned: Classifier) -> Classifier | None:
    """Return the target encoder's own features with the identity, or None when the dataset has none (or is it)."""
    if aligned.linear_map.identity:
        return None
    found = find_features(images, aligned.linear_map.target.id)
    return Classifier(found, identity_map(images.store, found.space)) if found is not None else None


def truth_of(images: Images, labels: str, *, mapping: Mapping[str, str]) -> list[str | None]:
    """Return the true class of every row, None when unknown: the label column or an attribute, mapped where asked for.

    Raises UnknownName with the nearest names for an attribute that was not imported.
    """
    if labels == LABEL:
        found: list[str | None] = images.table([LABEL], current=False)[LABEL].to_pylist()
    else:
        found = _attribute(images, labels)
    return [None if value is None else mapping.get(value, value) for value in found]


def label_parents(images: Images, labels: str | None = None) -> tuple[Parent, ...]:
    """Return the dataset's imported attributes, as of now, when `labels` is one of them or left open; else nothing."""
    found = None if labels == LABEL else find_manifest(images.store, paths.attributes(images.dataset))
    return () if found is None else (found.as_parent(),)


def _attribute(images: Images, name: str) -> list[str | None]:
    table = read_attributes(images.store, images.dataset)
    names = table["name"].unique().to_pylist()
    if name not in names:
        todo = f"Import it: t2c attributes import {images.dataset} FILE"
        raise unknown(f"attribute of {images.dataset}", name, [LABEL, *names], todo=todo)
    found: list[str | None] = [None] * images.rows
    mine = table.filter(pc.equal(table["name"], name))
    for row, value in zip(mine["row"].to_pylist(), mine["value"].to_pylist(), strict=True):
        if row < images.rows:
            found[row] = value
    return found


def class_names(
    images: Images, truth: Sequence[str | None], *, classes: Sequence[str] | None, labels: str
) -> tuple[str, ...]:
    """Return the classes: those given, else every label there is, sorted. Raises SpecError unless two or more differ."""
    names = tuple(classes) if classes else tuple(sorted({label for label in truth if label is not None}))
    if len(set(names)) < len(names):
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise SpecError(expected("--classes", "each class once", f"{twice!r} twice"))
    if len(names) < 2:
        where = "labels" if labels == LABEL else f"values of attribute {labels!r}"
        got = f"{len(names)} in the {where} of {images.dataset}" if not classes else str(len(names))
        raise SpecError(expected("classes", "two or more", got, "Name them: --classes cat,dog"))
    return names


def label_names(truth: Iterable[str | None], *, of: str) -> tuple[str, ...]:
    """Return the labels there are, sorted; raises InputError when there is none. `of` says whose: `label of photos`."""
    names = tuple(sorted({label for label in truth if label is not None}))
    if not names:
        todo = (
            "Classes come from folders or a column (t2c index --label-from), or from an attribute: --labels ATTRIBUTE"
        )
        raise InputError(expected(of, "some labelled images", "none", todo))
    return names


def class_vectors(
    store: Store,
    classes: Sequence[str],
    *,
    linear_map: StoredMap,
    bank: str | None,
    templates: Sequence[str],
    device: str,
) -> npt.NDArray[np.float32]:
    """Return the classes' unit vectors (classes, target) in the map's target space: from a bank, or encoded now.

    Classes that are ImageNet's ids (n01440764) are encoded by their names.
    Raises UnknownName for a class that the bank lacks, MismatchError when bank or text encoder is in another space.
    """
    target = linear_map.target
    if bank is not None:
        concepts = open_concepts(store, bank)
        if concepts.space.id != target.id:
            raise MismatchError(
                expected(f"concept bank {bank}", target.describe(), concepts.space.describe(), "Name another bank.")
            )
        names = concepts.names()
        key = {name: index for index, name in enumerate(names)}
        for name in classes:
            if name not in key:
                raise unknown_concept(name, names, bank=bank)
        return concepts.vectors()[[key[name] for name in classes]]
    text = text_side(target, device=device)
    from t2c_core.encoders.imagenet import spoken

    prompts = expand(ConceptFile(concepts=spoken(classes), templates=tuple(templates)))
    text.check_texts([prompt for one in prompts for prompt in one.prompts])
    return encode_prompts(prompts, text.encode_text, averaging="normalise-then-average")


def text_side(target: Space, *, device: str) -> "TextEncoder":
    """Return the text side of a CLIP space; SpecError for imported features, MismatchError for other weights."""
    from t2c_core.encoders.load import load_text_encoder

    if ":" not in target.name:
        todo = "Import vectors of the texts as a bank (t2c concepts import) and name it."
        raise SpecError(expected("text encoder", f"one for {target.describe()}", "imported features without one", todo))
    text = load_text_encoder(parse_encoder(target.name), device=device)
    if text.space.id != target.id:
        todo = "The weights on this machine are not those the features were made with."
        raise MismatchError(expected("text encoder", target.describe(), text.space.describe(), todo))
    return text


def check_some_labels(truth: Sequence[str | None], classes: Sequence[str], *, subject: str) -> None:
    """Raise InputError when there are labels but none of them is a class."""
    there = sorted({label for label in truth if label is not None})
    if there and not set(there) & set(classes):
        got = ", ".join(repr(label) for label in there[:5]) + (", ..." if len(there) > 5 else "")
        todo = "Name the classes as the labels are written, or map them in the audit file."
        raise InputError(expected(subject, f"labels among {', '.join(map(repr, classes[:5]))}", got, todo))


def _pairs(store: Store, images: Images) -> list[Classifier]:
    """Return the preferred map of each pair of spaces whose source features the dataset has."""
    spaces = {one.space.id for one in list_features(store, images.dataset)}
    maps = [one for one in preferred_maps(store) if one.source.id in spaces]
    return [Classifier(features_of(images, one.source.id), one) for one in maps]


def _is(space: Space, text: str) -> bool:
    return text == space.name or (len(text) >= 6 and space.id.startswith(text))


def _unclear(images: Images, fits: list[Classifier], *, source: str | None, target: str | None) -> Exception:
    subject = f"features of {images.dataset}"
    if not fits:
        named = f"from {source or 'an encoder'} to {target or 'a CLIP'}"
        todo = f"Fit one: t2c align {images.dataset} --source {source or 'ENCODER'} --target {target or 'CLIP'}"
        return UnknownName(expected(subject, f"a map {named}", "none", todo))
    choices = [f"--source {one.linear_map.source.name} --target {one.linear_map.target.name}" for one in fits]
    return SpecError(expected(subject, "one choice", " or ".join(choices), "Name them."))
