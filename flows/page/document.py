"""An HTML file of its own beside the report, made like it: one hashed stylesheet, no script, nothing external."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.engine.output_files import replacing
from flows.report.render import TEMPLATES, environment, policy


def write_document(template: str, output: str | Path, **shown: Any) -> None:
    """Render a template of the report with what it shows; raises SpecError or StoreWriteError for the place."""
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    page = environment().get_template(template)
    text = page.render(style=style, policy=policy(style), created_at=datetime.now(UTC), **shown)
    with replacing(output) as temporary:
        temporary.write_text(text, encoding="utf-8")
