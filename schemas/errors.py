"""The one error tree; every message reads `subject: expected X, but got Y`, then what to do.

T2CError
├── SpecError (ValueError)            what the user wrote: an option, a name, a YAML file
│   └── LogicError                    a concept-logic expression; carries the position
├── InputError (ValueError)           data handed in: images, arrays, tables
├── UnknownName (LookupError)         a dataset, encoder, concept or column that is not there
├── MismatchError (ValueError)        two sides that do not fit: spaces, dimensions, row order
├── WeightsMissing (FileNotFoundError) model weights that are not on this machine
├── MissingExtra (ImportError)        an optional dependency that is not installed
├── PlanError (MemoryError)           a plan that does not fit the machine
└── StoreError (OSError)              bytes on disk
    ├── CorruptError                  a hole, a flipped byte, a truncated file
    ├── BusyError (BlockingIOError)   another run holds the lease
    ├── ConflictError                 another run committed first
    └── StoreWriteError               read-only folder, full disk
"""

import difflib
from collections.abc import Iterable


class T2CError(Exception):
    """Base of every error this project raises on purpose; the command line prints it without a traceback."""


class SpecError(T2CError, ValueError):
    """What the user wrote is not valid: an option, a name, a field of a YAML file."""


class LogicError(SpecError):
    """A concept-logic expression does not parse; `position` is the 0-based offset of the offending character."""

    def __init__(self, message: str, *, position: int) -> None:
        super().__init__(message)
        self.position = position


class InputError(T2CError, ValueError):
    """Data handed in cannot be used: an image folder, an array, a table."""


class UnknownName(T2CError, LookupError):
    """A dataset, encoder, concept, column or snapshot that the store does not hold."""


class MismatchError(T2CError, ValueError):
    """Two sides do not fit together: spaces, dimensions, row order, in-sample against held-out."""


class WeightsMissing(T2CError, FileNotFoundError):
    """Model weights are neither on this machine nor reachable."""


class MissingExtra(T2CError, ImportError):
    """An optional dependency is not installed; the message is the command that installs it."""


class PlanError(T2CError, MemoryError):
    """A plan needs more memory or disk than there is; the message holds both numbers."""


class StoreError(T2CError, OSError):
    """Something is wrong with bytes on disk."""


class CorruptError(StoreError):
    """A committed file is missing, truncated, or not the bytes that were committed."""


class BusyError(StoreError, BlockingIOError):
    """Another live run holds the lease on this artifact."""


class ConflictError(StoreError):
    """Another run committed the same snapshot number first."""


class StoreWriteError(StoreError):
    """The store cannot be written: read-only folder, full disk, no permission."""


def expected(subject: str, want: str, got: str, todo: str = "") -> str:
    """Return the message `subject: expected want, but got got. todo` (the grammar of every error)."""
    sentence = f"{subject}: expected {want}, but got {got}"
    return f"{sentence}. {todo}" if todo else sentence


def nearest(name: str, known: Iterable[str], *, most: int = 3) -> str:
    """Return `Did you mean 'a' or 'b'?` for the known names closest to name, or an empty string."""
    folded = {candidate.casefold(): candidate for candidate in known}
    close = [folded[match] for match in difflib.get_close_matches(name.casefold(), folded, n=most, cutoff=0.5)]
    return f"Did you mean {' or '.join(repr(match) for match in close)}?" if close else ""


def unknown(subject: str, name: str, known: Iterable[str], *, todo: str = "") -> UnknownName:
    """Return the error for a name that is not known: nearest names (or all, when few) and what to type."""
    names = sorted(set(known))
    hint = nearest(name, names)
    listed = ", ".join(repr(known_name) for known_name in names[:8]) + (", ..." if len(names) > 8 else "")
    want = f"one of {listed}" if names else "a name that exists (there is none yet)"
    return UnknownName(expected(subject, want, repr(name), " ".join(part for part in (hint, todo) if part)))
