"""Commands on linear maps (list, import, export, measure) and on the heads that some are made of."""

import shlex
from typing import Any

import click

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command
from t2c.flows.cli.output import Output
from t2c.flows.maps.align_command import show_certificate, show_quality
from t2c.schemas.names import parse_dataset_ref
from t2c.store.disk.root import open_store


@click.group()
def maps() -> None:
    """List, import, export and measure linear maps."""


@click.group()
def heads() -> None:
    """Show the classifier that an encoder brings with it."""


def _list(out: Output, store_url: str) -> None:
    """List every map of the store; `used` are those that score and zeroshot take unless --map names another.

    Of several between two spaces that is the newest ridge or least-squares map, or else the newest of any other aligner.
    """
    from t2c.flows.maps.listed import maps_table

    table = maps_table(open_store(store_url))
    out.table("maps", table)
    first = table["map"][0].as_py() if table.num_rows else None
    out.suggest(f"t2c explain {first}" if first else "t2c align DATASET --source ENCODER --target CLIP")


@click.argument("file")
@click.option("--source", required=True, metavar="ENCODER", help="Encoder whose features it takes, or its space id.")
@click.option("--target", required=True, metavar="ENCODER", help="Encoder whose space it maps into, or its space id.")
def _import(out: Output, file: str, source: str, target: str, store_url: str) -> None:
    """Import an aligner FILE: a .pth of W (target x source) and b as the authors released, or safetensors.

    Nothing in the file is executed. Both encoders must have features in the store, so that their spaces are known.
    """
    from t2c.flows.maps.listed import import_map as step

    report = step(open_store(store_url), file, source=source, target=target)
    certificate = report.certificate
    facts = {"map": report.digest[:12], "source": certificate.source.name, "target": certificate.target.name}
    out.facts("report", {**facts, "rank": certificate.rank, **dict(certificate.settings), "new": report.new})
    show_certificate(out, certificate)
    out.wrote(report.path)
    out.suggest(f"t2c maps measure {report.digest[:12]} DATASET")


@click.argument("digest", metavar="MAP")
@click.argument("output")
@click.option(
    "--dtype", type=click.Choice(["float32", "float16"]), default="float32", show_default=True, help="Of the numbers."
)
def _export(out: Output, digest: str, output: str, dtype: Any, store_url: str) -> None:
    """Export MAP to OUTPUT: .pth (W and b, as the authors'), .safetensors or .onnx.

    Aligned features are x @ W.T + b.
    """
    from t2c.flows.maps.exports import export_map as step

    report = step(open_store(store_url), digest, output, dtype=dtype)
    out.facts("report", {"map": report.map, "W": f"{report.shape[0]} x {report.shape[1]}", "dtype": report.dtype})
    out.wrote(report.path)
    back = f"t2c maps import {shlex.quote(report.path)} --source {report.source} --target {report.target}"
    out.suggest(f"t2c explain {report.map}" if report.path.endswith(".onnx") else back)


@click.argument("digest", metavar="MAP")
@click.argument("dataset")
def _measure(out: Output, digest: str, dataset: str, store_url: str) -> None:
    """Measure MAP on the images of DATASET that it was not fitted on: R2 in three definitions, mean cosine."""
    from t2c.flows.maps.listed import measure_map as step

    report = step(open_store(store_url), digest, parse_dataset_ref(dataset), progress=Bars(quiet=out.as_json))
    out.facts("report", {"map": report.map, "dataset": report.dataset, "new": report.new})
    out.put("quality", report.quality)
    show_quality(out, report.quality)
    out.sentence("the mean predictor says the mean of the measured rows")
    if report.path:
        out.wrote(report.path)
    out.suggest("t2c maps list")


command("maps list", example="t2c maps list", group=maps)(_list)
command(
    "maps import",
    example="t2c maps import aligner.pth --source timm:resnet50.tv_in1k --target open_clip:ViT-B-16/openai",
    group=maps,
)(_import)
command("maps export", example="t2c maps export 3f2a9c aligner.pth --dtype float16", group=maps)(_export)
command("maps measure", example="t2c maps measure 3f2a9c photos", group=maps)(_measure)


@click.argument("encoder")
@click.option("-o", "--output", default=None, metavar="FILE", help="Write the names there, one a line, in their order.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
def _show(out: Output, encoder: str, output: str | None, device: str, store_url: str) -> None:  # noqa: ARG001 - one frame for all
    """Show the classes of ENCODER's own head, in the order of its logits.

    A bank of class vectors under these names, in this order or another, is the other head of a data-free map:
    t2c concepts import BANK VECTORS FILE, then t2c align --method data-free --head zeroshot:BANK.
    """
    from t2c.flows.engine.output_files import replacing
    from t2c.flows.maps.encoder_heads import head_classes

    classes = head_classes(encoder, device=device)
    out.table("classes", classes, columns=["class", "name", "synset"])
    if output is not None:
        with replacing(output) as temporary:
            temporary.write_text("".join(f"{name}\n" for name in classes["name"].to_pylist()), encoding="utf-8")
        out.wrote(output)
    out.suggest(f"t2c concepts from-head BANK --encoder {encoder}")


command("heads show", example="t2c heads show timm:resnet50.a1_in1k -o classes.txt", group=heads)(_show)
