"""Which head judges each target of the laboratory, what it rests on, and how it is opened for the rows that it may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from t2c.flows.laboratory.head_accuracy import Judge
from t2c.flows.laboratory.joint_plan import HELD
from t2c.flows.maps.heads import HeadSpec, open_head, parse_head
from t2c.flows.rows.labels import LABEL, codes_of, labels_outside, truth_of
from t2c.schemas.digest import digest
from t2c.schemas.errors import InputError, SpecError, expected, unknown
from t2c.store.artifacts.features import Features
from t2c.store.artifacts.images import Images
from t2c.store.disk.manifest import Parent


@dataclass(frozen=True, slots=True, eq=False)
class JointHeads:
    """The head of each encoder's space, None where none was asked for, and the classes of the rows."""

    images: Images
    """The dataset."""
    specs: tuple[HeadSpec | None, ...]
    """One an encoder, in order."""
    truth: Mapping[str, Sequence[str | None]]
    """Class of every image row, None where unknown, by each of the labels that a head rests on."""
    device: str = "auto"
    """Where encoders that lend their head run."""

    def spec(self) -> dict[str, Any]:
        """Return what decides the heads, for the digest of an answer."""
        heads = [spec.as_json() if spec is not None else None for spec in self.specs]
        return {"heads": heads, "truth": digest({name: list(labels) for name, labels in self.truth.items()})}

    def parents(self) -> list[Parent]:
        """Return the banks they rest on."""
        return [parent for spec in self.specs if spec is not None for parent in spec.parents(self.images)]

    def text(self, index: int) -> str | None:
        """Return what a user types for an encoder's head."""
        spec = self.specs[index]
        return spec.text if spec is not None else None

    def open(
        self, features: Sequence[Features], groups: npt.NDArray[np.int8], *, only: Sequence[int] | None = None
    ) -> dict[int, Judge]:
        """Return the judge of each encoder that has a head (or of `only` some); probes never see a row of group HELD.

        Raises InputError when no labelled row is of a class of a head.
        """
        judges = {}
        for index, (spec, feature) in enumerate(zip(self.specs, features, strict=True)):
            if spec is not None and (only is None or index in only):
                truth = self.truth[spec.labels]
                head = open_head(
                    self.images, spec, features=feature, truth=truth, groups=groups, folds=HELD, device=self.device
                )
                judges[index] = Judge(head, codes_of(head.classes, truth))
                self._check_some_judged(spec, feature, judges[index])
        return judges

    def notes(
        self, names: Sequence[str], held: npt.NDArray[np.bool_], *, labelled: Mapping[int, int]
    ) -> tuple[str, ...]:
        """Return a sentence for each head, by position, that lacks the classes of some labelled rows not fitted.

        `held` (rows,) are the rows not fitted; `labelled` is how many of them each head judged.
        """
        scored = ((index, spec) for index, spec in enumerate(self.specs) if spec is not None and index in labelled)
        sentences = []
        for index, spec in scored:
            held_labels = [
                label
                for label, unfitted in zip(self.truth[spec.labels], held, strict=False)
                if unfitted and label is not None
            ]
            if labelled[index] < len(held_labels):
                which = f": {labels_outside(spec.classes, held_labels)}" if spec.classes else ""
                count = f"{len(held_labels) - labelled[index]:,} of {len(held_labels):,} labelled images not fitted"
                sentences.append(f"{count} are no class of the head {spec.text} of {names[index]}{which}")
        return tuple(sentences)

    def _check_some_judged(self, spec: HeadSpec, features: Features, judge: Judge) -> None:
        truth = self.truth[spec.labels]
        outside = labels_outside(judge.head.classes, truth)
        if outside and (judge.codes < 0).all():
            classes = judge.head.classes
            want = f"labels among its {len(classes):,} classes ({', '.join(map(repr, classes[:3]))}, ...)"
            todo = "Judge by a probe on the labels (--head probe), by other labels (--labels ATTRIBUTE) or not: --head none"
            subject = f"{spec.labels} of {self.images.dataset} for the head {spec.text} of {features.encoder}"
            raise InputError(expected(subject, want, outside, todo))


def joint_heads(
    images: Images,
    encoders: Sequence[str],
    *,
    heads: Sequence[str] | None,
    labels: str = LABEL,
    classes: Sequence[str] = (),
    labels_used: bool = False,
    device: str = "auto",
) -> JointHeads:
    """Read which head judges each encoder: `HEAD` for all, `ENCODER=HEAD` for one; `none` asks for none.

    None (nothing said) is a probe on the labels where there are labels, else no head. Raises UnknownName, and SpecError
    for two heads of one encoder, and for classes or labels that no head rests on (`labels_used`: something else does).
    """
    chosen = _chosen(encoders, heads)
    if chosen is None:
        truth = truth_of(images, labels, mapping={})
        chosen = ["probe" if any(label is not None for label in truth) else "none"] * len(encoders)
    specs = tuple(None if text == "none" else parse_head(text, labels=labels, classes=classes) for text in chosen)
    used = {spec.labels for spec in specs if spec is not None}
    todo = "Leave it out, or name a head: --head probe"
    if classes and not used:
        raise SpecError(expected("--classes", "a head that tells them apart", "none", todo))
    if labels != LABEL and not labels_used and labels not in used:
        raise SpecError(expected(f"--labels {labels}", "a head that rests on them", _listed(specs), todo))
    return JointHeads(images, specs, {name: truth_of(images, name, mapping={}) for name in sorted(used)}, device)


def _listed(specs: Sequence[HeadSpec | None]) -> str:
    return " and ".join(sorted({spec.text for spec in specs if spec is not None})) or "none"


def _chosen(encoders: Sequence[str], heads: Sequence[str] | None) -> list[str] | None:
    if not heads:
        return None
    head_of: dict[str, str] = {}
    common = [text for text in heads if "=" not in text]
    for text in heads:
        if text not in common:
            name, _, head = text.rpartition("=")
            if name not in encoders:
                raise unknown("encoder of --head", name, encoders)
            if name in head_of:
                raise SpecError(expected(f"--head of {name}", "one head", f"{head_of[name]} and {head}"))
            head_of[name] = head
    if len(common) > 1:
        raise SpecError(expected("--head", "one for all encoders, others as ENCODER=HEAD", " and ".join(common)))
    return [head_of.get(name, common[0] if common else "none") for name in encoders]
