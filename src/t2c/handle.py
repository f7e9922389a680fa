"""An open store as Python callers hold it: where it is, and what it holds."""

from t2c.store.disk.root import open_store


class Handle:
    """A store at a folder or URL; every method reads what is committed at that moment."""

    def __init__(self, url: str, *, create: bool = False) -> None:
        self._store = open_store(url, create=create)

    @property
    def url(self) -> str:
        """Absolute path or URL of the store."""
        return self._store.url

    def __repr__(self) -> str:
        return f"t2c.open({self.url!r})"

    def datasets(self) -> list[str]:
        """Return the names of the datasets."""
        from t2c.store.artifacts.images import list_datasets

        return list_datasets(self._store)

    def banks(self) -> list[str]:
        """Return the names of the concept banks."""
        from t2c.store.artifacts.concepts import list_banks

        return list_banks(self._store)
