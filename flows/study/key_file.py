"""The researcher's file of a study, study.json: written once, and read only as it was written."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from t2c.flows.study.design import Item, Study
from t2c.schemas.digest import canonical_json
from t2c.schemas.errors import InputError, MismatchError, expected

FORMAT = "t2c-study"
VERSION = 1
NAME = "study.json"
"""Its name beside the pages; annotators never get it."""


def write_key(study: Study, path: Path) -> None:
    """Write a study with its digest."""
    body = {"format": FORMAT, "version": VERSION, "digest": study.digest, "study": asdict(study)}
    path.write_text(json.dumps(body, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_key(path: Path) -> Study:
    """Read a study; raises InputError for another file, MismatchError for one that was changed since."""
    body = read_json(path, what="study")
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        todo = f"Name the {NAME} that t2c study make wrote"
        raise InputError(expected(f"study {path}", f"format {FORMAT!r}", _format(body), todo))
    if body.get("version") != VERSION:
        raise InputError(expected(f"study {path}", f"version {VERSION}", repr(body.get("version"))))
    study = _study(body.get("study"), path)
    if study.digest != body.get("digest"):
        todo = f"Restore the file, or make the study again: the same words and seed give the same {NAME}"
        want, actual = study.digest[:12], str(body.get("digest"))[:12]
        raise MismatchError(expected(f"study {path}", f"digest {want} of its content", f"digest {actual}", todo))
    return study


def read_json(path: Path, *, what: str) -> Any:
    """Return a JSON file's content; raises InputError naming where it does not parse."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(expected(f"{what} {path}", "a file", "none of that name")) from error
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(expected(f"{what} {path}", "a JSON file", f"{type(error).__name__} ({error})")) from error
    except json.JSONDecodeError as error:
        where = f"{error.msg} at line {error.lineno}, column {error.colno}"
        raise InputError(expected(f"{what} {path}", "JSON as it was saved", where)) from error


def _format(body: Any) -> str:
    return repr(body.get("format")) if isinstance(body, dict) else type(body).__name__


def _study(body: Any, path: Path) -> Study:
    try:
        items = tuple(Item(**{**item, "images": tuple(item["images"])}) for item in body["items"])
        pages = {name: tuple(ids) for name, ids in body["pages"].items()}
        study = Study(**{**body, "items": items, "pages": pages})
        canonical_json(asdict(study))
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise InputError(
            expected(f"study {path}", "the fields of a study", f"{type(error).__name__} ({error})")
        ) from error
    return study
