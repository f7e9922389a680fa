"""The command's frame: groups that load a command's module only when it is typed, exit codes, errors without traceback."""

import importlib
import io
import signal
import sys
from typing import Any

import click

from t2c.flows.cli.commands import COMMANDS, GROUPS
from t2c.flows.engine.stop import EXIT_ERROR, EXIT_INTERRUPTED, EXIT_TERMINATED, EXIT_USAGE
from t2c.schemas.errors import SpecError, T2CError, nearest
from t2c.schemas.extras import extra_of

_GO_ON = "run the same command again to go on"


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
        for heading, commands in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(f"{name:<11}", text) for name, (_, text) in commands.items()])


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
    from t2c.flows.cli.output import json_line, printable

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
    except ModuleNotFoundError as error:  # an optional package that no step asked for by its extra
        extra = extra_of(error)
        if extra is None:
            raise
        return _fail(extra, EXIT_ERROR, as_json=as_json)
    except OSError as error:  # a disk or a file system that fails where no step expected it
        return _fail(error, EXIT_ERROR, as_json=as_json)
    return result if isinstance(result, int) else 0


def main() -> None:
    """Entry point of the `t2c` script."""
    signal.signal(signal.SIGTERM, _terminated)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name the terminal's encoding lacks is no reason to stop
    sys.exit(run(sys.argv[1:]))
