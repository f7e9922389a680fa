"""The audit command: its help holds an audit file, and its store is the one that a deployed flow takes."""

from pathlib import Path
from textwrap import indent

import pytest
from click.testing import CliRunner

from t2c.flows.cli.app import app, run
from t2c.schemas.errors import StoreError
from t2c.schemas.specs.audit import EXAMPLE_FILE
from tests.planted.audit import AUDIT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with an audit file that names no store in the folder `below`."""
    monkeypatch.delenv("T2C_STORE", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "audit.yaml").write_text(AUDIT.replace("store: store", "").replace("truth.parquet", "none"))
    return tmp_path


def command_store(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    """Return what the command says of the store it looks for, which is nowhere."""
    assert run(arguments) == 1
    return capsys.readouterr().err


def flow_store(store: str | None) -> str:
    """Return what the flow says of the store it looks for, when a deployment runs it with this parameter."""
    from t2c.flows.audit.prefect_flows import audit

    with pytest.raises(StoreError) as caught:
        audit.fn("below/audit.yaml", store)
    return str(caught.value)


def test_the_help_holds_the_example_as_it_is() -> None:
    assert indent(EXAMPLE_FILE, "    ") in CliRunner().invoke(app, ["audit", "--help"]).output


@pytest.mark.parametrize(
    ("environment", "named", "store"),
    [
        (None, "", "below/t2c-store"),
        ("", "", "below/t2c-store"),
        ("from-environment", "", "from-environment"),
        ("t2c-store", "", "t2c-store"),
        (None, "store: named", "below/named"),
        ("from-environment", "store: named", "below/named"),
    ],
)
def test_the_command_and_a_deployed_flow_use_one_store(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    environment: str | None,
    named: str,
    store: str,
) -> None:
    if environment is not None:
        monkeypatch.setenv("T2C_STORE", environment)
    file = folder / "below" / "audit.yaml"
    file.write_text(file.read_text() + named)
    wanted = f"store {folder / store}: expected"
    assert wanted in command_store(capsys, ["audit", "below/audit.yaml", "--no-prefect"])
    assert wanted in flow_store(None)


@pytest.mark.parametrize(
    ("before", "after", "store"),
    [
        ([], ["--store", "typed"], "typed"),
        ([], ["--store", "t2c-store"], "t2c-store"),
        (["--store", "first"], [], "first"),
        (["--store", "first"], ["--store", "typed"], "typed"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_store_that_is_typed_wins_over_the_environments(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    before: list[str],
    after: list[str],
    store: str,
) -> None:
    monkeypatch.setenv("T2C_STORE", "from-environment")
    wanted = f"store {tmp_path / store}: expected"
    assert wanted in command_store(capsys, [*before, "audit", "below/audit.yaml", "--no-prefect", *after])
    assert wanted in flow_store(store)
