"""The command's frame: groups that load a command's module only when it is typed, exit codes, errors without traceback."""

import importlib
import io
import signal
import sys
from typing import Any

import click

from flows.exit_codes import EXIT_ERROR, EXIT_INTERRUPTED, EXIT_TERMINATED, EXIT_USAGE
from schemas.errors import SpecError, T2CError, nearest

_GO_ON = "run the same command again to go on"

COMMANDS = {
    "index": ("flows.cli.data:index", "Index a folder, webdataset tars or Parquet files of images"),
    "retry": ("flows.cli.data:retry", "Read again the files that could not be read"),
    "extract": ("flows.cli.models:extract", "Extract features with one or more encoders, decoding once"),
    "encoders": ("flows.cli.models:encoders", "List the encoders that can be named"),
    "align": ("flows.cli.align:align", "Fit the linear map from one encoder's space to another's"),
    "maps": ("flows.cli.maps:maps", "List, import, export and measure linear maps"),
    "pairs": ("flows.cli.laboratory:pairs", "Align every encoder with every other and judge each pair"),
    "curves": ("flows.cli.laboratory:curves", "Draw quality against the samples or classes fitted"),
    "components": ("flows.cli.laboratory:components", "Compare principal components of encoders"),
    "concepts": ("flows.cli.concepts:concepts", "Add, import, refine, list concept banks"),
    "score": ("flows.cli.models:score", "Materialise the similarity of every image to every concept"),
    "trust": ("flows.cli.trust:trust", "Mark which concepts may be believed, and say why"),
    "summary": ("flows.cli.ask:summary", "Describe a dataset by its concepts"),
    "top": ("flows.cli.ask:top", "Show the images most (or least) similar to a concept"),
    "find": ("flows.cli.ask:find", "Retrieve images by concept logic"),
    "prompt": ("flows.cli.prompt:prompt", "Compare concept logic with one combined prompt"),
    "shift": ("flows.cli.ask:shift", "Compare two datasets or slices, concept by concept"),
    "zeroshot": ("flows.cli.ask:zeroshot", "Classify with class names as concepts"),
    "cbm": ("flows.cli.cbm:cbm", "Fit, explain and edit concept bottleneck models"),
    "classes": ("flows.cli.reading:classes", "Rank classes by their similarity to concepts"),
    "hard": ("flows.cli.reading:hard", "Show images that lack what their class usually has"),
    "cooccur": ("flows.cli.reading:cooccur", "Show which concepts come together"),
    "slices": ("flows.cli.reading:slices", "Say in words where a model fails"),
    "suite": ("flows.cli.suite:suite", "Test encoders at the zero-shot tasks of the paper"),
    "study": ("flows.cli.study:study", "Ask people whether decoded words fit"),
    "decode": ("flows.cli.decode:decode", "Put vectors into words: heads, classes, clusters, shifts"),
    "sql": ("flows.cli.ask:sql", "Run one SELECT over the store's views"),
    "report": ("flows.cli.run:report", "Write the audit as one HTML file"),
    "objectives": ("flows.cli.objectives:objectives", "Compare the aligner's objectives by zero-shot accuracy"),
    "plan": ("flows.cli.recipes:plan", "Say what a recipe costs before it is run"),
    "run": ("flows.cli.recipes:run", "Run a recipe: data, features, concepts, commands"),
    "audit": ("flows.cli.run:audit", "Run everything from one YAML file"),
    "features": ("flows.cli.features:features", "Import, export, read features"),
    "attributes": ("flows.cli.data:attributes", "Import image attributes"),
    "predictions": ("flows.cli.data:predictions", "Import a model's predictions"),
    "explain": ("flows.cli.care:explain", "Say what an artifact is, what made it, what it rests on"),
    "verify": ("flows.cli.care:verify", "Check every committed byte against its digest"),
    "compact": ("flows.cli.care:compact", "Merge the small files of many appends"),
    "gc": ("flows.cli.care:gc", "Remove what killed runs left behind"),
    "doctor": ("flows.cli.care:doctor", "Check this machine: versions, devices, store, weights"),
}
"""Command name -> where it is defined, and its one-line help (so that --help imports nothing)."""


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names in the order a user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return one command; None when there is no such name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Offer the nearest names when a command is not known."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            hint = nearest(args[0], COMMANDS)
            ctx.fail(f"command: expected one of those in t2c --help, but got {args[0]!r}. {hint}".rstrip())
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 error, 2 usage, 3 drift found where asked to fail on it, 130 interrupted, 143 terminated.",
)
@click.option("--store", "store_before", metavar="PATH|URL", help="The store; also after the command, or $T2C_STORE.")
@click.version_option(package_name="t2c-audit-store", prog_name="t2c")
def app(store_before: str | None) -> None:
    """Audit image datasets with human concepts.

    A first run: t2c index photos/ --name photos, then follow the command each step suggests.
    """


def _terminated(signum: int, frame: Any) -> None:  # noqa: ARG001
    """Turn SIGTERM into the exception that lets a step flush its chunk."""
    raise SystemExit(128 + signum)


def _fail(error: BaseException, code: int, *, as_json: bool) -> int:
    """Print an error to standard error, as JSON where --json was asked for, and return its exit code."""
    from flows.cli.output import json_line, printable

    if as_json:
        body = {"error": {"type": type(error).__name__, "message": str(error), "exit_code": code}}
        click.echo(json_line(body, to=sys.stderr), err=True)
    else:
        click.echo(f"t2c: {printable(str(error))}", err=True)
    return code


def run(arguments: list[str]) -> int:
    """Run the command with arguments and return its exit code; errors of ours are printed, not raised."""
    as_json = "--json" in arguments
    try:
        result = app.main(args=arguments, prog_name="t2c", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _fail(KeyboardInterrupt(f"interrupted; {_GO_ON}"), EXIT_INTERRUPTED, as_json=as_json)
    except SystemExit as error:
        if error.code != EXIT_TERMINATED:
            raise
        return _fail(SystemExit(f"terminated; {_GO_ON}"), EXIT_TERMINATED, as_json=as_json)
    except click.UsageError as error:
        if as_json:
            return _fail(error, EXIT_USAGE, as_json=True)
        error.show()
        return EXIT_USAGE
    except click.ClickException as error:
        return _fail(error, EXIT_ERROR, as_json=as_json)
    except SpecError as error:
        return _fail(error, EXIT_USAGE, as_json=as_json)
    except T2CError as error:
        return _fail(error, EXIT_ERROR, as_json=as_json)
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_ERROR
    except OSError as error:  # a disk or a file system that fails where no step expected it
        return _fail(error, EXIT_ERROR, as_json=as_json)
    return result if isinstance(result, int) else 0


def main() -> None:
    """Entry point of the `t2c` script."""
    signal.signal(signal.SIGTERM, _terminated)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name the terminal's encoding lacks is no reason to stop
    sys.exit(run(sys.argv[1:]))
