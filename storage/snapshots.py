"""Snapshots: copies of a whole warehouse that need nothing of it, in a folder or in S3.

A snapshot is the lake's catalogue as it was at one moment, users and privileges within, and the Parquet files that it
names. Parquet files never change: each is copied once, however many snapshots name it, and goes with the last of them.
Where the warehouse is encrypted so is its snapshot, by the same keys, which it holds wrapped by the master key.

    PLACE/files/SCHEMA/TABLE/….parquet     PLACE/snapshots/NAME/catalog.ducklake, manifest.json
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState
from storage.objects import ObjectStore

_VERSION: Final = 1
_PIECE_BYTES: Final = 1 << 20
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,254}")
_FILES: Final = "files"
_SNAPSHOTS: Final = "snapshots"
_MANIFEST: Final = "manifest.json"
CATALOG: Final = "catalog.ducklake"


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """A file of a snapshot."""

    path: str
    """Below the lake's data path."""
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is known of a snapshot."""

    name: str
    automated: bool
    taken: str
    """ISO 8601, UTC."""
    lake_snapshot: int
    cluster: str = ""
    admin: str = ""
    """Name of the first superuser."""
    database: str = ""
    """Name of the first database."""
    kept_days: int = -1
    """Days that a manual one is kept; -1 is for ever."""
    keyring: str = ""
    """The keys that encrypt it, wrapped by the master key; empty where it is plain."""
    catalog: SnapshotFile
    files: tuple[SnapshotFile, ...] = ()

    @property
    def size(self) -> int:
        """Return the bytes of all its files."""
        return self.catalog.size + sum(file.size for file in self.files)

    @property
    def moment(self) -> datetime:
        """Return when it was taken."""
        return datetime.fromisoformat(self.taken)


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of a store: what lies below it is named by relative paths."""

    store: ObjectStore
    root: str

    def location(self, path: str) -> str:
        """Return the whole location of *path*."""
        return f"{self.root.rstrip('/')}/{path}"

    def write(self, path: str, source: Path) -> None:
        """Put a local file."""
        self.store.write(self.location(path), source)

    def fetch(self, path: str, target: Path) -> SnapshotFile:
        """Copy *path* into a local file and return what it is; raises ``SqlError``."""
        digest, size = hashlib.sha256(), 0
        with self.store.read(self.location(path)) as stream, target.open("wb") as file:
            while piece := stream.read(_PIECE_BYTES):
                digest.update(piece)
                size += file.write(piece)
        return SnapshotFile(path, size, digest.hexdigest())

    def paths(self, prefix: str) -> list[str]:
        """Return what lies below *prefix*, a folder."""
        start = self.location("")
        return [item.location.removeprefix(start) for item in self.store.list(self.location(f"{prefix}/"))]


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that is not what it should be."""

    path: str
    problem: str
    repaired: bool = False


class Snapshots:
    """All snapshots of one place. Every method blocks and raises ``SqlError``; one at a time may change anything."""

    def __init__(self, place: Place, other: "Snapshots | None" = None) -> None:
        """Keep snapshots in *place*; what is damaged there is had from *other*, a second place."""
        self._place = place
        self.other = other
        if other is not None:
            other.other = self

    def all(self) -> list[Snapshot]:
        """Return every snapshot, the oldest first."""
        paths = [path for path in self._place.paths(_SNAPSHOTS) if path.endswith(f"/{_MANIFEST}")]
        found = [each for each in map(self._read_if_there, paths) if each is not None]
        return sorted(found, key=lambda each: (each.taken, each.name))

    def find(self, name: str) -> Snapshot:
        """Return the snapshot called *name*; raises 42704."""
        path = f"{_SNAPSHOTS}/{name}/{_MANIFEST}"
        if _NAME.fullmatch(name) is None or self._place.store.size(self._place.location(path)) is None:
            raise SqlError(SqlState.UNDEFINED_OBJECT, f'snapshot "{name}" does not exist')
        return self._read(path)

    def check_name(self, name: str) -> None:
        """Raise for a name that no snapshot can have (22023), or that one has (42710)."""
        if _NAME.fullmatch(name) is None or name.endswith("-") or "--" in name:
            raise SqlError(
                SqlState.INVALID_PARAMETER_VALUE,
                f"'{name}' cannot be a snapshot's name",
                hint="Use lower case letters, digits and single hyphens, beginning with a letter.",
            )
        if self._place.store.size(self._place.location(f"{_SNAPSHOTS}/{name}/{_MANIFEST}")) is not None:
            raise SqlError(SqlState.DUPLICATE_OBJECT, f'snapshot "{name}" already exists')

    def add(self, snapshot: Snapshot, catalog: Path, data: Place, paths: Iterable[str]) -> Snapshot:
        """Copy *catalog* and what is not here yet of *paths* of *data*; return the snapshot with its files.

        It exists once its manifest does, which is written last.
        """
        known = {file.path: file for each in self.all() for file in each.files}
        with tempfile.TemporaryDirectory(prefix="duckshift-snapshot-") as folder:
            passing = Path(folder) / "file"
            files = []
            for path in paths:
                file = known.get(path)
                if file is None:
                    file = data.fetch(path, passing)
                    self._place.write(f"{_FILES}/{path}", passing)
                files.append(file)
            whole = replace(snapshot, catalog=_described(CATALOG, catalog), files=tuple(files))
            self._place.write(f"{_SNAPSHOTS}/{snapshot.name}/{CATALOG}", catalog)
            self._describe(whole, passing)
        return whole

    def delete(self, name: str) -> None:
        """Remove a snapshot and the files that no other one names."""
        gone = self.find(name)
        # The manifest first: what is cut short leaves files without a snapshot, never a snapshot without files.
        for path in (_MANIFEST, CATALOG):
            self._place.store.delete(self._place.location(f"{_SNAPSHOTS}/{name}/{path}"))
        kept = {file.path for each in self.all() for file in each.files}
        for file in gone.files:
            if file.path not in kept:
                self._place.store.delete(self._place.location(f"{_FILES}/{file.path}"))

    def take_in(self, snapshot: Snapshot, source: "Snapshots") -> None:
        """Copy a snapshot of another place, and of its files those that are not here yet; raises 58030."""
        known = {file.path for each in self.all() for file in each.files}
        with tempfile.TemporaryDirectory(prefix="duckshift-snapshot-") as folder:
            passing = Path(folder) / "file"
            for file in snapshot.files:
                if file.path not in known:
                    source.fetch(file, passing)
                    self._place.write(f"{_FILES}/{file.path}", passing)
            source.fetch_catalog(snapshot, passing)
            self._place.write(f"{_SNAPSHOTS}/{snapshot.name}/{CATALOG}", passing)
            self._describe(snapshot, passing)

    def duplicate(self, snapshot: Snapshot, changed: Snapshot) -> None:
        """Add *changed*, which has the contents of *snapshot* under another name."""
        with tempfile.TemporaryDirectory(prefix="duckshift-snapshot-") as folder:
            passing = Path(folder) / "file"
            self.fetch_catalog(snapshot, passing)
            self._place.write(f"{_SNAPSHOTS}/{changed.name}/{CATALOG}", passing)
            self._describe(changed, passing)

    def change(self, changed: Snapshot) -> None:
        """Keep other facts of a snapshot that is here."""
        with tempfile.TemporaryDirectory(prefix="duckshift-snapshot-") as folder:
            self._describe(changed, Path(folder) / "file")

    def verify(self, snapshot: Snapshot, data: Place | None = None) -> Iterator[Damage]:
        """Yield the damaged files of *snapshot*, once those that *data* or the other place has whole are repaired."""
        for path, file in self._named(snapshot):
            damage = self.check(path, file, data)
            if damage is not None:
                yield damage

    def files(self) -> dict[str, SnapshotFile]:
        """Return every file of every snapshot by its path in the place."""
        return {path: file for each in self.all() for path, file in self._named(each)}

    def check(self, path: str, file: SnapshotFile, data: Place | None = None) -> Damage | None:
        """Return what is wrong with a file, once it has been repaired where *data* or the other place has it whole."""
        with tempfile.TemporaryDirectory(prefix="duckshift-verify-") as folder:
            passing = Path(folder) / "file"
            problem = _problem(self._place, path, file, passing)
            if not problem:
                return None
            repaired = (data is not None and not _problem(data, file.path, file, passing)) or (
                self._had_elsewhere(path, file, passing)
            )
            if repaired:
                self._place.write(path, passing)
            return Damage(file.path, problem, repaired)

    def restore(self, snapshot: Snapshot, data: Place, catalog: Path) -> None:
        """Copy a snapshot's files to *data* and its catalogue to *catalog*; raises 58030 for a damaged file."""
        with tempfile.TemporaryDirectory(prefix="duckshift-restore-") as folder:
            passing = Path(folder) / "file"
            for path, file in self._named(snapshot):
                target = catalog if file is snapshot.catalog else passing
                self._fetch(path, file, target)
                if target is passing:
                    data.write(file.path, passing)

    def fetch_catalog(self, snapshot: Snapshot, target: Path) -> None:
        """Copy a snapshot's catalogue to a local file; raises 58030 where it is damaged."""
        self._fetch(f"{_SNAPSHOTS}/{snapshot.name}/{CATALOG}", snapshot.catalog, target)

    def fetch(self, file: SnapshotFile, target: Path) -> None:
        """Copy a file of a snapshot to a local one; raises 58030 where it is damaged."""
        self._fetch(f"{_FILES}/{file.path}", file, target)

    def _fetch(self, path: str, file: SnapshotFile, target: Path) -> None:
        problem = _problem(self._place, path, file, target)
        if problem and not self._had_elsewhere(path, file, target):
            raise SqlError(SqlState.IO_ERROR, f"the snapshot's file {file.path} {problem}")

    def _had_elsewhere(self, path: str, file: SnapshotFile, target: Path) -> bool:
        """Fetch a file from the other place; tell whether it is whole there."""
        other = self.other
        return other is not None and not _problem(other._place, path, file, target)  # noqa: SLF001 - its own kind

    def _describe(self, snapshot: Snapshot, passing: Path) -> None:
        """Write a manifest, which makes it a snapshot."""
        passing.write_text(json.dumps({"version": _VERSION, **asdict(snapshot)}, indent=1), encoding="utf-8")
        self._place.write(f"{_SNAPSHOTS}/{snapshot.name}/{_MANIFEST}", passing)

    def _named(self, snapshot: Snapshot) -> Iterator[tuple[str, SnapshotFile]]:
        yield f"{_SNAPSHOTS}/{snapshot.name}/{CATALOG}", snapshot.catalog
        yield from ((f"{_FILES}/{file.path}", file) for file in snapshot.files)

    def _read_if_there(self, path: str) -> Snapshot | None:
        """Return what a manifest says, None where it has been deleted since it was listed."""
        try:
            return self._read(path)
        except SqlError:
            if self._place.store.size(self._place.location(path)) is None:
                return None
            raise

    def _read(self, path: str) -> Snapshot:
        with self._place.store.read(self._place.location(path)) as stream:
            written = stream.read()
        try:
            values = json.loads(written)
            if values.pop("version", None) != _VERSION:
                raise SqlError(SqlState.IO_ERROR, f"{path} was written by another version")
            return Snapshot(
                **values
                | {
                    "catalog": SnapshotFile(**values["catalog"]),
                    "files": tuple(SnapshotFile(**file) for file in values["files"]),
                }
            )
        except (ValueError, LookupError, TypeError, AttributeError):
            raise SqlError(SqlState.IO_ERROR, f"{path} is damaged") from None


def _described(path: str, source: Path) -> SnapshotFile:
    digest = hashlib.sha256()
    with source.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return SnapshotFile(path, source.stat().st_size, digest.hexdigest())


def _problem(place: Place, path: str, file: SnapshotFile, target: Path) -> str:
    """Fetch a file and tell what is wrong with it, nothing if all is well."""
    if place.store.size(place.location(path)) is None:
        return "is missing"
    found = place.fetch(path, target)
    return "" if (found.size, found.sha256) == (file.size, file.sha256) else "is damaged"
