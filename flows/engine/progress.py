"""How a step tells whoever watches how far it is: a protocol of four calls, and one that stays silent."""

from typing import Protocol


class Progress(Protocol):
    """Receiver of progress; a step calls `start` once, `advance` and `note` as it goes, and `done` at the end.

    Calls come from the thread that runs the step. A receiver must not raise and should return quickly.
    """

    def start(self, name: str, total: int | None, unit: str) -> None:
        """Begin a stretch of work: what is done (`extract photos`), how many units, and their name (`images`).

        A total of None means that nobody knows it yet.
        """

    def advance(self, n: int) -> None:
        """Report that n more units are done."""

    def note(self, **counts: int | float | str) -> None:
        """Show named counts beside the bar, such as `ok=990, corrupt=10`; later values replace earlier ones."""

    def done(self) -> None:
        """End the stretch of work that the last `start` began, finished or not."""


class NoProgress:
    """A receiver that shows nothing: the default of every step."""

    def start(self, name: str, total: int | None, unit: str) -> None:
        """Do nothing."""

    def advance(self, n: int) -> None:
        """Do nothing."""

    def note(self, **counts: int | float | str) -> None:
        """Do nothing."""

    def done(self) -> None:
        """Do nothing."""
