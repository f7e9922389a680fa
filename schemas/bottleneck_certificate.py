"""What a concept bottleneck says about itself: what it was fitted on, how, what was left out, and what was edited."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from t2c.schemas.errors import CorruptError, expected


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A concept of the bank that the bottleneck does not see."""

    concept: str
    """The concept."""
    why: str
    """`untrusted`, or `constant`: the same similarity on every row fitted."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a concept's weights after fitting."""

    concept: str
    """The concept."""
    factor: float
    """What its weights were multiplied by; 0 is off."""


@dataclass(frozen=True, slots=True)
class BottleneckCertificate:
    """Facts about one bottleneck."""

    dataset: str
    """Dataset it was fitted on."""
    snapshot: int
    """Snapshot of its images."""
    labels: str
    """`label`, or the attribute that holds the class."""
    classes: tuple[str, ...]
    """Class names, in the order of the logits."""
    bank: str
    """Concept bank."""
    map: str
    """Linear map: 12 hex digits, or identity-<space>."""
    source: str
    """Encoder whose features were aligned."""
    head: str
    """`sgd` or `sparse`."""
    recipe: str
    """How the head was fitted, one sentence."""
    concepts: int
    """Concepts it sees."""
    used: int
    """Of these, concepts with a weight for some class."""
    left_out: tuple[LeftOut, ...]
    """Concepts of the bank that it does not see."""
    fitted: int
    """Images it was fitted on."""
    held_out: int
    """Labelled images kept apart, on which accuracy is measured."""
    unlabelled: int
    """Images without a label; they take no part."""
    other_labels: int
    """Images whose label is no class of the task; they take no part."""
    edits: tuple[Edit, ...] = ()
    """Changes after fitting."""
    notes: tuple[str, ...] = ()
    """What a reader must know."""
    format: int = 1
    """Format of the certificate."""

    def to_json(self) -> str:
        """Return indented JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False, allow_nan=False)


def parse_bottleneck(text: str | bytes, *, subject: str = "bottleneck certificate") -> BottleneckCertificate:
    """Parse a certificate; keys this code does not know are ignored. Raises CorruptError naming `subject`."""
    try:
        value: dict[str, Any] = json.loads(text)
        fields = {name: value[name] for name in BottleneckCertificate.__dataclass_fields__ if name in value}
        fields["classes"], fields["notes"] = tuple(fields["classes"]), tuple(fields.get("notes", ()))
        fields["left_out"] = tuple(LeftOut(left_out["concept"], left_out["why"]) for left_out in fields["left_out"])
        fields["edits"] = tuple(Edit(edit["concept"], edit["factor"]) for edit in fields.get("edits", ()))
        return BottleneckCertificate(**fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptError(expected(subject, "a certificate in JSON", f"{type(error).__name__}: {error}")) from error
