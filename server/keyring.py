"""The keys that the configuration asks for: whether what lies on disk is encrypted, and by which master key."""

import functools
import logging
import tempfile
from pathlib import Path
from typing import Final

from core.config import ConfigError, Options
from core.errors import SqlError
from core.sqlstate import SqlState
from server.access import s3_access
from storage.aws import service_client
from storage.database import CATALOG_FILE
from storage.keys import FILE, DataKey, Keyring, KeyringError, KeySource, exists, open_ring
from storage.rotation import rotate

_log = logging.getLogger(__name__)
_SQLITE: Final = "sqlite:"


def data_keys(options: Options) -> tuple[DataKey, ...]:
    """Return what encrypts the data folder, nothing where it is plain; raises ``ConfigError``."""
    if not options.storage.encrypted:
        if exists(options.storage.state_folder):
            raise ConfigError("the data folder is encrypted: set storage.encrypted and the master key")
        return ()
    _check(options)
    return _ring(options).keys


def keys_of(options: Options) -> tuple[DataKey, ...]:
    """Return the keys that are in the data folder, whether or not there is a warehouse yet; raises ``ConfigError``."""
    return _ring(options).keys if options.storage.encrypted else ()


def unlocked(options: Options, ring: str) -> tuple[DataKey, ...]:
    """Return the keys of a key ring, *ring* being its text; raises 58030."""
    with tempfile.TemporaryDirectory(prefix="duckshift-keyring-") as folder:
        (Path(folder) / FILE).write_text(ring, encoding="utf-8")
        try:
            source, previous = _sources(options)
            return open_ring(Path(folder), source, previous).keys
        except KeyringError as error:
            raise SqlError(SqlState.IO_ERROR, str(error)) from None


def rotate_keys(options: Options) -> None:
    """Give the data folder of a stopped server a new data key; raises ``ConfigError``, ``WarehouseError``."""
    folder = options.storage.state_folder
    if not exists(folder):
        raise ConfigError(f"{folder} is not an encrypted data folder")
    rotate(folder, _ring(options))


def _check(options: Options) -> None:
    storage = options.storage
    folder = storage.state_folder
    if storage.catalog.startswith(_SQLITE):
        raise ConfigError("storage.encrypted needs another catalogue: SQLite does not encrypt")
    if storage.catalog:
        _log.warning("the catalogue, with small inserts and the files' keys in it, is as safe as its server keeps it")
    if not exists(folder) and (folder / CATALOG_FILE).exists():
        raise ConfigError("the warehouse was made without storage.encrypted, which cannot be changed afterwards")
    if not storage.master_key:
        _log.warning("the master key lies beside what it protects: name another by storage.master_key")


def _ring(options: Options) -> Keyring:
    try:
        _made(options.storage.state_folder)
        return open_ring(options.storage.state_folder, *_sources(options))
    except KeyringError as error:
        raise ConfigError(str(error)) from None


def _sources(options: Options) -> tuple[KeySource, KeySource | None]:
    """Return where the master key comes from, and the one before if there is one."""
    storage = options.storage
    source = functools.partial(
        KeySource,
        folder=storage.state_folder,
        kms=lambda: service_client(s3_access(options.s3), "kms"),
    )
    previous = source(storage.previous_master_key) if storage.previous_master_key else None
    return source(storage.master_key), previous


def _made(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
