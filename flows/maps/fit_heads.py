"""The heads that some aligners need: which they are, what they rest on, and that a fold's map never saw its labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from t2c.core.maps.heads import Head
from t2c.flows.maps.heads import HeadSpec, bank_classes, classifier_head, open_head, parse_head
from t2c.flows.maps.plan import AlignOptions
from t2c.flows.rows.blocks import LEFT_OUT
from t2c.flows.rows.labels import LABEL, codes_of, truth_of
from t2c.schemas.digest import digest
from t2c.schemas.specs.align import MethodSpec
from t2c.store.artifacts.features import Features
from t2c.store.artifacts.images import Images
from t2c.store.disk.manifest import Parent

NEEDS_SOURCE = ("self-labels", "data-free")
"""Methods that read a head of the source space."""
NEEDS_TARGET = ("cross-entropy", "self-labels", "data-free")
"""Methods that read a head of the target space."""


@dataclass(frozen=True, slots=True, eq=False)
class Heads:
    """The heads of one fit; opened for the rows that it may see."""

    images: Images
    """The dataset that is fitted."""
    source: HeadSpec | None
    """Head of the source space, when the method reads one."""
    target: HeadSpec | None
    """Head of the target space, when the method reads one."""
    labels: str
    """`label`, or the attribute that holds the class of a row."""
    truth: Mapping[str, Sequence[str | None]]
    """Class of every image row, None where unknown, by each of the labels that a head rests on."""
    options: AlignOptions
    """How rows are dealt into folds."""
    device: str
    """Where encoders that lend their head run."""

    @property
    def labelled(self) -> bool:
        """Whether a head was itself fitted on labelled rows."""
        return any(head is not None and head.kind == "probe" for head in (self.source, self.target))

    def spec(self) -> dict[str, Any]:
        """Return what decides the heads, for the digest of a map; empty when there are none."""
        sides = {"source_head": self.source, "head": self.target}
        heads: dict[str, Any] = {name: head.as_json() for name, head in sides.items() if head is not None}
        return (
            {**heads, "truth": digest({name: list(classes) for name, classes in self.truth.items()})} if heads else {}
        )

    def parents(self) -> list[Parent]:
        """Return the banks they rest on."""
        return [
            parent for head in (self.source, self.target) if head is not None for parent in head.parents(self.images)
        ]

    def open(
        self, x: Features, y: Features, groups: npt.NDArray[np.int8], *, without: int | None = None
    ) -> tuple[Head | None, Head | None]:
        """Return the heads of both spaces; a probe is fitted on the rows of every fold but `without`.

        A text head has the classes of the source head, in its order, unless classes were named.
        """
        fit_groups = groups if without is None else np.where(groups == without, LEFT_OUT, groups).astype(np.int8)
        own = self._open(self.source, x, fit_groups) if self.source is not None else None
        target = self.target
        if target is not None and own is not None and not target.classes and target.kind == "zeroshot":
            target = replace(target, classes=own.classes)
        return own, self._open(target, y, fit_groups) if target is not None else None

    def codes(self, head: Head) -> npt.NDArray[np.int64]:
        """Return the class of every image row as its position in a head, -1 where unknown."""
        return codes_of(head.classes, self.truth[self.labels])

    def _open(self, spec: HeadSpec, features: Features, groups: npt.NDArray[np.int8]) -> Head:
        truth, folds = self.truth[spec.labels], self.options.held
        if spec.kind == "classifier" and self.target is not None and self.target.bank:
            # the bank must hold the classes, so they are called as it calls them
            known = bank_classes(self.images.store, self.target)
            return classifier_head(spec, features.space, known=known, device=self.device)
        return open_head(
            self.images, spec, features=features, truth=truth, groups=groups, folds=folds, device=self.device
        )


def heads_of(images: Images, wanted: MethodSpec, *, options: AlignOptions, device: str) -> Heads:
    """Return the heads that a method needs: none, one or two. Raises SpecError, UnknownName for an attribute."""
    labels = wanted.labels or LABEL
    source, target = _specs(wanted, labels)
    label_names = {labels} if target is not None else set()
    label_names |= {head.labels for head in (source, target) if head is not None}
    truth = {name: truth_of(images, name, mapping={}) for name in sorted(label_names)}
    return Heads(images, source, target, labels, truth, options, device)


def heads_alone(wanted: MethodSpec) -> tuple[HeadSpec, HeadSpec] | None:
    """Return both heads of a method that needs no row to open them, or None: a probe is fitted on rows."""
    source, target = _specs(wanted, wanted.labels or LABEL)
    return None if source is None or target is None or "probe" in (source.kind, target.kind) else (source, target)


def _specs(wanted: MethodSpec, labels: str) -> tuple[HeadSpec | None, HeadSpec | None]:
    source = target = None
    if wanted.method in NEEDS_SOURCE:
        source = parse_head(wanted.source_head or "classifier", labels=labels, classes=wanted.classes)
    if wanted.method in NEEDS_TARGET:
        target = parse_head(wanted.head or "zeroshot", labels=labels, classes=wanted.classes)
    return source, target
