"""Names that become folders: datasets, banks, models; and references such as `photos@12`."""

import re
import unicodedata
from dataclasses import dataclass

from t2c.schemas.errors import SpecError, expected

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")
_SNAPSHOT = re.compile(r"0*[1-9][0-9]{0,17}")
_RESERVED = frozenset({"con", "nul", "prn", "aux"})


def check_name(name: str, *, what: str) -> str:
    """Return name when it can be a folder everywhere, else raise SpecError.

    `what` is the subject of the message, such as `dataset name`. Concepts and image ids are data, never folders,
    and are not restricted.
    """
    if not _NAME.fullmatch(name) or name.casefold() in _RESERVED or ".." in name:
        raise SpecError(
            expected(
                what,
                "1 to 64 letters, digits, '.', '_' or '-', starting with a letter or digit",
                repr(name),
                "Choose a plain name; free text belongs in concepts, labels and image ids.",
            )
        )
    return name


def composed(text: str) -> str:
    """Return text as it is compared: letters with their accents as one sign (Unicode's form NFC)."""
    return unicodedata.normalize("NFC", text)


def slug(text: str) -> str:
    """Return text as a readable file-name part: lower case, everything else folded to '-'."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:48] or "x"


@dataclass(frozen=True, slots=True)
class DatasetRef:
    """A dataset as of a snapshot."""

    name: str
    """Dataset name, a folder name."""
    snapshot: int | None = None
    """Snapshot number, 1 and up; None is the newest."""

    def __str__(self) -> str:
        return self.name if self.snapshot is None else f"{self.name}@{self.snapshot}"


def parse_dataset_ref(text: str) -> DatasetRef:
    """Parse `photos` or `photos@12`; raises SpecError."""
    name, at, number = text.partition("@")
    check_name(name, what="dataset name")
    if at and not _SNAPSHOT.fullmatch(number):
        raise SpecError(
            expected(
                f"snapshot of {name}", "a number of 1 or more after '@'", repr(number), f"Write {name}@12 or {name}."
            )
        )
    return DatasetRef(name, int(number) if at else None)
