"""New files of a commit, kept until it is known to have been made.

DuckLake (of DuckDB 1.5.5) deletes what a transaction has written where its commit fails, and a commit whose answer was
lost has failed for it, whether PostgreSQL has made it or not. In a folder, new files have a second name meanwhile; of a
bucket that keeps versions, what was deleted can be had again.
"""

import contextlib
import logging
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from core.clock import Clock
from storage.aws import s3_client
from storage.database import S3Access

_log = logging.getLogger(__name__)
_FOLDER: Final = "kept"
_SUFFIX: Final = ".kept"
"""Nothing that looks for Parquet files finds them."""
_SKEW_S: Final = 300.0
"""By how much the clocks of a shared folder may differ."""


class KeptFiles:
    """The files of one lake. Every method blocks."""

    def __init__(self, data: str, access: S3Access, clock: Clock) -> None:
        """Keep files that lie below *data*, a folder or ``s3://bucket/prefix``."""
        self._data, self._access, self._clock = data.rstrip("/"), access, clock
        self._remote = data.startswith("s3://")

    def keep(self, name: str, folders: Iterable[str] | None, age_s: float) -> None:
        """Give files of at most *age_s* in *folders* (below the data, None is everywhere) a second name."""
        if self._remote:
            return
        since, place = self._clock.now().timestamp() - age_s - _SKEW_S, self._place(name)
        for folder in self._everywhere() if folders is None else (Path(self._data, each) for each in folders):
            for path in _newer(folder, since):
                place.mkdir(parents=True, exist_ok=True, mode=0o700)
                with contextlib.suppress(FileNotFoundError, FileExistsError):
                    os.link(path, place / f"{path.name}{_SUFFIX}")

    def forget(self, name: str) -> None:
        """Take note that the commit *name* was made, and its files are there, or was not made."""
        if not self._remote and self._place(name).exists():
            shutil.rmtree(self._place(name), ignore_errors=True)

    def restore(self, name: str, paths: Sequence[str]) -> None:
        """Bring those of *paths* (whole, or below the data) back that the commit *name* has made and that are gone."""
        for path in paths:
            whole = path if path.startswith(("s3://", "/")) else f"{self._data}/{path}"
            try:
                back = self._restored_object(whole) if self._remote else self._restored_file(name, Path(whole))
            except Exception as error:  # noqa: BLE001 - of the object store's client
                back = False
                _log.warning("a file could not be looked for", extra={"reason": type(error).__name__})
            if not back:
                _log.error("a file of the lake is lost", extra={"path": whole})
        self.forget(name)

    def left(self, age_s: float) -> list[str]:
        """Return the names of commits that nobody has settled for *age_s*."""
        folder = Path(self._data, _FOLDER)
        if self._remote or not folder.exists():
            return []
        until = self._clock.now().timestamp() - age_s
        return [path.name.replace("_", ":") for path in folder.iterdir() if path.stat().st_mtime < until]

    def _place(self, name: str) -> Path:
        return Path(self._data, _FOLDER, name.replace(":", "_"))

    def _everywhere(self) -> Iterable[Path]:
        for schema in _folders(Path(self._data)):
            if schema.name != _FOLDER:
                yield from _folders(schema)

    def _restored_file(self, name: str, path: Path) -> bool:
        kept = self._place(name) / f"{path.name}{_SUFFIX}"
        if not path.exists() and kept.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.link(kept, path)
            _log.warning("a file that DuckLake had deleted is back", extra={"path": str(path)})
        return path.exists()

    def _restored_object(self, path: str) -> bool:
        client: Any = s3_client(self._access)
        bucket, _, key = path.removeprefix("s3://").partition("/")
        found = client.list_object_versions(Bucket=bucket, Prefix=key)
        latest = [item for item in found.get("Versions", ()) if item["Key"] == key and item["IsLatest"]]
        marks = [item for item in found.get("DeleteMarkers", ()) if item["Key"] == key and item["IsLatest"]]
        for mark in marks:
            client.delete_object(Bucket=bucket, Key=key, VersionId=mark["VersionId"])
            _log.warning("a file that DuckLake had deleted is back", extra={"path": path})
        return bool(latest or marks)


def _folders(place: Path) -> list[Path]:
    try:
        return [Path(entry.path) for entry in os.scandir(place) if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []


def _newer(folder: Path, since: float) -> list[Path]:
    """Return the files of a folder that are newer than *since*; one look tells where there is none."""
    try:
        if folder.stat().st_mtime < since:
            return []
        return [Path(entry.path) for entry in os.scandir(folder) if entry.is_file() and entry.stat().st_mtime >= since]
    except FileNotFoundError:
        return []
