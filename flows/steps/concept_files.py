"""Concept files: one concept a line, or YAML with prompts, templates and context concepts."""

from pathlib import Path

from schemas.errors import SpecError, expected
from schemas.specs.base import ConceptFile
from schemas.specs.yaml import load_spec

EXAMPLE = "A text file has one concept a line; YAML has concepts, prompts, contexts, templates, averaging."
YAML_SUFFIXES = (".yaml", ".yml")


def read_concept_file(path: str | Path) -> ConceptFile:
    """Read a concept file: `.yaml` or `.yml`, else UTF-8 text with one concept a line (`#` starts a comment line).

    Raises SpecError for a file that cannot be read or, in text, a concept named twice (with its lines); what its
    concepts must be like is checked when they are expanded.
    """
    file = Path(path)
    return load_spec(file, ConceptFile, example=EXAMPLE) if file.suffix.lower() in YAML_SUFFIXES else _read_lines(file)


def _read_lines(file: Path) -> ConceptFile:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        got = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SpecError(expected(str(file), "a readable concept file", got.lower(), EXAMPLE)) from error
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        name = line.strip()
        if not name or name.startswith("#"):
            continue
        if name in seen:
            got = f"{name!r} in lines {seen[name]} and {number}"
            raise SpecError(expected(file.name, "each concept once", got, "Remove one of the lines."))
        seen[name] = number
    return ConceptFile(concepts=tuple(seen))
