"""The one word that a comparison ends in: pass, changed or cannot tell, with the reasons for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from t2c.core.shift.clusters import FEWEST

Word = Literal["pass", "changed", "cannot tell"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison comes to."""

    word: Word
    """`pass`: nothing changed that would have been seen; `changed`; `cannot tell`: the comparison could not have known."""
    why: str
    """What has changed, how large a change would have been seen, or what stands in the way."""

    def __str__(self) -> str:
        return f"{self.word}: {self.why}" if self.why else self.word


def verdict_of(
    *,
    units: tuple[int, int],
    unit: str,
    obstacles: Sequence[str],
    changed: str,
    power: str,
) -> Verdict:
    """Return the verdict of a comparison.

    `units` are the independent observations of the reference and the current side, each a `unit`; `obstacles` say why no
    verdict may rest on the comparison (a map that was not measured, no usable null); `changed` says what has changed,
    empty when nothing has; `power` says how large a change would have been seen. An obstacle outweighs a change: what
    was not measured is no evidence in either direction.
    """
    reasons = [reason for reason in obstacles if reason]
    if min(units) < FEWEST:
        reasons.insert(0, f"{min(units):,} {unit} on a side, fewer than {FEWEST}")
    if reasons:
        return Verdict("cannot tell", "; ".join(reasons))
    return Verdict("changed", changed) if changed else Verdict("pass", power)
