"""Commands that look after a store: explain, verify, compact, gc, doctor."""

import click

from t2c.flows.cli.options import command
from t2c.flows.cli.output import Output, compact_json
from t2c.flows.engine.text_table import shorten, terminal_width
from t2c.store.disk.root import open_store


@click.argument("name")
def _explain(out: Output, name: str, store_url: str) -> None:
    """Say what NAME (an artifact's folder, a dataset, a bank, the start of a digest) is and what it was made from."""
    from t2c.flows.upkeep.explain import explain as step

    explanation = step(open_store(store_url), name)
    facts = {
        "kind": explanation.kind,
        "snapshot": explanation.snapshot,
        "created": explanation.created_at,
        "digest": explanation.digest,
        "content": explanation.content_digest,
        "rows": explanation.rows,
        "files": f"{explanation.files:,} ({explanation.bytes / 2**20:,.1f} MiB)",
    }
    out.say(explanation.artifact)
    out.facts("artifact", {"path": explanation.artifact, **facts})
    out.put("spec", explanation.spec)
    out.put("summary", explanation.summary)
    for part, values in (("spec", explanation.spec), ("summary", explanation.summary)):
        for key, value in values.items():
            out.say(f"  {part}.{key}: {shorten(compact_json(value), terminal_width() - len(key) - len(part) - 5)}")
    out.table("history", explanation.history, title="snapshots")
    if explanation.ancestry.num_rows:
        out.table("ancestry", explanation.ancestry, title="made from")
    out.suggest("t2c verify")


explain = command("explain", example="t2c explain photos\nt2c explain similarities/photos/0123456789ab/everyday@2")(
    _explain
)


def _verify(out: Output, store_url: str) -> int:
    """Check every committed file and every feature chunk against its digest; exit 1 when anything is wrong."""
    from t2c.flows.cli.bars import Bars
    from t2c.flows.engine.stop import EXIT_ERROR
    from t2c.store.artifacts.verify import verify as step

    bars = Bars(quiet=out.as_json)
    checked: list[str] = []

    def count(artifact: str) -> None:
        checked.append(artifact)
        bars.advance(1)

    bars.start("verify", None, "artifacts")
    try:
        problems = step(open_store(store_url), on_artifact=count)
    finally:
        bars.done()
    out.put("artifacts", len(checked))
    if problems.num_rows == 0:
        out.put("problems", problems)
        out.say(f"{len(checked):,} artifacts, every committed byte as it was committed")
        out.suggest("t2c gc --dry-run")
        return 0
    out.table("problems", problems)
    out.say(f"{problems.num_rows:,} problems in {len(checked):,} artifacts")
    out.suggest(f"t2c explain {problems['artifact'][0].as_py()}")
    return EXIT_ERROR


verify = command("verify", example="t2c verify")(_verify)


@click.argument("dataset", required=False)
@click.option("--concepts", "bank", default=None, metavar="BANK", help="Only this bank.")
def _compact(out: Output, dataset: str | None, bank: str | None, store_url: str) -> None:
    """Merge the small similarity files of many appends; answers stay the same, queries get fast again."""
    from t2c.flows.scores.compact import compact as step

    table = step(open_store(store_url), dataset, bank=bank)
    out.table("compacted", table)
    out.say(f"{table.num_rows:,} tables")
    out.suggest("t2c gc --dry-run")


compact = command("compact", example="t2c compact photos")(_compact)


@click.option("--dry-run", is_flag=True, help="Only list what would go.")
@click.option(
    "--older-than",
    "older_than_s",
    type=click.FloatRange(0),
    default=3600,
    show_default=True,
    metavar="SECONDS",
    help="Leave younger files alone.",
)
def _gc(out: Output, store_url: str, dry_run: bool, older_than_s: float) -> None:
    """Remove temporary and orphaned files that killed runs left; nothing a snapshot names is touched."""
    from t2c.store.disk.gc import gc as step

    table = step(open_store(store_url), dry_run=dry_run, older_than_s=older_than_s)
    out.table("files", table)
    total = sum(table["bytes"].to_pylist())
    out.say(f"{table.num_rows:,} files, {total:,} bytes {'would be removed' if dry_run else 'removed'}")
    out.suggest("t2c gc" if dry_run and table.num_rows else "t2c verify")


gc = command("gc", example="t2c gc --dry-run")(_gc)


@click.option("--devices/--no-devices", default=True, show_default=True, help="Load torch and look for accelerators.")
def _doctor(out: Output, store_url: str, devices: bool) -> int:
    """Check this machine: versions, devices, memory, disk, store; exit 1 when something must be mended."""
    from t2c.flows.engine.stop import EXIT_ERROR
    from t2c.flows.upkeep.doctor import doctor as step

    checks = step(store_url, devices=devices)
    out.put("checks", checks)
    for check in checks:
        out.say(f"  {check.state:<8} {check.name:<16} {check.finding}")
        if check.todo and check.state != "ok":
            out.say(f"{'':<28}{check.todo}")
    problems = [check.name for check in checks if check.state == "problem"]
    out.say("all good" if not problems else f"to mend: {', '.join(problems)}")
    out.suggest("the command beside each problem" if problems else "t2c index FOLDER --name photos")
    return EXIT_ERROR if problems else 0


doctor = command("doctor", example="t2c doctor")(_doctor)
