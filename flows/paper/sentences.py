"""Sentences of the page that follow the numbers: another run that finds otherwise says so."""

from typing import Any

import numpy as np

from t2c.flows.paper.findings import Curve, Findings

FIRST = 10
"""Components called the first ones: those that the paper finds to match best."""


def from_clip(found: Findings) -> str:
    """Return how the CLIP's features do through the EfficientNets' probes, as one sentence."""
    clip = {name for name, key in found.names.items() if key == "clip"}
    mean = np.mean([row["retained"] for row in found.pairs if row["source"] in clip])
    why = "it was trained on this world, they were not; in the paper, where every probe belongs to ImageNet and the CLIPs do not"
    if mean > 1:
        return (
            f"The CLIP's features classify *better* through an EfficientNet's probe than the EfficientNet's own do (retained "
            f"{mean:.2f} on average): {why}, it is the reverse."
        )
    return (
        f"The CLIP's features retain {mean:.2f} of an EfficientNet's own accuracy through its probe: {why}, it is 0.72."
    )


def negative(curve: Curve) -> str:
    """Return where R2 is below 0, as one sentence; nothing where it is not."""
    least = int(np.argmin(curve.r2))
    if curve.r2[least] >= 0:
        return ""
    return f" With {curve.size[least]:.0f} of the classes R2 is {curve.r2[least]:.2f}: worse than the mean alone."


def matching(found: Findings) -> str:
    """Return for which kinds of pair the first components match one to one, beside a random matrix, as sentences."""
    random, first = float(np.mean(found.random)), float(np.mean(found.random[:FIRST]))
    first_shares = [
        f"{kind.over(FIRST):.2f} {kind.label} ({_beside(kind.over(FIRST) / first)})" for kind in found.nearness
    ]
    whole = ", ".join(f"{kind.over():.2f}" for kind in found.nearness)
    return (
        f"Over the first {FIRST} components: {', '.join(first_shares)}, where a random matrix has {first:.2f}. Over all "
        f"{len(found.random)}: {whole}, and {random:.2f}."
    )


def _beside(ratio: float) -> str:
    """Return in words what a share is beside that of a random matrix."""
    steps = ((1.5, "well above chance"), (1.1, "above chance"), (0.9, "about chance"))
    return next((words for least, words in steps if ratio > least), "below chance")


def signs(found: Findings) -> str:
    """Return whether both signs of table 2 come out, as one sentence."""
    rows = [row for row in found.objectives if row["scope"] == "mean" and row["objective"] == "cross-entropy"]
    same = {row["task"]: (row["difference"] > 0) == (not row["related"]) for row in rows if row["source"] == "all"}
    if all(same.values()):
        return "Both signs are the paper's: cross-entropy is better where it was told what to look for, regression elsewhere."
    other = " and ".join(task for task, agrees in same.items() if not agrees)
    return f"The sign of the {other} row is not the paper's."


def gap(images: dict[str, Any], text: dict[str, Any]) -> str:
    """Return whether carried text is less effective here too, as one sentence."""
    if text["high"] < images["low"]:
        return "So it is here."
    if text["low"] > images["high"]:
        return "Here it is the more effective one."
    return "Here the two cannot be told apart."
