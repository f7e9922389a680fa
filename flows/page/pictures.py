"""Pictures as a page shows them: a thumbnail with its facts, and a strip of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """One small picture."""

    image_id: str
    """Image as the dataset names it."""
    data_uri: str
    """`data:image/webp;base64,...`; empty when the picture cannot be shown."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    facts: tuple[str, ...] = ()
    """Short lines below the picture: similarity, z-scores, label."""


@dataclass(frozen=True, slots=True)
class Strip:
    """A row of pictures with a heading."""

    title: str
    """What the pictures are, such as `most similar in photos@12`."""
    thumbnails: tuple[Thumbnail, ...]
    """The pictures, in order."""
