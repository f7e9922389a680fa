"""Make a study: words and classes in, one HTML page an annotator and the researcher's key out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.shown import Shown
from t2c.flows.rows.labels import LABEL
from t2c.flows.rows.truths import truths_of
from t2c.flows.study.design import Plan, Study, design
from t2c.flows.study.key_file import NAME, write_key
from t2c.flows.study.page import collage_pictures, render_page
from t2c.flows.study.words import Stored, read_checks, read_sayings, stored_sayings
from t2c.schemas.errors import SpecError, StoreWriteError, expected
from t2c.schemas.names import DatasetRef
from t2c.store.artifacts.images import Images, open_images
from t2c.store.artifacts.selection import searchable
from t2c.store.disk.root import Store


@dataclass(frozen=True, slots=True)
class MakeReport(Shown):
    """The written study: its digest, its size, its pages and its key."""

    study: str
    """Digest of the study."""
    dataset: str
    """Dataset and snapshot."""
    items: int
    """Words judged, over all models."""
    checks: int
    """Attention checks on each page."""
    classes: int
    """Classes judged."""
    sources: tuple[str, ...]
    """Models whose words are judged."""
    pages: tuple[str, ...]
    """Path of each page."""
    key: str
    """Path of study.json, which annotators do not get."""
    words_a_page: tuple[int, ...]
    """Questions of each page, checks among them."""
    without: int
    """Decoded vectors left out because the dataset has no such class."""


def make(
    store: Store,
    dataset: DatasetRef | str,
    folder: Path,
    *,
    words: Path | None = None,
    answers: Sequence[str] = (),
    labels: str = LABEL,
    checks: Path | None = None,
    plan: Plan | None = None,
    progress: Progress | None = None,
) -> MakeReport:
    """Write the pages of a study and its key to a folder, which is made; the same question writes the same bytes.

    Words come from a CSV file (`words`), else from stored decodings (`t2c.flows.study.words.stored_sayings`); `labels` is
    `label` or an imported attribute. Raises SpecError, UnknownName, MismatchError, InputError, StoreWriteError.
    """
    chosen_plan, images = plan or Plan(), open_images(store, dataset)
    rows = rows_by_class(images, labels)
    if words is not None and answers:
        raise SpecError(expected("words of a study", "a file or stored answers", "both", "Leave out one of them"))
    stored = (
        Stored(tuple(read_sayings(words)), 0)
        if words
        else stored_sayings(store, images.dataset, labels=rows, answers=answers)
    )
    study = design(
        stored.sayings,
        rows,
        plan=chosen_plan,
        dataset=f"{images.dataset}@{images.snapshot}",
        content=images.manifest.content_digest,
        checks=read_checks(checks) if checks else (),
    )
    pictures = collage_pictures(images, study, progress or NoProgress())
    return _write(study, folder, pictures, without=stored.without)


def rows_by_class(images: Images, labels: str) -> dict[str, list[int]]:
    """Return the readable image rows of each class, each content once, in order."""
    truth = truths_of(images, [labels])[0]
    usable = np.flatnonzero(searchable(images, exclude_duplicates=True))
    rows_of: dict[str, list[int]] = {}
    for row in usable.tolist():
        if (code := int(truth.codes[row])) >= 0 and truth.values[code]:
            rows_of.setdefault(truth.values[code], []).append(row)
    return rows_of


def _write(study: Study, folder: Path, pictures: Mapping[int, str], *, without: int) -> MakeReport:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        pages = []
        for annotator in study.pages:
            path = folder / f"{annotator}.html"
            path.write_text(render_page(study, annotator, pictures), encoding="utf-8")
            pages.append(str(path))
        key = folder / NAME
        write_key(study, key)
    except OSError as error:
        raise StoreWriteError(expected(f"folder {folder}", "a folder that can be written", str(error))) from error
    questions = [item for item in study.items if item.answer is None]
    return MakeReport(
        study.digest,
        study.dataset,
        items=len(questions),
        checks=len(study.items) - len(questions),
        classes=len({item.label for item in questions}),
        sources=tuple(sorted({item.source for item in questions})),
        pages=tuple(pages),
        key=str(key),
        words_a_page=tuple(len(page) for page in study.pages.values()),
        without=without,
    )
