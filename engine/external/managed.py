"""Folders of Parquet files that another program manages, and which of their files are a table's rows now.

Redshift, "Creating external tables for data managed in Delta Lake" (by manifests of symlink_format_manifest) and "… in
Apache Hudi" (copy on write, by the timeline in ``.hoodie``). Which it is, a table's input format says.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from core.errors import SqlError
from core.sqlstate import SqlState
from engine.external.files import found
from storage.datacatalog import Storage, Table
from storage.objects import ObjectStore, StoredObject

_MANIFESTS: Final = "_symlink_format_manifest"
_TIMELINE: Final = ".hoodie/"
_INSTANT: Final = re.compile(r"(\d+)\.(commit|replacecommit)\Z")
_ANY_INSTANT: Final = re.compile(r"(\d+)\.")
_PLACE: Final = re.compile(r"s3://([^/]+)/.+|/.+")


def is_managed(table: Table) -> bool:
    """Tell whether another program alone may add files to a table."""
    return _kind(table.storage) in _READERS


def listed(store: ObjectStore, table: Table, storage: Storage) -> list[StoredObject]:
    """Return the files of a table's or partition's location."""
    reader = _READERS.get(_kind(storage)) or _READERS.get(_kind(table.storage))
    if reader is None:
        return found(store, storage.location)
    return reader(store, _folder(table.storage.location), storage.location)


def _kind(storage: Storage) -> str:
    return storage.input_format.rpartition(".")[2]


def _folder(place: str) -> str:
    return place if place.endswith("/") else f"{place}/"


def _failure(message: str) -> SqlError:
    return SqlError(SqlState.INTERNAL_ERROR, message)


# Delta Lake


def _delta(store: ObjectStore, base: str, location: str) -> list[StoredObject]:
    base = base.partition(_MANIFESTS)[0]
    files: list[StoredObject] = []
    for manifest in _manifests(store, location):
        with store.read(manifest) as stream:
            lines = stream.read().decode("utf-8", "replace").splitlines()
        files += [_named(store, base, manifest, line.strip()) for line in lines if line.strip()]
    return files


def _manifests(store: ObjectStore, location: str) -> list[str]:
    if not location.endswith("/") and store.size(location) is not None:
        return [location]
    folder = _folder(location)
    inside = [item.location for item in store.list(folder) if "/" not in item.location.removeprefix(folder)]
    if not inside:
        raise _failure("Error fetching Delta Lake manifest.")
    return inside


def _named(store: ObjectStore, base: str, manifest: str, place: str) -> StoredObject:
    match, own = _PLACE.fullmatch(place), _PLACE.fullmatch(manifest)
    if match is None or own is None:
        raise _failure("Invalid S3 Path.")
    if match[1] != own[1]:
        raise _failure(f"Delta Lake manifest in bucket {own[1]} cannot contain entries in bucket {match[1]}.")
    if not place.startswith(base):
        raise _failure("Delta Lake files are expected to be in the same folder.")
    size = store.size(place)
    if size is None:
        raise _failure(f"File {place} listed in Delta Lake manifest {manifest} was not found.")
    return StoredObject(place, size)


# Apache Hudi


def _hudi(store: ObjectStore, base: str, location: str) -> list[StoredObject]:
    """Return the newest file of each file group that a completed commit has written."""
    timeline = [item.location for item in store.list(f"{base}{_TIMELINE}")]
    names = [place.rpartition("/")[2] for place in timeline]
    done = {match[1] for name in names if (match := _INSTANT.fullmatch(name))}
    if not done:
        raise _failure("No valid Hudi commit timeline found")
    # What is older than all that the timeline still has was completed, and archived.
    oldest = min(match[1] for name in names if (match := _ANY_INSTANT.match(name)))
    replaced = _replaced(store, [place for place in timeline if place.endswith(".replacecommit")])
    newest: dict[tuple[str, str], tuple[str, StoredObject]] = {}
    for item in found(store, _folder(location)):
        folder, _, name = item.location.rpartition("/")
        parts = name.removesuffix(".parquet").rsplit("_", 2)
        if not name.endswith(".parquet") or len(parts) < 3 or not (parts[2] in done or parts[2] < oldest):
            continue
        group, instant = (folder, parts[0]), parts[2]
        partition = f"{folder}/".removeprefix(base).rstrip("/")
        if instant < replaced.get((partition, parts[0]), "") or (group in newest and newest[group][0] > instant):
            continue
        newest[group] = (instant, item)
    return [item for _, item in newest.values()]


def _replaced(store: ObjectStore, commits: Sequence[str]) -> Mapping[tuple[str, str], str]:
    """Return the file groups (partition, number) that were replaced, with the instant when they were."""
    gone: dict[tuple[str, str], str] = {}
    for place in sorted(commits):
        instant = place.rpartition("/")[2].partition(".")[0]
        for partition, groups in _json(store, place).get("partitionToReplaceFileIds", {}).items():
            gone |= {(partition, group): instant for group in groups}
    return gone


def _json(store: ObjectStore, place: str) -> Any:
    with store.read(place) as stream:
        try:
            document = json.loads(stream.read())
        except ValueError:
            document = None
    if not isinstance(document, dict):
        raise _failure("No valid Hudi commit timeline found")
    return document


_READERS: Final[Mapping[str, Callable[[ObjectStore, str, str], list[StoredObject]]]] = {
    "SymlinkTextInputFormat": _delta,
    "HoodieParquetInputFormat": _hudi,
}
