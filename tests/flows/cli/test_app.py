"""The command's frame: exit codes, errors without traceback, help that imports nothing heavy."""

import json
import subprocess
import sys

import click
import pytest

from t2c.flows.cli import app as frame
from t2c.flows.cli.app import run
from t2c.flows.cli.commands import COMMANDS
from t2c.flows.engine.stop import EXIT_ERROR, EXIT_INTERRUPTED, EXIT_TERMINATED, EXIT_USAGE
from t2c.schemas.errors import InputError, SpecError


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch):
    """Register a command `boom` that raises what it is given."""

    def register(error: BaseException) -> None:
        @click.command()
        @click.option("--json", "as_json", is_flag=True)
        def boom(as_json: bool) -> None:
            raise error

        monkeypatch.setattr(frame, "boom", boom, raising=False)
        monkeypatch.setitem(COMMANDS, "boom", ("t2c.flows.cli.app:boom", "fails"))

    return register


def test_help_lists_every_command_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(f"\n  {name} " in printed for name in COMMANDS)
    assert "3 drift found" in printed


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("photos: expected images, but got none"), EXIT_ERROR),
        (SpecError("k: expected a number"), EXIT_USAGE),
        (PermissionError(13, "Permission denied", "photos"), EXIT_ERROR),
        (KeyboardInterrupt(), EXIT_INTERRUPTED),
        (SystemExit(143), EXIT_TERMINATED),
    ],
)
def test_an_error_is_one_line_and_a_code(
    failing, error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(error)
    assert run(["boom"]) == code
    printed = capsys.readouterr().err
    assert printed.lstrip().startswith("t2c: ")
    assert "Traceback" not in printed


def test_an_error_for_machines_is_json(failing, capsys: pytest.CaptureFixture[str]) -> None:
    failing(InputError("photos: expected images, but got none"))
    assert run(["boom", "--json"]) == EXIT_ERROR
    assert json.loads(capsys.readouterr().err)["error"] == {
        "type": "InputError",
        "message": "photos: expected images, but got none",
        "exit_code": EXIT_ERROR,
    }


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (SystemExit(143), 143)])
def test_a_signal_is_json_for_machines_too(
    failing, error: BaseException, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(error)
    assert run(["boom", "--json"]) == code
    body = json.loads(capsys.readouterr().err)["error"]
    assert body["exit_code"] == code
    assert "run the same command again" in body["message"]


def test_a_mistyped_command_offers_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sumary"]) == EXIT_USAGE
    assert "Did you mean 'summary'" in capsys.readouterr().err


def test_bugs_are_not_swallowed(failing) -> None:
    failing(ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError):
        run(["boom"])


def test_the_script_is_installed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "t2c.flows.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("t2c, version")
