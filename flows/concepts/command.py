"""Commands on concept banks: add, import, list, carry, from-head."""

from typing import Any

import click

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command
from t2c.flows.cli.output import Output
from t2c.flows.concepts.propose_command import EXAMPLE as PROPOSE_EXAMPLE
from t2c.flows.concepts.propose_command import propose
from t2c.flows.concepts.refine_command import EXAMPLE, refine
from t2c.flows.features.command import show_report
from t2c.store.disk.root import open_store


@click.group()
def concepts() -> None:
    """Add, import, make from a head, refine and list concept banks."""


@click.argument("bank")
@click.argument("file")
@click.option(
    "--encoder",
    default=None,
    metavar="CLIP",
    help="Text encoder.  [default: the bank's, or the one CLIP that was extracted]",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
def _add(out: Output, bank: str, file: str, encoder: str | None, device: str, store_url: str) -> None:
    """Add the concepts of FILE to BANK: one a line, or YAML with concepts, prompts, templates and contexts.

    Only concepts the bank does not hold yet are encoded. `-` reads lines from standard input.
    """
    from t2c.flows.concepts.banks import add_concepts as step
    from t2c.flows.concepts.banks import read_concept_file

    store = open_store(store_url, create=True)
    report = step(
        store, bank, read_concept_file(file), encoder=encoder, device=device, progress=Bars(quiet=out.as_json)
    )
    out.facts(
        "report",
        {"text encoder": report.text_encoder, "added": len(report.added), "kept": report.kept, "total": report.total},
    )
    out.put("added", report.added)
    out.wrote(f"{report.path} (snapshot {report.snapshot})")
    out.suggest(f"t2c score DATASET --source ENCODER --concepts {bank}")


@click.argument("bank")
@click.argument("vectors")
@click.argument("names")
@click.option("--space", default=None, help="Declare that features imported with this space's name fit these vectors.")
def _import(out: Output, bank: str, vectors: str, names: str, space: str | None, store_url: str) -> None:
    """Import your own concept vectors: VECTORS (.npy, concepts x dimensions) and NAMES (.txt, .json or .csv)."""
    from t2c.flows.features.imports import import_concepts as step

    show_report(out, step(open_store(store_url, create=True), bank, vectors, names=names, space=space))
    out.suggest(f"t2c score DATASET --source ENCODER --concepts {bank}")


@click.argument("bank", required=False)
def _list(out: Output, bank: str | None, store_url: str) -> None:
    """List the banks of the store, or the concepts of one."""
    from t2c.flows.concepts.banks import bank_table, concept_table

    store = open_store(store_url)
    if bank is None:
        banks = bank_table(store)
        out.table("banks", banks)
        out.suggest(
            f"t2c concepts list {banks['bank'][0]}" if banks.num_rows else "t2c concepts add everyday concepts.txt"
        )
        return
    table = concept_table(store, bank)
    out.table(
        "concepts",
        table,
        columns=[name for name in ("key", "concept", "kind", "averaging") if name in table.column_names],
    )
    out.suggest(f"t2c score DATASET --source ENCODER --concepts {bank}")


command(
    "concepts add", example="t2c concepts add everyday concepts.txt --encoder open_clip:ViT-B-16/openai", group=concepts
)(_add)
command(
    "concepts import", example="t2c concepts import words text_embeddings.npy words.txt --space my-clip", group=concepts
)(_import)
command("concepts list", example="t2c concepts list everyday", group=concepts)(_list)


@click.argument("bank")
@click.option("--dataset", required=True, metavar="DATASET", help="Dataset with features of both encoders.")
@click.option("--target", required=True, metavar="ENCODER", help="Encoder into whose space the text is carried.")
@click.option("--name", default=None, metavar="BANK", help="Name of the new bank.  [default: BANK-MAP]")
@click.option("--map", "linear_map", default=None, metavar="DIGEST", help="Map that carries it, when several fit.")
def _carry(out: Output, bank: str, store_url: str, **options: Any) -> None:
    """Carry BANK's text vectors into an encoder's own space, as a bank of its own: the other direction of alignment.

    It takes a map from the CLIP to the encoder: t2c align DATASET --source CLIP --target ENCODER.
    """
    from t2c.flows.concepts.map_concepts import carry as step

    report = step(open_store(store_url), bank, **options)
    out.facts("report", {"bank": report.bank, "concepts": report.concepts, "map": report.map[:12]})
    out.put("details", report)
    out.wrote(report.path)
    out.suggest(f"t2c score {options['dataset']} --source {options['target']} --concepts {report.bank}")


command(
    "concepts carry",
    example="t2c concepts carry everyday --dataset photos --target timm:resnet50.a1_in1k",
    group=concepts,
)(_carry)
command("concepts refine", example=EXAMPLE, group=concepts)(refine)
command("concepts propose", example=PROPOSE_EXAMPLE, group=concepts)(propose)


@click.argument("bank")
@click.option("--encoder", required=True, metavar="ENCODER", help="Encoder with a linear head, or imported features.")
@click.option(
    "--weights", default=None, metavar="FILE", help="Imported features: .npy of the head's weight, a row a class."
)
@click.option(
    "--classes", default=None, metavar="FILE", help="Names of the classes in order.  [default: the model's own]"
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
def _from_head(out: Output, bank: str, store_url: str, **options: Any) -> None:
    """Make BANK of a classifier's head: a concept a class, in the encoder's own space. No CLIP and no map are needed.

    A head of ImageNet-1k gets everyday words too (dog, bird, vehicle, food): each is a group, the mean of its classes.
    """
    from t2c.flows.concepts.from_head import from_head as step

    report = step(open_store(store_url, create=True), bank, **options)
    facts = {"encoder": report.encoder, "classes": report.classes, "groups": len(report.groups), "new": report.new}
    out.facts("report", facts)
    out.put("groups", report.groups)
    if report.groups:
        out.sentence(f"groups: {', '.join(report.groups)}")
    out.sentence(f"background: {report.background or 'none comes with this head'}")
    out.wrote(f"{report.path} (snapshot {report.snapshot})")
    out.suggest(f"t2c score DATASET --source {report.encoder} --concepts {report.bank}")


command("concepts from-head", example="t2c concepts from-head words --encoder timm:resnet50.a1_in1k", group=concepts)(
    _from_head
)
