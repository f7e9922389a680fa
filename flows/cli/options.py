"""Options that many commands share, and the frame in which every command runs."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from t2c.flows.cli.output import Output

Function = TypeVar("Function", bound=Callable[..., Any])

STORE_DEFAULT = "t2c-store"


def _nearest_store(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    """Return the command's own --store, else the one given before the command, else $T2C_STORE or the default."""
    before: str | None = ctx.find_root().params.get("store_before")
    own = ctx.get_parameter_source(parameter.name or "") == ParameterSource.COMMANDLINE
    return value if own or before is None else before


def store_option(default: str = STORE_DEFAULT) -> Callable[[Function], Function]:
    """Return a decorator that adds --store: the folder or URL of the store; a command with a store of its own ignores $T2C_STORE."""
    own = default != STORE_DEFAULT
    text = "Folder of its store." if own else "Folder or URL (s3://bucket/prefix) of the store; also $T2C_STORE."
    return click.option(
        "--store",
        "store_url",
        envvar=None if own else "T2C_STORE",
        default=default,
        show_default=True,
        metavar="PATH" if own else "PATH|URL",
        callback=_nearest_store,
        help=text,
    )


def command(
    name: str, *, example: str, group: click.Group | None = None, store: str = STORE_DEFAULT
) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a function a command with --store, --json and an example in its help.

    The function's first argument is an Output; it may return an exit code. `store` is the default of --store.
    """

    def decorate(function: Callable[..., Any]) -> click.Command:
        @functools.wraps(function)
        def framed(*arguments: Any, as_json: bool, **options: Any) -> Any:
            out = Output(name, as_json)
            code = function(out, *arguments, **options)
            out.close()
            return code

        wrapped = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")(framed)
        wrapped = store_option(store)(wrapped)
        epilog = "\b\nExample:\n" + "\n".join(f"  {line}" for line in example.splitlines())
        return (group or click).command(name=name.rsplit(maxsplit=1)[-1], epilog=epilog)(wrapped)

    return decorate


def score_options(function: Function) -> Function:
    """Add --source, --target, --map and --concepts: which similarity table to read, when there are several."""
    for option in (
        click.option("--map", "linear_map", default=None, metavar="DIGEST", help="Linear map, when several fit."),
        click.option(
            "--concepts", "bank", default=None, metavar="BANK", help="Concept bank; needed when several are scored."
        ),
        click.option("--target", default=None, metavar="ENCODER", help="Target encoder; needed when several fit."),
        click.option(
            "--source", default=None, metavar="ENCODER", help="Source encoder; needed when several are scored."
        ),
    ):
        function = option(function)
    return function


def labels_option(text: str) -> Callable[[Function], Function]:
    """Return a decorator that adds --labels (or --label): the label column or an attribute, for what `text` says."""
    return click.option(
        "--labels", "--label", "labels", default="label", show_default=True, metavar="label|ATTRIBUTE", help=text
    )


def mapping_option(function: Function) -> Function:
    """Add --mapping: which concept a value stands for where their names differ."""
    return click.option(
        "--mapping",
        multiple=True,
        metavar="VALUE=CONCEPT",
        help="Concept that a label, an attribute's value or a yes-no attribute stands for; may repeat.",
    )(function)


def side_options(function: Function) -> Function:
    """Add --where, --reference-where and --alpha: which images are compared, and how strictly."""
    level = click.FloatRange(0, 1, min_open=True, max_open=True)
    where = "Current side: only images that satisfy a condition. Without CURRENT, the rest is the reference."
    for option in (
        click.option("--alpha", type=level, default=0.05, show_default=True, help="False discovery rate."),
        click.option(
            "--reference-where", default=None, metavar="SQL", help="Reference side: only images that satisfy it."
        ),
        click.option("--where", default=None, metavar="SQL", help=where),
    ):
        function = option(function)
    return function


def unit_options(function: Function) -> Function:
    """Add --near-copies and --cluster: what counts as one observation."""
    for option in (
        click.option(
            "--cluster",
            default=None,
            metavar="COLUMN|captured_at[:SECONDS]|path[:REGEX]",
            help="Images that belong together count as one: by a label or attribute, bursts of time, or names.",
        ),
        click.option(
            "--near-copies",
            default="auto",
            show_default=True,
            metavar="auto|off|COSINE",
            help="Of images whose features are this close, one counts.",
        ),
    ):
        function = option(function)
    return function


def duplicates_option(function: Function) -> Function:
    """Add --duplicates: whether exact copies count."""
    return click.option(
        "--duplicates/--no-duplicates",
        default=False,
        show_default=True,
        help="Count exact copies and near-copies as images of their own, or leave them out and say how many.",
    )(function)


def judging_options(function: Function) -> Function:
    """Add --near-copies, --cluster, --classes, --beyond, --blocks and --untrusted: how a shift is judged."""
    for option in (
        click.option("--untrusted", is_flag=True, help="Give untrusted concepts a verdict too."),
        click.option(
            "--blocks",
            type=click.IntRange(5),
            default=20,
            show_default=True,
            help="Contiguous blocks of the reference.",
        ),
        click.option(
            "--beyond",
            type=click.Choice(["chance", "blocks"]),
            default="chance",
            show_default=True,
            help="What a verdict must lie beyond: chance among images, or what the reference's own blocks differ by.",
        ),
        click.option(
            "--classes",
            default="auto",
            show_default=True,
            metavar="label|ATTRIBUTE|prediction:MODEL|none",
            help="Split each shift into class mix and the rest by these; auto takes what both sides have.",
        ),
    ):
        function = option(function)
    return unit_options(function)


def held_out_where_option(function: Function) -> Function:
    """Add --held-out-where: which rows are never fitted."""
    return click.option(
        "--held-out-where",
        default=None,
        metavar="SQL",
        help="Never fit these rows instead: \"starts_with(image_id, 'val/')\".",
    )(function)


def runner_options(function: Function) -> Function:
    """Add --dask: where block work runs."""
    return click.option(
        "--dask",
        "dask_address",
        default=None,
        metavar="ADDRESS",
        help="Dask scheduler to run block work on, such as tcp://host:8786.",
    )(function)
