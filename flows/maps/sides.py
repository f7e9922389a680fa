"""Who classifies, into what, and against which labels: everything a zero-shot task needs to know before it starts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from t2c.flows.rows.features_of_rows import features_of, find_features
from t2c.schemas.errors import SpecError, UnknownName, expected
from t2c.schemas.spaces import Space
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.artifacts.features import Features, list_features
from t2c.store.artifacts.images import Images
from t2c.store.artifacts.linear_maps import StoredMap, identity_map, open_map, preferred_maps
from t2c.store.disk.root import Store

if TYPE_CHECKING:
    pass


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
        stored = open_map(store, linear_map)
        return Classifier(features_of(images, stored.source.id), stored)
    pairs = _pairs(store, images)
    fits = [
        pair
        for pair in pairs
        if (source is None or _is(pair.linear_map.source, source))
        and (target is None or _is(pair.linear_map.target, target))
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
    features = find_features(images, aligned.linear_map.target.id)
    return Classifier(features, identity_map(images.store, features.space)) if features is not None else None


def _pairs(store: Store, images: Images) -> list[Classifier]:
    """Return the preferred map of each pair of spaces whose source features the dataset has."""
    spaces = {features.space.id for features in list_features(store, images.dataset)}
    maps = [stored for stored in preferred_maps(store) if stored.source.id in spaces]
    return [Classifier(features_of(images, stored.source.id), stored) for stored in maps]


def _is(space: Space, text: str) -> bool:
    return text == space.name or (len(text) >= 6 and space.id.startswith(text))


def _unclear(images: Images, fits: list[Classifier], *, source: str | None, target: str | None) -> Exception:
    subject = f"features of {images.dataset}"
    if not fits:
        named = f"from {source or 'an encoder'} to {target or 'a CLIP'}"
        todo = f"Fit one: t2c align {images.dataset} --source {source or 'ENCODER'} --target {target or 'CLIP'}"
        return UnknownName(expected(subject, f"a map {named}", "none", todo))
    choices = [f"--source {fit.linear_map.source.name} --target {fit.linear_map.target.name}" for fit in fits]
    return SpecError(expected(subject, "one choice", " or ".join(choices), "Name them."))
