"""Local files under other names: what a load collected or converted, read as though it lay where it came from."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from storage.objects import StoredObject


class Aside:
    """An object store of temporary local files, each known by the location it stands for."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        """Hold the files of *paths*, by location."""
        self._paths = paths

    def objects(self) -> list[StoredObject]:
        """Return all files, in the order they were given."""
        return [StoredObject(location, path.stat().st_size) for location, path in self._paths.items()]

    def list(self, prefix: str) -> list[StoredObject]:
        """Return the files whose location starts with *prefix*."""
        return [item for item in self.objects() if item.location.startswith(prefix)]

    def size(self, location: str) -> int | None:
        """Return a file's size."""
        path = self._paths.get(location)
        return path.stat().st_size if path else None

    def read(self, location: str) -> IO[bytes]:
        """Open a file."""
        return self._paths[location].open("rb")

    def write(self, location: str, source: Path) -> None:
        """Refuse: whoever made the files has written them."""
        raise io.UnsupportedOperation

    def delete(self, location: str) -> None:
        """Refuse, as ``write`` does."""
        raise io.UnsupportedOperation

    def engine_path(self, location: str) -> str:
        """Return the path."""
        return str(self._paths[location])
