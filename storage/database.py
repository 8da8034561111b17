"""The embedded DuckDB instance: start, extensions, the attached lake, shutdown.

Extensions come signed from their wheels (``duckdb-extension-*``) and are never fetched from the network.
What a lake is made of is DuckLake's business (https://ducklake.select/docs).
"""

import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import duckdb

from core.errors import SqlError
from core.names import literal, quote
from core.sqlstate import SqlState
from storage import extensions, renaming, spilling
from storage.abandoned import abandon
from storage.keys import DataKey
from storage.reaching import s3_secret
from storage.searches import spare_searches
from storage.threads import give_way

LAKE: Final = "lake"
"""The name that the lake is attached as."""
METADATA_SCHEMA: Final = "duckshift"
"""The lake schema of duckshift's own tables."""
CATALOG_FILE: Final = "catalog.ducklake"
INLINED: Final = "ducklake_default_data_inlining_row_limit"
"""The engine's setting of how many rows of a write are kept in the catalog at most."""
_SQLITE: Final = "sqlite:"
_EXTENSIONS: Final = ("ducklake", "httpfs")
_CATALOG_EXTENSIONS: Final = {"postgres": "postgres", "sqlite": "sqlite"}


Install = Callable[[duckdb.DuckDBPyConnection], None]
"""Adds what lives in the instance and not in the lake: macros."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Access:
    """How to reach the bucket that holds the lake's files."""

    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    region: str = "us-east-1"
    endpoint: str = ""
    """``host:port`` without a scheme; empty is AWS."""
    url_style: str = ""
    """``path`` or ``vhost``; empty is DuckDB's default."""
    use_ssl: bool = True
    services: tuple[str, ...] = ()
    """Addresses of services other than S3, as ``dynamodb=http://host:port``; those not named are AWS's."""
    assumed: str = ""
    """ARN of a role that these keys assume at the Security Token Service; empty uses the keys themselves."""
    external_id: str = ""
    """Who asks, in the words that a role's trust policy may test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeLocation:
    """Where a warehouse lives."""

    folder: Path
    """Local state: lock, catalog file, temporary files; also the data unless ``data`` says otherwise."""
    data: str = ""
    """``s3://bucket/prefix`` or empty for ``folder/data``."""
    catalog: str = ""
    """Empty for a DuckDB file in ``folder``, ``sqlite:FILE``, or a ``postgres://`` address."""
    s3: S3Access = S3Access()
    inline_row_limit: int = 100
    """Inserts of up to this many rows are kept in the catalog until they are flushed."""
    keys: tuple[DataKey, ...] = ()
    """What encrypts what lies on disk, the newest first; none leave it plain."""

    @property
    def encrypted(self) -> bool:
        """Return whether what lies on disk is encrypted."""
        return bool(self.keys)

    def secrets(self, purpose: str) -> list[str]:
        """Return the keys of the file with *purpose*, the newest first."""
        return [key.secret(purpose) for key in self.keys]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What DuckDB may use; empty values are DuckDB's own choice."""

    threads: int = 0
    memory_limit: str = ""
    temp_folder: str = ""
    temp_limit: str = ""
    niceness: int = 0
    """Of the instance's threads; those that run statements have the same."""


class WarehouseError(Exception):
    """The warehouse cannot be opened; the message is for the administrator."""


class FolderInUseError(WarehouseError):
    """Another server holds the data folder."""


AHEAD: Final = "SET SESSION streaming_buffer_size = '64KB'"
"""How far a result runs ahead of who reads it. The engine counts a string as sixteen bytes, however long it is."""
NOT_AHEAD: Final = "SET SESSION streaming_buffer_size = '1KB'"
# Progress would be written to the server's standard output.
_OWN_SETTINGS: Final = f"SET enable_progress_bar = false; {AHEAD}"


def beside(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Return another connection to the same instance."""
    cursor = connection.cursor()
    # An instance that has failed says so later.
    with contextlib.suppress(duckdb.FatalException):
        cursor.execute(_OWN_SETTINGS)
    return cursor


def attach(connection: duckdb.DuckDBPyConnection, statement: Callable[[str], str], secrets: Sequence[str]) -> None:
    """Attach an encrypted file by the first of *secrets* that opens it; *statement* makes the SQL for one."""
    for place, secret in enumerate(secrets, 1):
        try:
            connection.execute(statement(secret))
        except duckdb.Error:
            if place == len(secrets):
                raise
        else:
            return


class FolderLock:
    """An exclusive lock on a data folder, freed by the system when the process ends."""

    def __init__(self, folder: Path) -> None:
        """Take the lock; raises ``FolderInUseError``."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.open(folder / "duckshift.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            message = f"the data folder {folder} is in use by another duckshift server"
            raise FolderInUseError(message) from None
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())
        renaming.settle(folder)

    def release(self) -> None:
        """Give the folder free."""
        os.close(self._file)


class Database:
    """One DuckDB instance with the lake attached as ``lake``."""

    def __init__(self, location: LakeLocation, resources: Resources, install: Install | None = None) -> None:
        """Start DuckDB, attach the lake (making it where there is none) and let *install* add functions."""
        self.location = location
        self.resources, self._install = resources, install or _nothing_of
        self._lock = FolderLock(location.folder)
        self._extending = threading.Lock()
        self._extended: set[str] = set()
        self.started: Callable[[], None] = _nothing
        """Is called when other servers of the lake may start; who keeps them from it sets it."""
        self.renewed: list[Callable[[], None]] = []
        """Are called when there is a new instance: by who has kept something in the old one."""
        self.failures = 0
        """How many instances have failed."""
        try:
            self._root = self._start(resources)
            self._attach()
            self._settle()
            self._install(self._root)
        except duckdb.Error as error:
            self._lock.release()
            message = f"cannot open the warehouse: {str(error).splitlines()[0]}"
            raise WarehouseError(message) from error
        except BaseException:
            self._lock.release()
            raise

    @property
    def metadata_schema(self) -> str:
        """The schema of DuckLake's own tables in its catalog."""
        return "public" if self.location.catalog.startswith(("postgres://", "postgresql://")) else "main"

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a new connection to the instance, with its own transaction and settings."""
        return beside(self._root)

    def memory_bytes(self) -> int:
        """Return how much memory the instance may use."""
        with self._root.cursor() as own:  # several threads may ask at once
            number, unit = own.execute("SELECT current_setting('memory_limit')").fetchall()[0][0].split()
        return int(float(number) * _UNITS[unit])

    @property
    def reopens(self) -> bool:
        """Whether the lake's catalogue is a file of this server's own, which can be opened anew."""
        return not self.location.catalog

    def is_sound(self) -> bool:
        """Tell whether the lake answers; blocking."""
        connection = self.cursor()
        try:
            return bool(connection.execute(f"SELECT id FROM {LAKE}.current_snapshot()").fetchall())
        except duckdb.Error:
            return False
        finally:
            connection.close()

    def let_go(self) -> None:
        """Give the lake up that is out of use; blocking."""
        with contextlib.suppress(duckdb.Error):
            self._root.execute(f"DETACH {LAKE}")

    def reopen(self) -> bool:
        """Attach the lake again; false where somebody still holds what was given up. Blocking."""
        try:
            self._attach()
        except duckdb.Error:
            return False
        return self.is_sound()

    def is_spoiled(self) -> bool:
        """Tell whether the instance has met a fatal error, and refuses everything; blocking."""
        try:
            self._root.cursor().execute("SELECT 1")
        except duckdb.FatalException:
            return True
        return False

    def replace(self) -> None:
        """Go on with a new instance, when nothing runs in the one that has failed; to be tried again. Blocking.

        Raises ``WarehouseError``.
        """
        try:
            if self.is_spoiled():
                # It could not be closed: that would end the process where a transaction is open, and would not free it.
                abandon(self._root)
                self.failures += 1
                if not self.location.catalog:
                    renaming.turn(self.location.folder, CATALOG_FILE)
                self._root = self._start(self.resources)
            if not self._root.execute(_IS_ATTACHED, [LAKE]).fetchall():
                self._attach()
                self._install(self._root)
                extended, self._extended = self._extended, set()
                for name in extended:
                    self.extend(name)
            for renew in self.renewed:
                renew()
        except (duckdb.Error, OSError) as error:
            raise WarehouseError(str(error).splitlines()[0]) from error

    def extend(self, name: str) -> None:
        """Load an extension that few statements need; raises 0A000 where its package is not installed."""
        with self._extending:
            if name in self._extended:
                return
            if not extensions.is_there(name):
                raise SqlError(
                    SqlState.FEATURE_NOT_SUPPORTED,
                    f"{name} is not supported without the package duckdb-extension-{name}",
                )
            extensions.load(self._root.cursor(), name)
            self._extended.add(name)

    def close(self) -> None:
        """Write what is pending and let go of the folder."""
        self._root.close()
        renaming.settle(self.location.folder)
        self._lock.release()

    def _start(self, resources: Resources) -> duckdb.DuckDBPyConnection:
        spare_searches()
        folder = self.location.folder
        spilled = spilling.cleared(Path(resources.temp_folder or folder / "tmp"))
        config: dict[str, str | bool | int | float | list[str]] = {
            "extension_directory": str(folder / "extensions"),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_unsigned_extensions": "false",
            "allow_community_extensions": "false",
            "temp_directory": str(spilled),
        }
        if resources.threads:
            config["threads"] = resources.threads
        if resources.memory_limit:
            config["memory_limit"] = resources.memory_limit
        # The instance's own threads inherit the priority of the one that makes it.
        with ThreadPoolExecutor(1, initializer=give_way, initargs=(resources.niceness,)) as apart:
            root = apart.submit(duckdb.connect, ":memory:", config=config).result()
        root.execute("SET enable_progress_bar = false")
        spilling.limit(root, spilled, resources.temp_limit)
        scheme = self.location.catalog.partition(":")[0].replace("postgresql", "postgres")
        wanted = [*_EXTENSIONS, *([_CATALOG_EXTENSIONS[scheme]] if scheme in _CATALOG_EXTENSIONS else [])]
        for name in wanted:
            extensions.load(root, name)
        for setting in SETTINGS:
            root.execute(f"SET GLOBAL {setting}")
        # DuckDB 1.5.5 fails on encrypted files whose metadata it has cached.
        root.execute(f"SET GLOBAL parquet_metadata_cache = {str(not self.location.encrypted).lower()}")
        root.execute(f"SET GLOBAL temp_file_encryption = {str(self.location.encrypted).lower()}")
        # No option of ATTACH: a connection may have another limit for itself (``storage.inlining``).
        root.execute(f"SET GLOBAL {INLINED} = {self.location.inline_row_limit}")
        return root

    def _attach(self) -> None:
        location = self.location
        data = location.data or str(location.folder / "data")
        if data.startswith("s3://"):
            self._root.execute(s3_secret(location.s3, data))
        else:
            Path(data).mkdir(exist_ok=True, parents=True, mode=0o700)
        if location.catalog.startswith(_SQLITE):
            # In SQLite's own default mode an open reader makes a writer's commit fail.
            with closing(sqlite3.connect(location.catalog.removeprefix(_SQLITE))) as catalog:
                catalog.execute("PRAGMA journal_mode = WAL")
        options = [f"DATA_PATH {literal(data.rstrip('/') + '/')}"]
        if not location.encrypted:
            self._root.execute(_lake(self._catalog(), options))
            return
        options.append("ENCRYPTED")
        # Another server's catalogue is encrypted by that server, or not at all.
        secrets = location.secrets("catalog") if not location.catalog else [""]
        attach(self._root, lambda key: _lake(self._catalog(), [*options, *_meta_key(key)]), secrets)

    def _catalog(self) -> str:
        catalog = self.location.catalog
        if not catalog:
            return str(renaming.place(self.location.folder, CATALOG_FILE))
        if catalog.startswith(("postgres://", "postgresql://")):
            return f"postgres:{catalog}"
        return catalog

    def _settle(self) -> None:
        # Parquet v2 pages are smaller and scan faster than v1; zstd is Redshift's own first choice.
        present = {row[0]: str(row[1]) for row in self._root.execute(_OPTIONS_SQL).fetchall()}
        for name, value, shown in (("parquet_compression", "zstd", "zstd"), ("parquet_version", "2", "V2")):
            if present.get(name) != shown:
                self._root.execute(f"CALL {LAKE}.set_option({literal(name)}, {literal(value)})")
        self._root.execute(f"CREATE SCHEMA IF NOT EXISTS {LAKE}.{quote(METADATA_SCHEMA)}")


def _nothing() -> None:
    return


def _nothing_of(_: duckdb.DuckDBPyConnection) -> None:
    return


def loaded() -> duckdb.DuckDBPyConnection:
    """Return an instance that has the extensions which every lake needs, and no lake."""
    connection = duckdb.connect(":memory:")
    for name in _EXTENSIONS:
        extensions.load(connection, name)
    return connection


def _lake(catalog: str, options: Sequence[str]) -> str:
    return f"ATTACH {literal('ducklake:' + catalog)} AS {LAKE} ({', '.join(options)})"


def _meta_key(key: str) -> list[str]:
    return [f"META_ENCRYPTION_KEY {literal(key)}"] if key else []


_IS_ATTACHED: Final = "SELECT 1 FROM duckdb_databases() WHERE database_name = ?"
_UNITS: Final = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "PiB": 1 << 50}
_OPTIONS_SQL: Final = f"SELECT option_name, value FROM {LAKE}.options() WHERE scope = 'GLOBAL'"

# What every connection starts with. Sessions set their own TimeZone.
SETTINGS: Final = (
    "integer_division = true",
    "ieee_floating_point_ops = false",
    "default_null_order = 'nulls_last_on_asc_first_on_desc'",
    "errors_as_json = true",
    "python_enable_replacements = false",
    # Else every name that is not found has the engine read all of the lake's, to guess what was meant.
    "catalog_error_max_schemas = 0",
    "TimeZone = 'UTC'",
    "preserve_insertion_order = false",
    # Decimals in as many bytes as they need: what streams them is a tenth quicker.
    "arrow_output_version = '1.5'",
)
