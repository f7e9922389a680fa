"""Why an image gives no pixels: the error that decoding raises, and what kinds of reason there are."""

from t2c.schemas.errors import InputError

MAX_PIXELS = 200_000_000
"""Default cap on width x height."""


class UnreadableImage(InputError):
    """An image that gives no pixels; `outcome` is corrupt, too_large, unsupported or missing."""

    def __init__(self, message: str, *, outcome: str) -> None:
        super().__init__(message)
        self.outcome = outcome


def corrupt(want: str, got: str) -> UnreadableImage:
    """Return the error for bytes that are damaged or not all there."""
    return UnreadableImage(f"image: expected {want}, but got {got}", outcome="corrupt")


def unsupported(want: str, got: str) -> UnreadableImage:
    """Return the error for a file that may be whole but is of a kind that is not decoded here."""
    return UnreadableImage(f"image: expected {want}, but got {got}", outcome="unsupported")


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise UnreadableImage (too_large) over the cap."""
    if width * height > max_pixels:
        message = f"image: expected at most {max_pixels:,} pixels, but got {width} x {height} = {width * height:,}"
        raise UnreadableImage(message, outcome="too_large")


def first_line(error: BaseException) -> str:
    """Return the start of an error's text, its type where it has none."""
    return f"{(str(error).splitlines() or [''])[0] or type(error).__name__}"[:200]
