"""Small pictures as data URIs: upright, without metadata, and never a reason for a report to fail."""

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from t2c.flows.engine.small_pictures import EDGE, data_uri
from t2c.flows.page.pictures import Thumbnail


@dataclass(frozen=True, slots=True)
class PictureSource:
    """One picture to be shown."""

    image_id: str
    """Image as the dataset names it."""
    uri: str
    """Where its bytes are."""
    facts: tuple[str, ...] = ()
    """Short lines below the picture."""


def thumbnails(
    wanted: Sequence[PictureSource], *, read: Callable[[str], bytes], edge: int = EDGE, threads: int = 8
) -> list[Thumbnail]:
    """Return the thumbnails of some pictures, in order; each place is read once, several at a time."""
    places = {picture.uri: picture for picture in wanted}
    with warnings.catch_warnings(), ThreadPoolExecutor(threads) as pool:
        warnings.simplefilter("ignore")  # Pillow warns of large or odd files; the cap decides
        by_uri = dict(
            zip(
                places,
                pool.map(
                    lambda picture: thumbnail(picture.image_id, picture.uri, read=read, edge=edge), places.values()
                ),
                strict=True,
            )
        )
    return [replace(by_uri[picture.uri], image_id=picture.image_id, facts=picture.facts) for picture in wanted]


def thumbnail(
    image_id: str, uri: str, *, read: Callable[[str], bytes], edge: int = EDGE, facts: tuple[str, ...] = ()
) -> Thumbnail:
    """Return the thumbnail of the image at uri, whose bytes come from read.

    A picture that cannot be read or decoded gives a thumbnail with an empty data_uri, which the page shows as a
    placeholder: the picture may have gone since it was indexed, and the numbers still stand.
    """
    text, width, height = data_uri(uri, read=read, edge=edge) or ("", edge, edge)
    return Thumbnail(image_id, text, width, height, facts)
