"""An HTML file of its own beside the report, made like it: one hashed stylesheet, no script, nothing external."""

import base64
import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from t2c.flows.engine.output_files import replacing
from t2c.flows.page import charts, words

FOLDERS = Path(__file__).parents[1]
"""Where templates are: beside the code that shows them, named by their path below this folder."""
STYLE = Path(__file__).with_name("page.css")
"""The one stylesheet of the report and of the pages beside it."""


SHOWN_ROWS = 40
"""Rows of a long table that are shown at once; the rest is folded."""


FOLDED_ROWS = 460
"""Rows that are folded after them; what is beyond is counted, with the command that lists it."""


PANELS = 24
"""Concept distributions drawn at once."""


FOLDED_PANELS = 72
"""Concept distributions folded after them."""


SHOWN_CLASSES = 20
"""Classes with bars of their own: the hardest."""


def policy(style: str) -> str:
    """Return the Content-Security-Policy: pictures inside the file, the one stylesheet by its hash, nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the environment: autoescape for every template, and an error for a name that is not there."""
    jinja = Environment(
        loader=FileSystemLoader(FOLDERS),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = ("count", "number", "signed", "percent", "points", "small", "size", "plural", "clean", "named")
    jinja.filters.update({name: getattr(words, name) for name in filters})
    jinja.globals.update(
        charts=charts,
        SHOWN_ROWS=SHOWN_ROWS,
        FOLDED_ROWS=FOLDED_ROWS,
        PANELS=PANELS,
        FOLDED_PANELS=FOLDED_PANELS,
        SHOWN_CLASSES=SHOWN_CLASSES,
    )
    return jinja


def write_document(template: str, output: str | Path, **shown: Any) -> None:
    """Render a template of the report with what it shows; raises SpecError or StoreWriteError for the place."""
    style = STYLE.read_text(encoding="utf-8")
    page = environment().get_template(template)
    text = page.render(style=style, policy=policy(style), created_at=datetime.now(UTC), **shown)
    with replacing(output) as temporary:
        temporary.write_text(text, encoding="utf-8")
