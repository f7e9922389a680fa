"""A map from two heads alone: no row is read, no feature of either side is needed (paper, appendix A.2 c)."""

from collections.abc import Sequence
from typing import Any

from t2c.core.maps.aligners import Aligner, Evidence, Fit, data_free
from t2c.core.maps.heads import Head
from t2c.flows.maps.heads import HeadSpec, bank_classes, classifier_head, text_head
from t2c.flows.rows.features_of_rows import features_of
from t2c.schemas.certificate import Certificate
from t2c.schemas.digest import artifact_digest
from t2c.schemas.errors import MismatchError, UnknownName, expected
from t2c.schemas.spaces import Space
from t2c.schemas.specs.base import parse_encoder
from t2c.schemas.tables.tables import FITTED_ROWS
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.artifacts.features import list_features
from t2c.store.artifacts.images import Images
from t2c.store.artifacts.linear_maps import StoredMap, open_map, write_map
from t2c.store.disk import paths
from t2c.store.disk.manifest import find_manifest


def rows_are_there(images: Images, source: str, target: str) -> bool:
    """Say whether the dataset has features of both sides, on which a map could be judged."""
    return all(_features_space(images, which) is not None for which in (source, target))


def align_heads(
    images: Images, heads: tuple[HeadSpec, HeadSpec], *, source: str, target: str, ridge: float, device: str
) -> tuple[StoredMap, bool]:
    """Fit the map between two heads, none of them a probe, and store it; return it and whether it is new.

    A space is that of the dataset's features by that name, of the head's bank, or of the encoder named. The same heads
    give the same map, whatever the dataset. Raises as `open_head`, UnknownName for a side that is none of these, MismatchError
    when a bank is in another space or lacks a class, or both spaces are one.
    """
    source_space = _space(images, source, heads[0], side="--source", device=device)
    target_space = _space(images, target, heads[1], side="--target", device=device)
    check_two_spaces(source_space, target_space)
    sides = {"source_head": heads[0].as_json(), "head": heads[1].as_json()}
    spec: dict[str, Any] = {"algorithm": "data-free", "rows": "none", "ridge": ridge, **sides}
    parents = [parent for head in heads for parent in head.parents(images)]
    full = {"source": source_space.id, "target": target_space.id, **spec}
    name = artifact_digest(full, [parent.digest for parent in parents])
    if find_manifest(images.store, paths.linear_map(name)) is not None:
        return open_map(images.store, name), False
    aligner = data_free(ridge)
    own, text = _open(images, heads, source_space, target_space, device=device)
    fit = aligner.fit(Evidence(source_head=own, target_head=text))
    settings = tuple((side, head.text) for side, head in zip(sides, heads, strict=True))
    certificate = _certificate(source_space, target_space, aligner=aligner, fit=fit, settings=settings)
    stored = write_map(images.store, fit.map, certificate, fitted=FITTED_ROWS.empty_table(), spec=spec, parents=parents)
    return stored, True


def check_two_spaces(source: Space, target: Space) -> None:
    """Raise MismatchError when both sides are one space."""
    if source.id == target.id:
        todo = "One space needs no map: score it as it is, with --source alone."
        raise MismatchError(expected("--target", f"another space than {source.describe()}", "the same", todo))


def _certificate(
    source: Space, target: Space, *, aligner: Aligner, fit: Fit, settings: tuple[tuple[str, str], ...]
) -> Certificate:
    return Certificate(
        source=source,
        target=target,
        dataset="",
        snapshot=0,
        ridge=fit.ridge,
        rank=fit.rank,
        condition=fit.condition,
        method=fit.method,
        fitted=0,
        folds=0,
        seed=0,
        aligner=aligner.name,
        objective=aligner.objective,
        needed=aligner.needed,
        settings=settings,
        notes=(*fit.notes, "no row was read: how good it is on images is not known until t2c maps measure has rows"),
    )


def _open(
    images: Images, heads: tuple[HeadSpec, HeadSpec], source: Space, target: Space, *, device: str
) -> tuple[Head, Head]:
    """Return both heads, of the same classes in one order: those named, the source head's, or its bank's."""
    own, other = heads
    known = bank_classes(images.store, other)
    first = _head(
        images, own, source, classes=own.classes or bank_classes(images.store, own) or known, known=known, device=device
    )
    _check_bank(images, other, first.classes, encoder=source.name)
    return first, _head(images, other, target, classes=first.classes, known=first.classes, device=device)


def _head(
    images: Images, spec: HeadSpec, space: Space, *, classes: Sequence[str], known: Sequence[str], device: str
) -> Head:
    if spec.kind == "classifier":
        return classifier_head(spec, space, known=known, device=device)
    return text_head(images.store, spec, space, classes=classes, device=device)


def _check_bank(images: Images, spec: HeadSpec, classes: Sequence[str], *, encoder: str) -> None:
    """Raise MismatchError, saying how to name them, when a bank lacks classes of the other head."""
    held = set(bank_classes(images.store, spec))
    missing = [name for name in classes if name not in held] if spec.bank else []
    if missing:
        want = f"the {len(classes):,} classes of {encoder}"
        actual = f"{len(classes) - len(missing):,} of them, without {', '.join(map(repr, missing[:3]))}"
        todo = f"Name its concepts as the head's classes: t2c heads show {encoder} --output classes.txt"
        raise MismatchError(expected(f"concept bank {spec.bank}", want, actual, todo))


def _features_space(images: Images, which: str) -> Space | None:
    for features in list_features(images.store, images.dataset):
        names = (features.encoder, features.space.name, features.space.id)
        if which in names or (len(which) >= 6 and features.space.id.startswith(which)):
            return features_of(images, which).space
    return None


def _space(images: Images, which: str, head: HeadSpec, *, side: str, device: str) -> Space:
    """Return the space that a side means."""
    space = _features_space(images, which)
    if space is not None:
        return space
    if head.bank:
        bank = open_concepts(images.store, head.bank)
        if which in (bank.bank, bank.space.name) or (len(which) >= 6 and bank.space.id.startswith(which)):
            return bank.space
    if ":" not in which:
        todo = "Name an encoder, features of the dataset, or the bank of the head: --head zeroshot:BANK"
        raise UnknownName(expected(side, "a space that is known", repr(which), todo))
    from t2c.core.encoders.load import load_encoder

    return load_encoder(parse_encoder(which), device=device).space
