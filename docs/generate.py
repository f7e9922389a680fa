"""Write docs/tables.md, docs/commands.md, docs/api.md and src/t2c/verbs.py from the code: `make docs`; a test fails when they are stale."""

from pathlib import Path

import click
import pyarrow as pa
from facade import TARGET, api_page, facade

from t2c.flows.cli.app import app
from t2c.flows.cli.commands import COMMANDS
from t2c.schemas.tables import tables
from t2c.schemas.tables.answers import ANSWERS
from t2c.schemas.tables.catalog import MACROS, VIEWS

HERE = Path(__file__).parent

TABLES = {
    "images": (tables.IMAGES, "One row an input file; every input is accounted for."),
    "attributes": (
        tables.ATTRIBUTES,
        "Facts about images that the user imported. In a `--where`: `attribute('colour') = 'red'` (the value as text), "
        "`attribute_number('blur') > 0.5`; null where a row has none.",
    ),
    "predictions": (
        tables.PREDICTIONS,
        "What a model said about images, imported by the user. In a `--where`: `prediction('prod-v7') <> label` (the class "
        "with the model's largest score, the first by name of equal ones).",
    ),
    "concepts": (tables.CONCEPTS, "Concept vectors of a bank."),
    "similarities": (tables.SIMILARITIES, "Long form, clustered by concept."),
    "concept_stats": (tables.CONCEPT_STATS, "The distribution of each concept over a dataset."),
    **{name: (kind.schema, kind.about) for name, kind in ANSWERS.items()},
    "lineage": (tables.LINEAGE, "What each artifact was made from."),
    "fitted rows": (tables.FITTED_ROWS, "Which images a map was fitted on, and the fold that never saw each."),
}


def table_page() -> str:
    """Return the page of all table schemas."""
    parts = [
        "# Tables",
        "The columns of the files in the store; the SQL views over them follow below.",
    ]
    for name, (schema, about) in TABLES.items():
        parts.append(
            f"## {name}\n\n{about}\n\n| column | type | meaning |\n|---|---|---|\n" + "\n".join(map(_row, schema))
        )
    parts.append("# SQL views\n\nWhat `t2c sql` reads: each view covers every dataset, map and bank of the store.")
    for name, (about, schema) in VIEWS.items():
        parts.append(
            f"## view {name}\n\n{about}\n\n| column | type | meaning |\n|---|---|---|\n" + "\n".join(map(_row, schema))
        )
    parts.append("# SQL macros\n\n" + "\n".join(f"- `{name}`: {about}" for name, about in MACROS.items()))
    return "\n\n".join(parts) + "\n"


def _row(field: pa.Field) -> str:
    kind = (
        str(field.type)
        .replace("timestamp[us, tz=UTC]", "timestamp (UTC)")
        .replace("list<element: ", "list<")
        .replace("list<item: ", "list<")
    )
    return f"| `{field.name}` | {kind}{', null' if field.nullable else ''} | {tables.doc(field)} |"


def command_page() -> str:
    """Return the page of every command's help."""
    parts = [
        "# Commands",
        "Every command takes `--help`, `--json` and `--store`. Exit codes: 0 done, 1 error, 2 usage, 3 drift found where asked to fail on it.",
    ]
    context = click.Context(app, info_name="t2c")
    for name in COMMANDS:
        found = app.get_command(context, name)
        assert found is not None, name
        parts += _help(found, f"t2c {name}")
    return "\n\n".join(parts) + "\n"


def _help(found: click.Command, path: str) -> list[str]:
    context = click.Context(
        found, info_name=path, max_content_width=100, terminal_width=100, help_option_names=["-h", "--help"]
    )
    parts = [f"## {path}", f"```\n{found.get_help(context)}\n```"]
    if isinstance(found, click.Group):
        for name, inner in found.commands.items():
            parts += _help(inner, f"{path} {name}")
    return parts


PAGES = {"tables.md": table_page, "commands.md": command_page, "api.md": api_page}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (HERE / name).write_text(page())
        print(f"wrote docs/{name}")
    TARGET.write_text(facade())
    print(f"wrote {TARGET.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
