"""Commands that compute: encoders, extract, score."""

from typing import Any

import click

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command, runner_options
from t2c.flows.cli.output import Output
from t2c.store.disk.root import open_store


@click.argument("pattern", required=False, default="")
@click.option(
    "--library", type=click.Choice(["demo", "timm", "open_clip"]), default=None, help="List one library only."
)
def _encoders(out: Output, pattern: str, library: str | None, store_url: str) -> None:  # noqa: ARG001 - one frame for all
    """List the encoders whose name contains PATTERN; without one, the demo's and how many each library has."""
    from collections import Counter

    from t2c.core.encoders.load import list_encoders

    names = [name for name in list_encoders(library or "") if pattern.casefold() in name.casefold()]
    out.put("encoders", names)
    filtered = bool(pattern or library)
    for name in names:
        if filtered or name.startswith("demo:"):
            out.say(name)
    counts = Counter(name.partition(":")[0] for name in names)
    out.say(", ".join(f"{count:,} {library}" for library, count in counts.items()) + " encoders")
    out.say("a local checkpoint is timm:MODEL@FILE or open_clip:MODEL@FILE")
    if not filtered:
        out.suggest("t2c encoders resnet50 --library timm")


encoders = command("encoders", example="t2c encoders resnet50 --library timm")(_encoders)


@click.argument("dataset")
@click.option(
    "--encoder",
    "names",
    multiple=True,
    metavar="ENCODER",
    help="timm:MODEL, open_clip:MODEL/PRETRAINED or demo:MODEL; may repeat. Left out: those extracted before.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--batch-size", type=click.IntRange(1), default=None, help="Images a forward pass.")
@click.option("--workers", type=click.IntRange(1), default=None, help="Decode threads.  [default: one a core]")
@click.option(
    "--max-bad-rate",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="Exit 1 when a larger share cannot be decoded.",
)
@click.option(
    "--dtype", type=click.Choice(["float16", "float32"]), default=None, help="Stored data type.  [default: float16]"
)
@click.option(
    "--chunk-seconds", type=click.FloatRange(1), default=None, help="Work lost at most when killed.  [default: 30]"
)
@runner_options
def _extract(
    out: Output, dataset: str, names: tuple[str, ...], store_url: str, dask_address: str | None, **options: Any
) -> None:
    """Extract features of DATASET with one or more encoders, decoding each image once.

    Killed at any moment, the same command goes on where it stopped; run again, it does only what is new.
    """
    from t2c.flows.engine.runner import runner_for
    from t2c.flows.features.extract import extract as step
    from t2c.schemas.specs.base import parse_encoder

    store = open_store(store_url)
    specs = [parse_encoder(name) for name in names or _extracted(store, dataset)]
    chosen = {name: value for name, value in options.items() if value is not None}
    with runner_for(dask_address) as runner:
        report = step(store, dataset, specs, runner=runner, progress=Bars(quiet=out.as_json), **chosen)
    show_extract(out, report)
    targets = [spec.name for spec in specs if spec.reads_text]
    sources = [spec.name for spec in specs if not spec.reads_text]
    if targets and sources:
        out.suggest(f"t2c align {dataset} --source {sources[0]} --target {targets[0]}")
    else:
        out.suggest(f"t2c features list {dataset}")


extract = command(
    "extract", example="t2c extract photos --encoder timm:resnet50.a1_in1k --encoder open_clip:ViT-B-16/openai"
)(_extract)


def _extracted(store: Any, dataset: str) -> list[str]:
    """Return the encoders whose features a dataset holds already."""
    from t2c.schemas.errors import SpecError, expected
    from t2c.store.artifacts.features import list_features

    names = [features.encoder for features in list_features(store, dataset)]
    if not names:
        raise SpecError(
            expected(f"encoders of {dataset}", "--encoder", "none, and none was extracted before", "Try: t2c encoders")
        )
    return names


def show_extract(out: Output, report: Any) -> None:
    """Show an extraction report."""
    facts = {
        "images decoded": report.decoded,
        "images/s": report.images_per_s,
        "chunks written": report.chunks,
        "not decodable": report.failed,
        "duplicates": report.duplicates,
        **report.outcomes,
    }
    out.facts("report", facts)
    if report.chunks == 0:
        out.say("  nothing new: every image has its features")
    out.put("dataset", f"{report.dataset}@{report.snapshot}")
    features = [
        {"encoder": array.encoder, "space": array.space.id, "rows": array.rows, "dimension": array.dimension}
        for array in report.features
    ]
    out.put("features", features)
    out.wrote(report.path)
