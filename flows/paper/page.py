"""The page: each figure of the world of primitives beside the paper's own numbers, and what a toy can and cannot show."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from t2c.flows.paper.figures import figures
from t2c.flows.paper.findings import Findings
from t2c.flows.paper.sentences import from_clip, gap, matching, negative, signs

FOLDER = "paper"
"""Folder of the figures, beside the page."""

INTRODUCTION = """\
# The paper's experiments on a drawn world

Written by `make demo-paper` ({minutes:.1f} minutes on {cores} cores; every number below is of that run). It draws {images:,} images of a
world of primitives, runs [recipes/primitives.yaml](../recipes/primitives.yaml) on them and writes this page. The same commands on
ImageNet and the paper's 27 encoders are [recipes/paper.yaml](../recipes/paper.yaml); `t2c plan recipes/paper.yaml` says what that costs.
The paper's other experiments are recipes beside it: `zero-shot` (figures 5 and 6, tables 2 and 3), `qualitative` (figures 2, 4, 15), `rival10`
(7, 16, 17), `objectnet` (8), `retrieval` (9, 18), `concept-to-text` (tables 1, 5 to 7), `text-to-source` (section 4.1), `data-free` (appendix A.2)
and `refined` (appendix J).

**What a toy world can show:** that the whole way from images to figures works; that an encoder which never saw text answers to words after one
linear map; the direction of effects that do not depend on scale. **What it cannot:** the paper's numbers. The encoders are three of one
family, seen at 128 pixels on images unlike their training set; the CLIP was trained on this world and on nothing else, where OpenAI's
never saw ImageNet's labels; there are {images:,} images for 1,280 dimensions, where the paper has 1.28 million. A number here that equals one of the
paper's does so by accident.
"""


def write_page(docs: Path, found: Findings, *, seconds: float, cores: int) -> Path:
    """Write `paper.md` and its figures into a folder and return the page's path."""
    (docs / FOLDER).mkdir(parents=True, exist_ok=True)
    for name, drawn in figures(found).items():
        (docs / FOLDER / name).write_text(drawn, encoding="utf-8")
    page = docs / "paper.md"
    page.write_text(render(found, seconds=seconds, cores=cores), encoding="utf-8")
    return page


def render(found: Findings, *, seconds: float, cores: int) -> str:
    """Return the page as Markdown."""
    parts = [
        INTRODUCTION.format(minutes=seconds / 60, cores=cores, images=found.images),
        _pairs(found),
        _curves(found),
        _components(found),
        _objectives(found),
        _zeroshot(found) if found.suite else "",
        _retrieval(found),
        _carried(found),
    ]
    return "\n".join(part for part in parts if part)


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def picture(name: str, about: str) -> str:
    """Return a Markdown picture."""
    return f"![{about}]({FOLDER}/{name})\n"


def _pairs(findings: Findings) -> str:
    def mean(column: str, *, to_clip: bool, from_clip: bool) -> str:
        clip = {name for name, key in findings.names.items() if key == "clip"}
        pairs = [
            row for row in findings.pairs if (row["target"] in clip, row["source"] in clip) == (to_clip, from_clip)
        ]
        return f"{np.mean([row[column] for row in pairs]):.2f}"

    rows = [
        ["among EfficientNets", mean("retained", to_clip=False, from_clip=False), "0.98 (supervised ResNets among themselves)",
         mean("r2_variance_weighted", to_clip=False, from_clip=False), mean("r2_global", to_clip=False, from_clip=False), "0.77"],
        ["EfficientNets to CLIP", mean("retained", to_clip=True, from_clip=False), "0.80 (supervised ResNets to CLIPs)",
         mean("r2_variance_weighted", to_clip=True, from_clip=False), mean("r2_global", to_clip=True, from_clip=False), "0.67"],
        ["CLIP to EfficientNets", mean("retained", to_clip=False, from_clip=True), "0.72 (CLIPs to supervised ResNets)",
         mean("r2_variance_weighted", to_clip=False, from_clip=True), mean("r2_global", to_clip=False, from_clip=True), "0.42"],
    ]  # fmt: skip
    head = [
        "pairs",
        "retained here",
        "retained, the paper",
        "R2 here (variance-weighted)",
        "R2 here (global)",
        "R2, the paper",
    ]
    baseline = np.mean([row["mean_global"] for row in findings.pairs])
    return f"""\
## Every ordered pair (figures 3, 10, 11)

{picture("pairs-retained.svg", "retained accuracy of every ordered pair")}
{picture("pairs-r2.svg", "R2 of every ordered pair")}
{picture("sources.svg", "retained accuracy by source")}
{table(head, rows)}
Identity pairs are left out. EfficientNets are judged by a least-squares probe on the 55 objects (colour and shape), the CLIP by its
zero-shot head. {from_clip(findings)} The first R2 weighs dimensions by their variance, each against its own mean, and is what is drawn;
the paper's is the global one, against one mean of all elements, which a predictor of each dimension's mean alone already lifts to
{baseline:.2f} here.
"""


def _curves(findings: Findings) -> str:
    samples, classes = findings.curves[0], findings.curves[1]
    return f"""\
## How much data a map needs (figure 12)

{picture("curve-samples.svg", "accuracy and R2 against samples")}
{picture("curve-classes.svg", "accuracy and R2 against classes")}
EfficientNet-Lite0 to CLIP, mean and standard deviation over three orders of the data. At most these shares give 90 % of the final accuracy:
{samples.reaching(0.9):.0%} of the {samples.size[-1]:,.0f} images and {classes.reaching(0.9):.0%} of the {classes.size[-1]:.0f} classes; the paper finds about a fifth of
ImageNet's images, or a third of its classes, enough, of {1_281_167 / samples.size[-1]:.0f} times as many images.{negative(classes)}
"""


def _components(findings: Findings) -> str:
    rows = [
        [findings.names[row["source"]], findings.names[row["target"]], f"{row['diag']:.2f}", f"{row['random']:.2f}"]
        for row in findings.diagonals
    ]
    return f"""\
## Principal components (figures 13, 14)

{picture("components.svg", "map between principal components of the EfficientNets")}
{picture("diagonals.svg", "share near the diagonal, component by component, beside a random matrix")}
{table(["from", "to", "within 5 of the diagonal", "random matrix"], rows)}
The matrix is the mean of |W'| over the {findings.nearness[0].pairs} ordered pairs of EfficientNets, {len(findings.components)} components each; the lines are diag_i, mean and standard
deviation over the pairs of one kind. {matching(findings)} In the paper, components match within CLIPs and within ResNets, supervised
or not, the first ones most, and do not within supervised ViTs; it prints curves, no numbers.
"""


def _objectives(findings: Findings) -> str:
    rows = []
    for row in findings.objectives:
        if row["scope"] == "mean" and row["source"] == "all":
            paper = {True: "-4.99 %", False: "+11.21 %"}[row["related"]] if row["objective"] == "cross-entropy" else "-"
            gain = f"{100 * row['difference']:+.1f} ({100 * row['low']:+.1f} to {100 * row['high']:+.1f})"
            share = f"{row['regression']:.1%}", f"{row['other']:.1%}"
            rows.append([row["objective"], row["task"], *share, gain, paper])
    head = ["against", "tasks", "regression", "the other", "gain of regression, points (95 %)", "the paper"]
    return f"""\
## Regression against cross-entropy (table 2)

{picture("objectives.svg", "gain of regression over cross-entropy, task by task")}
{table(head, rows)}
Cross-entropy is fitted through the CLIP's text head on the 55 objects, for 100 epochs of the published SGD (6 epochs of {findings.images:,} images
would be {6 * findings.images // 100:,} steps, where the paper's took 77,000). Related tasks are objects, colours and shapes; unrelated ones textures and contexts,
which are independent of the labels in this world by construction, so cross-entropy has no reason to keep them, as it would have on
photographs. {signs(findings)} The size of the related row depends on how long and on how much data cross-entropy
trains. Self-labels are given by a probe that was fitted on labels of the same images. Intervals are paired, image by image.
"""


def _zeroshot(findings: Findings) -> str:
    tasks = len({row["task"] for row in findings.suite})
    return f"""\
## Zero-shot classification (figures 5, 6)

{picture("zero-shot.svg", "zero-shot accuracy of every model on every task")}
Blue: encoders that never saw text, through their map; orange: the CLIP itself. The {tasks} tasks are those of `t2c suite`, on pictures drawn
with another seed. Swatches of one colour look like nothing that the maps were fitted on: eleven pictures, wide intervals. The paper finds that
off-the-shelf encoders come close to their CLIP on coarse tasks, sometimes pass it on colours, and stay near chance on digits.
"""


def _retrieval(findings: Findings) -> str:
    rows = []
    for query in findings.prompts:
        cells = [
            f"{query[way]['precision']:.0%} ({query[way]['low']:.0%} to {query[way]['high']:.0%})"
            for way in ("logic", "prompt")
        ]
        rows.append([f"`{query['logic']['asked']}`", query["logic"]["found"], *cells, f"{query['base rate']:.1%}"])
    head = ["query", "images", "precision of logic", "of one prompt", "base rate"]
    return f"""\
## Concept logic beside one prompt (section 5.3)

{picture("retrieval.svg", "precision of logic and of one prompt")}
{table(head, rows)}
Both return equally many images of EfficientNet-Lite0, out of fold. The paper argues from examples that a text encoder misses negations
and long queries; these queries are short and have none, and the demo's CLIP reads no negation at all.
"""


def _carried(findings: Findings) -> str:
    images, text = findings.zeroshot
    return f"""\
## Text carried into the encoder's own space (section 4.1)

| direction | colours named right (95 %) |
| --- | --- |
| images into CLIP's space | {images["accuracy"]:.1%} ({images["low"]:.1%} to {images["high"]:.1%}) |
| text into EfficientNet-Lite0's space | {text["accuracy"]:.1%} ({text["low"]:.1%} to {text["high"]:.1%}) |

The paper reports that the second direction is less effective, without a number. {gap(images, text)} Chance is 9.1 %.
"""
