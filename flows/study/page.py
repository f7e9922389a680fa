"""One annotator's page: a single HTML file that works from a disk, runs its own script alone and connects to nothing."""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from t2c.flows.engine.progress import Progress
from t2c.flows.page.thumbnails import PictureSource, thumbnails
from t2c.flows.study.design import Study
from t2c.schemas.errors import InputError, expected
from t2c.store.artifacts.images import Images
from t2c.store.sources.image_bytes import open_bytes

TEMPLATES = Path(__file__).parent / "templates"

EDGE = 240
"""Longest side of a picture in a collage, pixels."""
ANSWERS = (
    (1, "Yes, the main object", "The word describes the main object in the pictures."),
    (2, "Somewhat: a similar object", "The word describes an object similar to the main one."),
    (3, "No, but another object in them", "The word describes another object that is common in the pictures."),
    (4, "No, it is unrelated", "The word has nothing to do with the pictures."),
)
"""The paper's four answers: key, what the button says, what the introduction says."""


def render_page(study: Study, annotator: str, pictures: Mapping[int, str]) -> str:
    """Return the page of one annotator; `pictures` are data URIs by image row.

    It holds words, pictures and opaque ids: no model, class, image id or known answer.
    """
    style, script = (_read(name) for name in ("page.css", "page.js"))
    items = [study.by_id[item_id] for item_id in study.pages[annotator]]
    rows = list(dict.fromkeys(row for item in items for row in item.images if row in pictures))
    place = {row: number for number, row in enumerate(rows)}
    data = {
        "study": study.digest,
        "annotator": annotator,
        "items": [
            {"id": item.id, "word": item.word, "images": [place[row] for row in item.images if row in place]}
            for item in items
        ],
        "images": [pictures[row] for row in rows],
    }
    return _environment().get_template("page.html.jinja").render(
        annotator=annotator,
        items=len(items),
        answers=ANSWERS,
        policy=policy(style, script),
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        data=Markup(script_json(data)),  # noqa: S704 - escaped by script_json
    )  # fmt: skip


def policy(style: str, script: str) -> str:
    """Return the Content-Security-Policy: the one style and the one script by their hashes, pictures in the file, nothing else."""
    return (
        f"default-src 'none'; img-src data:; style-src 'sha256-{_hash(style)}'; script-src 'sha256-{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def script_json(value: object) -> str:
    """Return JSON that cannot end the element it stands in, whatever its texts hold."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    """Return the environment: autoescape, and an error for a name that is not there."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def collage_pictures(images: Images, study: Study, progress: Progress) -> dict[int, str]:
    """Return data URIs by image row; raises InputError for a class none of whose pictures can be read now."""
    rows = sorted({row for item in study.items for row in item.images})
    uris = images.table(["uri"], current=False)["uri"].take(rows).to_pylist()
    progress.start("pictures", len(rows), "pictures")
    uri_of_row: dict[int, str] = {}
    for start in range(0, len(rows), 64):
        requests = [PictureSource(str(row), uri) for row, uri in zip(rows[start:][:64], uris[start:][:64], strict=True)]
        pictures = thumbnails(requests, read=open_bytes, edge=EDGE)
        uri_of_row |= {int(picture.image_id): picture.data_uri for picture in pictures if picture.data_uri}
        progress.advance(len(requests))
    progress.done()
    for item in study.items:
        if not any(row in uri_of_row for row in item.images):
            want = f"pictures that can still be read, {len(item.images)} of them"
            raise InputError(expected(f"collage of class {item.label!r}", want, "none", "Check where the images are"))
    return uri_of_row
