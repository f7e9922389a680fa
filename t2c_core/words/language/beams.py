"""Beam search over tokens: the texts of every vector that are still alive, and the choice of those that go on."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Beam:
    """One text on its way."""

    vector: int
    """Which vector it is for."""
    tokens: tuple[int, ...]
    """Tokens written after the prompt, without the one that ended it."""
    total: float
    """Sum of the logarithms of the guided probabilities of everything written, the ending token among them."""
    steps: int
    """Tokens that the sum is over."""
    ended: bool
    """Whether an end token was written."""
    row: int
    """Row of the last step that it came from; -1 before the first."""

    @property
    def score(self) -> float:
        """Mean logarithm of the guided probability of a token: texts of different lengths compare by it."""
        return self.total / self.steps if self.steps else 0.0


def starts(vectors: int) -> list[Beam]:
    """Return one empty beam a vector."""
    return [Beam(vector, (), 0.0, 0, ended=False, row=-1) for vector in range(vectors)]


def grow(beams: list[Beam], log_p: torch.Tensor, *, ends: torch.Tensor, width: int) -> list[Beam]:
    """Return the `width` best beams of each vector after one more token, best first, the vectors in order.

    log_p (rows, tokens) belongs to the beams that have not ended, in order; `ends` (tokens,) tells end tokens. A beam that
    has ended competes as it is. Ties go to the earlier beam, then to the likelier token.
    """
    most = min(width, log_p.shape[1])
    values, ids = (part.tolist() for part in log_p.topk(most, dim=1))
    closing = set(ends.nonzero().flatten().tolist())
    by_vector: dict[int, list[Beam]] = {}
    row = 0
    for beam in beams:
        candidates = by_vector.setdefault(beam.vector, [])
        if beam.ended:
            candidates.append(beam)
            continue
        for value, token in zip(values[row], ids[row], strict=True):
            if value == float("-inf"):
                continue
            end = token in closing
            tokens = beam.tokens if end else (*beam.tokens, token)
            candidates.append(Beam(beam.vector, tokens, beam.total + value, beam.steps + 1, ended=end, row=row))
        row += 1
    return [
        beam
        for candidates in by_vector.values()
        for beam in sorted(candidates, key=lambda candidate: -candidate.score)[:width]
    ]
