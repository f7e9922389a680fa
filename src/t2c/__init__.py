"""Audit image datasets with human concepts: a feature store, linear maps into a CLIP's space, and answers in words.

    import t2c

    store = t2c.open("t2c-store")
    store.shift("photos", "new_photos")

Every command is a method of the store. Importing this package loads nothing else: `t2c.open` does, and a method what it needs.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from t2c.verbs import Store

__all__ = ["open"]


def open(url: str = "t2c-store", *, create: bool = False) -> "Store":  # noqa: A001 - read as t2c.open
    """Open the store at a folder or fsspec URL (s3://bucket/prefix); `create` makes one where there is none.

    Raises StoreError where there is no store, MissingExtra without the driver of an address.
    """
    from t2c.verbs import Store

    return Store(url, create=create)
