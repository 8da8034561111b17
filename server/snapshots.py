"""Snapshots as the configuration wants them, and the commands that work on them without a server."""

import asyncio
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from core.clock import Clock, SystemClock
from core.config import ConfigError, Options
from core.errors import SqlError
from core.sqlstate import SqlState
from server.access import destination, s3_access
from server.keyring import keys_of, unlocked
from server.opening import opened
from server.restoring import restore_table
from session.snapshots import Origin, Places, Schedule, SnapshotKeeper
from storage import keys
from storage.database import CATALOG_FILE, Database, FolderLock
from storage.moving import check_empty, move
from storage.snapshots import Place, Snapshot, Snapshots
from storage.taking import DataPath, rewind, settle_catalog


def keeper(options: Options, database: Database, clock: Clock) -> SnapshotKeeper | None:
    """Return what keeps snapshots of the warehouse, None where there is no place for them."""
    wanted = options.snapshots
    if not wanted.destination:
        return None
    ring = options.storage.state_folder / keys.FILE
    schedule = Schedule(
        every=timedelta(hours=wanted.interval_hours) if wanted.interval_hours else None,
        changed_bytes=wanted.changed_mb << 20,
        kept=timedelta(days=wanted.retention_days),
        copied=timedelta(days=wanted.copy_retention_days),
        verified=timedelta(hours=wanted.verify_hours) if wanted.verify_hours else None,
    )
    return SnapshotKeeper(
        database,
        Places(
            _data(options),
            _snapshots(options),
            partial(unlocked, options),
            options.storage.state_folder,
            (options.roles[wanted.copy_role].access if wanted.copy_role else options.s3).region,
        ),
        schedule,
        clock,
        Origin(
            cluster=options.api.cluster,
            admin=options.admin.user,
            database=options.admin.database,
            keyring=ring.read_text(encoding="utf-8") if ring.exists() else "",
        ),
    )


def place_of(options: Options, place: str, second: str = "") -> Snapshots:
    """Return the snapshots that are in *place*, and in a *second* place if there is one, reached as *options* say."""
    other = Snapshots(Place(*destination(options, second, options.snapshots.copy_role))) if second else None
    return Snapshots(Place(*destination(options, place)), other)


def create(options: Options, name: str, clock: Clock) -> Snapshot:
    """Take a snapshot of a warehouse that nobody serves; it blocks."""
    database = opened(options)
    database.started()
    try:
        kept = keeper(options, database, clock)
        assert kept is not None  # noqa: S101 - whoever asks for a snapshot has a place for it
        return asyncio.run(kept.create(name))
    finally:
        database.close()


def restore(options: Options, snapshots: Snapshots, snapshot: Snapshot, moment: datetime | None = None) -> None:
    """Make the data folder of *options* of a snapshot, as it was at *moment* if one is given; it blocks.

    Where the catalogue is to be in PostgreSQL, it is moved there. Raises ``ConfigError``, ``SqlError``,
    ``WarehouseError``.
    """
    folder, address = options.storage.state_folder, options.storage.catalog
    if address and not address.startswith(("postgres://", "postgresql://")):
        raise ConfigError("a warehouse is restored with its catalogue in a file of its own, or in PostgreSQL")
    lock = FolderLock(folder)
    try:
        _require_empty(folder)
        if address:
            check_empty(address)
            _require_no_files(options.storage.parquet)
        _bring_keys(options, folder, snapshot)
        catalog = folder / f"{CATALOG_FILE}.restored"
        if moment is None:
            _bring(snapshots, snapshot, _data(options), catalog, options)
        else:
            _bring_past(snapshots, snapshot, catalog, moment, options)
        # The last step: a folder without a catalogue is no warehouse.
        if address:
            move(catalog, address, DataPath(_data(options).root, s3_access(options.s3)), keys_of(options))
            catalog.unlink()
        else:
            catalog.replace(folder / CATALOG_FILE)
    finally:
        lock.release()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What ``duckshift snapshot ACTION [NAME]`` is asked for."""

    action: str
    name: str = ""
    at: str = ""
    table: str = ""
    to: str = ""
    """A table to restore, and its new name."""
    copy: bool = False
    """Whether the second place is meant."""


def command(options: Options, asked: Asked) -> int:
    """Run ``duckshift snapshot``; raises ``ConfigError``, ``SqlError``, ``WarehouseError``."""
    action, name = asked.action, asked.name
    if not options.snapshots.destination:
        raise ConfigError("snapshots.destination says where snapshots are, and is empty")
    if (action == "list") is bool(name):
        raise ConfigError(f"duckshift snapshot {action} {'takes no name' if name else 'needs the name of a snapshot'}")
    if asked.table or asked.to:
        if action != "restore" or not (asked.table and asked.to) or asked.at:
            raise ConfigError("--table and --to go together, with restore and without --at")
        restore_table(options, name, asked.table, asked.to)
        return 0
    snapshots = _snapshots(options)
    if asked.copy:
        if snapshots.other is None or action == "create":
            raise ConfigError("--copy needs snapshots.copy_to, and an action on what is there")
        snapshots = snapshots.other
    return _ACTIONS[action](options, snapshots, name, asked.at)


def _create(options: Options, snapshots: Snapshots, name: str, at: str) -> int:
    create(options, name, SystemClock())
    return 0


def _list(options: Options, snapshots: Snapshots, name: str, at: str) -> int:
    for each in snapshots.all():
        kind = "automated" if each.automated else "manual"
        _say(f"{each.name}\t{kind}\t{each.moment:%Y-%m-%d %H:%M:%S}\t{each.size}\t{len(each.files)} files")
    return 0


def _delete(options: Options, snapshots: Snapshots, name: str, at: str) -> int:
    snapshots.delete(name)
    return 0


def _verify(options: Options, snapshots: Snapshots, name: str, at: str) -> int:
    left = 0
    for damage in snapshots.verify(snapshots.find(name), _data(options)):
        _say(f"{damage.path} {damage.problem}{', repaired' if damage.repaired else ''}")
        left += not damage.repaired
    return 1 if left else 0


def _restore(options: Options, snapshots: Snapshots, name: str, at: str) -> int:
    """Make a data folder of a snapshot, as it was at a moment before it if one is given."""
    snapshot = snapshots.find(name)
    restore(options, snapshots, snapshot, _moment(at, snapshot) if at else None)
    _say(f"{options.storage.state_folder} is what snapshot {name} was{f' at {at}' if at else ''}")
    return 0


def _bring(snapshots: Snapshots, snapshot: Snapshot, data: Place, catalog: Path, options: Options) -> None:
    snapshots.restore(snapshot, data, catalog)
    settle_catalog(catalog, data.root, keys_of(options))


def _bring_past(snapshots: Snapshots, snapshot: Snapshot, catalog: Path, moment: datetime, options: Options) -> None:
    """Bring the whole of a snapshot, write what it was at *moment* anew, and throw the whole away."""
    whole = options.storage.state_folder / "past"
    try:
        past = whole / CATALOG_FILE
        whole.mkdir()
        _bring(snapshots, snapshot, Place(*destination(options, str(whole))), past, options)
        data = _data(options)
        rewind(past, catalog, DataPath(data.root, s3_access(options.s3)), moment, keys_of(options))
    finally:
        shutil.rmtree(whole, ignore_errors=True)


_ACTIONS: Final[Mapping[str, Callable[[Options, Snapshots, str, str], int]]] = {
    "create": _create, "list": _list, "delete": _delete, "verify": _verify, "restore": _restore,
}  # fmt: skip


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _snapshots(options: Options) -> Snapshots:
    return place_of(options, options.snapshots.destination, options.snapshots.copy_to)


def _data(options: Options) -> Place:
    return Place(*destination(options, options.storage.parquet))


def _moment(text: str, snapshot: Snapshot) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{text} is no time: write 2026-11-26T14:05:00+00:00") from None
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    if moment > snapshot.moment:
        raise ConfigError(f"snapshot {snapshot.name} was taken at {snapshot.moment:%Y-%m-%d %H:%M:%S}, before that")
    return moment


def _require_empty(folder: Path) -> None:
    if (folder / CATALOG_FILE).exists() or (folder / "data").exists():
        raise SqlError(SqlState.DUPLICATE_FILE, f"{folder} holds a warehouse already")


def _require_no_files(path: str) -> None:
    if not path.startswith("s3://") and Path(path).exists() and any(Path(path).iterdir()):
        raise SqlError(SqlState.DUPLICATE_FILE, f"{path} holds a warehouse's files already")


def _bring_keys(options: Options, folder: Path, snapshot: Snapshot) -> None:
    if bool(snapshot.keyring) is not options.storage.encrypted:
        verb = "is" if snapshot.keyring else "is not"
        raise ConfigError(f"the snapshot {verb} encrypted: set storage.encrypted accordingly")
    if snapshot.keyring:
        (folder / keys.FILE).write_text(snapshot.keyring, encoding="utf-8")
        (folder / keys.FILE).chmod(0o600)
