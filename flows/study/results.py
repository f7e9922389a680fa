"""What annotators saved, read back: each file must be whole, of this study, and as the page wrote it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2c.core.statistics.agreement import MAIN, UNRELATED
from t2c.flows.study.design import Study
from t2c.flows.study.key_file import read_json
from t2c.schemas.errors import InputError, MismatchError, expected, unknown

FORMAT = "t2c-study-answers"
VERSION = 1

_OFFSET, _PRIME, _MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Result:
    """One annotator's answers."""

    annotator: str
    """Whose page it was."""
    answers: dict[str, int]
    """Item id to answer, 1 to 4; every item of the page."""
    seconds: dict[str, float]
    """Item id to how long it was looked at, seconds; 0 where the page did not say."""


def read_results(paths: Sequence[Path], study: Study) -> list[Result]:
    """Read the files that pages saved, by annotator; raises InputError or MismatchError naming the file and both sides."""
    result_of: dict[str, tuple[Path, Result]] = {}
    for path in paths:
        result = read_result(path, study)
        if result.annotator in result_of:
            other = result_of[result.annotator][0]
            want, todo = "one file an annotator", "Give the later one alone"
            raise InputError(expected(f"answers of {result.annotator}", want, f"{other} and {path}", todo))
        result_of[result.annotator] = (path, result)
    if not result_of:
        raise InputError(expected("answers of a study", "at least one file", "none"))
    return [result_of[name][1] for name in sorted(result_of)]


def read_result(path: Path, study: Study) -> Result:
    """Read one file; raises InputError for a damaged or incomplete one, MismatchError for another study's or a changed one."""
    subject = f"answers {path}"
    body = read_json(path, what="answers")
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        actual = repr(body.get("format")) if isinstance(body, dict) else type(body).__name__
        raise InputError(expected(subject, f"format {FORMAT!r}, as a study page saves it", actual))
    if body.get("version") != VERSION:
        raise InputError(expected(subject, f"version {VERSION}", repr(body.get("version"))))
    if body.get("study") != study.digest:
        want, actual = f"answers to study {study.digest[:12]}", f"study {str(body.get('study'))[:12]}"
        raise MismatchError(expected(subject, want, actual, "Name that study's study.json with --study"))
    annotator = body.get("annotator")
    if annotator not in study.pages:
        raise unknown(f"annotator of {path}", str(annotator), study.pages)
    answers = _answers(body.get("answers"), study, annotator=str(annotator), subject=subject)
    if (claimed := body.get("checksum")) != (sum_ := checksum(study.digest, str(annotator), answers)):
        todo = "The file was changed after the page saved it: ask for the page's own file"
        raise MismatchError(expected(subject, f"checksum {sum_} of its answers", f"checksum {claimed}", todo))
    seconds = body.get("seconds")
    return Result(str(annotator), answers, _seconds(seconds if isinstance(seconds, dict) else {}, answers))


def _answers(body: Any, study: Study, *, annotator: str, subject: str) -> dict[str, int]:
    if not isinstance(body, dict):
        raise InputError(expected(subject, "answers by item", type(body).__name__))
    page = study.pages[annotator]
    if strange := sorted(set(body) - set(page)):
        raise InputError(expected(subject, f"items of {annotator}'s page", f"item {strange[0]!r}, which is not on it"))
    if missing := [number for number, item in enumerate(page, start=1) if item not in body]:
        actual = f"{len(page) - len(missing)}; the first without one is number {missing[0]} of the page"
        raise InputError(
            expected(subject, f"{len(page)} answers", actual, "Open the page again: it goes on where it stopped")
        )
    for number, item in enumerate(page, start=1):
        value = body[item]
        # not isinstance: JSON's true is an int too, and would count as 1
        if type(value) is not int or not MAIN <= value <= UNRELATED:
            raise InputError(expected(f"{subject}, number {number} of the page", "an answer of 1 to 4", repr(value)))
    return {item: body[item] for item in page}


def _seconds(body: dict[str, Any], answers: dict[str, int]) -> dict[str, float]:
    return {
        item: float(value) if isinstance(value := body.get(item, 0), int | float) and 0 <= value < 1e6 else 0.0
        for item in answers
    }


def checksum(study: str, annotator: str, answers: dict[str, int]) -> str:
    """Return FNV-1a (64 bits, hexadecimal) of the study, the annotator and the answers in the order of their ids.

    It guards against slips of an editor, as the page's script computes the same; it does not guard against fraud.
    """
    lines = [study, annotator, *(f"{item}={answers[item]}" for item in sorted(answers))]
    total = _OFFSET
    for byte in "\n".join(lines).encode():
        total = ((total ^ byte) * _PRIME) & _MASK
    return f"{total:016x}"
