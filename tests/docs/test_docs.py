"""Docs cannot go stale: generated pages match the code, every column and command says what it is."""

import importlib.util
from pathlib import Path

import click
import pyarrow as pa
import pytest

from t2c.flows.cli.app import app
from t2c.flows.cli.commands import COMMANDS
from t2c.schemas.tables import tables

ROOT = Path(__file__).parents[2]


def generator():
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "docs")  # where the script finds its neighbour when it is run
        spec.loader.exec_module(module)
    return module


SCHEMAS = [value for value in vars(tables).values() if isinstance(value, pa.Schema)]


def test_every_schema_is_documented_on_the_page() -> None:
    assert len(SCHEMAS) >= 10
    page = (ROOT / "docs" / "tables.md").read_text()
    for schema in SCHEMAS:
        for field in schema:
            assert len(tables.doc(field)) > 5, field
            assert f"`{field.name}`" in page


@pytest.mark.parametrize("page", ["tables.md", "commands.md", "api.md"])
def test_generated_pages_are_current(page: str) -> None:
    assert (ROOT / "docs" / page).read_text() == generator().PAGES[page](), "stale: run make docs"


def test_the_methods_of_the_store_are_current() -> None:
    made = generator()
    assert made.TARGET.read_text() == made.facade(), "stale: run make docs"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_an_example(name: str) -> None:
    context = click.Context(app, info_name="t2c")
    command = app.get_command(context, name)
    leaves = command.commands.values() if isinstance(command, click.Group) else [command]
    for leaf in leaves:
        text = leaf.get_help(click.Context(leaf, info_name=f"t2c {name}"))
        assert leaf.help
        assert "Example:" in text
        assert "--json" in text
        assert all(parameter.help for parameter in leaf.params if isinstance(parameter, click.Option))
