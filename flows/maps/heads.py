"""Open a classification head over a dataset's features: the model's own, a probe on labels, or class vectors."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from t2c.core.concepts.heads import zeroshot_head
from t2c.core.maps.heads import Head, Kind, check_same_classes
from t2c.flows.maps.encoder_heads import own_head
from t2c.flows.maps.plan import AlignOptions, groups_of_rows
from t2c.flows.maps.probes import least_squares_probe, sgd_probe
from t2c.flows.rows.labels import LABEL, codes_of, label_names, truth_of
from t2c.flows.rows.texts import class_vectors
from t2c.schemas.errors import MismatchError, SpecError, expected, unknown
from t2c.schemas.spaces import Space, check_same_space
from t2c.schemas.specs.base import DEFAULT_TEMPLATES
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.artifacts.features import Features
from t2c.store.artifacts.images import Images
from t2c.store.artifacts.linear_maps import identity_map
from t2c.store.disk.manifest import Parent
from t2c.store.disk.root import Store

if TYPE_CHECKING:
    from t2c.core.encoders import base

_KINDS: tuple[Kind, ...] = ("classifier", "probe", "zeroshot")


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """Which head: `classifier`, `probe[:ATTRIBUTE]`, `probe-sgd[:ATTRIBUTE]`, `zeroshot` (prompts) or `zeroshot:BANK`."""

    kind: Kind
    """Where its weights come from."""
    bank: str = ""
    """Concept bank that holds the class vectors of a zeroshot head; empty encodes prompts."""
    labels: str = LABEL
    """`label`, or the imported attribute whose values are the classes."""
    classes: tuple[str, ...] = ()
    """Class names in order; empty takes the head's own, or the labels there are, sorted."""
    templates: tuple[str, ...] = DEFAULT_TEMPLATES
    """Prompts with {} for the class, for a zeroshot head without a bank."""
    sgd: bool = False
    """Whether a probe is trained by SGD on cross-entropy instead of solved as least squares."""

    @property
    def text(self) -> str:
        """What a user types for it."""
        name = self.bank or (self.labels if self.kind == "probe" else "")
        kind = "probe-sgd" if self.sgd else self.kind
        return f"{kind}:{name}" if name else kind

    def as_json(self) -> dict[str, Any]:
        """Return all that decides its weights beside the features, for a digest."""
        prompts = list(self.templates) if self.kind == "zeroshot" and not self.bank else []
        return {"head": self.text, "labels": self.labels, "classes": list(self.classes), "templates": prompts}

    def parents(self, images: Images) -> list[Parent]:
        """Return the bank it rests on, if any."""
        return [open_concepts(images.store, self.bank).manifest.as_parent()] if self.bank else []


def parse_head(
    text: str,
    *,
    labels: str = LABEL,
    classes: Sequence[str] = (),
    templates: Sequence[str] = DEFAULT_TEMPLATES,
) -> HeadSpec:
    """Read `classifier`, `probe[:ATTRIBUTE]`, `probe-sgd[:ATTRIBUTE]` or `zeroshot[:BANK]`; raises SpecError."""
    typed, colon, name = text.partition(":")
    kind = "probe" if typed == "probe-sgd" else typed
    if kind not in _KINDS or (colon and not name) or (kind == "classifier" and name):
        want = "classifier, probe[:ATTRIBUTE], probe-sgd[:ATTRIBUTE], zeroshot or zeroshot:BANK"
        raise SpecError(expected("head", want, repr(text), "Try: --head probe"))
    # the literal, not the text: a membership test does not narrow a str
    which = next(candidate for candidate in _KINDS if candidate == kind)
    attribute, bank = (name or labels, "") if which == "probe" else (labels, name)
    return HeadSpec(which, bank, attribute, tuple(classes), tuple(templates), sgd=typed == "probe-sgd")


def open_head(
    images: Images,
    spec: HeadSpec,
    *,
    features: Features,
    truth: Sequence[str | None] | None = None,
    groups: npt.NDArray[np.int8] | None = None,
    folds: int = 5,
    device: str = "auto",
) -> Head:
    """Return the head that reads `features`, whose space it must be of.

    `truth` is the class of each row (default: by `spec.labels`). A probe is fitted on the rows whose `groups` entry is
    a fold, 0 to folds - 1 (the ridge of least squares by cross-validation over them); default: those that `align` would
    fit.
    Raises SpecError for a model without a head or without class names, MismatchError for another class order or other
    weights than the features', InputError when no row is labelled, UnknownName for a bank or class that is not there or
    a class of a probe that no row has.
    """
    row_classes = truth_of(images, spec.labels, mapping={}) if truth is None else truth
    if spec.kind == "classifier":
        return classifier_head(spec, features.space, known=row_classes, device=device)
    classes = spec.classes or label_names(row_classes, of=f"{spec.labels} of {images.dataset}")
    if spec.kind == "zeroshot":
        return text_head(images.store, spec, features.space, classes=classes, device=device)
    _check_classes_of_probe(images, spec, row_classes)
    if groups is None:
        groups = groups_of_rows(images, features, features, options=AlignOptions(folds=folds))
    fit = sgd_probe if spec.sgd else least_squares_probe
    return fit(features, classes, codes=codes_of(classes, row_classes), groups=groups, folds=folds)


def _check_classes_of_probe(images: Images, spec: HeadSpec, truth: Sequence[str | None]) -> None:
    """Raise UnknownName for a class that was named and that no row has: there is nothing to fit it on."""
    existing = label_names(truth, of=f"{spec.labels} of {images.dataset}")
    missing = [name for name in spec.classes if name not in existing]
    if missing:
        rest = f"No image is {' or '.join(map(repr, missing[1:6]))} either. " if missing[1:] else ""
        todo = f"{rest}Name classes as the labels are written, or leave out --classes to take every label."
        raise unknown(f"class of a probe on {spec.labels} of {images.dataset}", missing[0], existing, todo=todo)


def classifier_head(spec: HeadSpec, space: Space, *, known: Iterable[str | None], device: str) -> Head:
    """Return the model's own head, which must read `space`; its classes are called as `known`, labels or a bank's, are.

    Raises SpecError, MismatchError as `open_head`.
    """
    head = _own_head(space, device=device)
    subject = f"classifier of {space.name}"
    if head.classes is None and not spec.classes:
        want = f"names of its {len(head.weight)} classes, which the model does not say"
        raise SpecError(expected(subject, want, "none", "Name them in order: --classes cat,dog"))
    names = spec.classes
    if head.classes is not None:
        from t2c.core.encoders.imagenet import head_names

        names = head_names(head.classes, {name for name in spec.classes or known if name is not None})
    if spec.classes:
        check_same_classes(names, spec.classes, sides=(subject, "--classes"))
    if len(names) != len(head.weight):
        raise MismatchError(expected(f"classes of {subject}", f"{len(head.weight)} names", f"{len(names)}"))
    return Head(names, head.weight, head.bias, "classifier")


def text_head(store: Store, spec: HeadSpec, space: Space, *, classes: Sequence[str], device: str) -> Head:
    """Return the head of class vectors in `space`: those of the spec's bank, or its prompts encoded now."""
    vectors = class_vectors(
        store,
        classes,
        linear_map=identity_map(store, space),
        bank=spec.bank or None,
        templates=spec.templates,
        device=device,
    )
    return zeroshot_head(classes, vectors)


def bank_classes(store: Store, spec: HeadSpec) -> tuple[str, ...]:
    """Return the concepts of a head's bank that are no groups of others; none without a bank."""
    if not spec.bank:
        return ()
    bank = open_concepts(store, spec.bank)
    groups = bank.groups()
    return tuple(name for key, name in enumerate(bank.names()) if key not in groups)


def _own_head(space: Space, *, device: str) -> "base.Head":
    own, head = own_head(space.name, device=device)
    todo = "The weights on this machine are not those the features were made with."
    check_same_space(f"encoder {space.name}", space, own, todo=todo)
    return head
