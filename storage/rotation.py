"""A new data key for a data folder whose server is stopped: catalogue, history and log are written anew.

Parquet files keep the keys that the catalogue has for them, one each.
"""

from pathlib import Path
from typing import Final

import duckdb

from core.names import literal
from storage.database import CATALOG_FILE, FolderLock, WarehouseError, attach, loaded
from storage.history import FILE as HISTORY_FILE
from storage.keys import DataKey, Keyring
from storage.write_log import FILES as LOGS
from storage.write_log import rewrite

_FILES: Final = ((CATALOG_FILE, "catalog"), (HISTORY_FILE, "history"))


def rotate(folder: Path, ring: Keyring) -> None:
    """Change the data key of *folder*; raises ``WarehouseError``.

    Until the end both keys are in the ring, so that a crash at any point leaves a folder that opens.
    """
    lock = FolderLock(folder)
    try:
        made = ring.add()
        for name, purpose in _FILES:
            if (folder / name).exists():
                _rewrite(folder / name, purpose, ring.keys, made)
        for name in LOGS:
            rewrite(folder / name, ring.keys)
        ring.settle()
    except duckdb.Error as error:
        raise WarehouseError(f"cannot change the data key: {str(error).splitlines()[0]}") from error
    finally:
        lock.release()


def _rewrite(place: Path, purpose: str, keys: tuple[DataKey, ...], made: DataKey) -> None:
    fresh = place.with_name(f"{place.name}.rotated")
    for leftover in (fresh, fresh.with_name(f"{fresh.name}.wal")):
        leftover.unlink(missing_ok=True)
    # With OpenSSL, which encrypts several times faster than what DuckDB brings.
    connection = loaded()
    try:
        attach(connection, lambda key: _attached(place, "old", key), [key.secret(purpose) for key in keys])
        connection.execute(_attached(fresh, "fresh", made.secret(purpose)))
        connection.execute("COPY FROM DATABASE old TO fresh")
        connection.execute("CHECKPOINT fresh")
        connection.execute("DETACH fresh")
        connection.execute("CHECKPOINT old")
        connection.execute("DETACH old")
    finally:
        connection.close()
    fresh.replace(place)


def _attached(place: Path, name: str, key: str) -> str:
    return f"ATTACH {literal(str(place))} AS {name} (ENCRYPTION_KEY {literal(key)})"
