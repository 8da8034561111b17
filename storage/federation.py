"""Other database servers, attached to the engine for reading.

Each server, database and user is attached once, under a name that follows from them and that no client's SQL can
reach; the password is in a secret of the instance. Amazon Redshift, "Querying data with federated queries".
"""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb
from botocore.exceptions import BotoCoreError, ClientError

from core.clock import Clock
from core.errors import SqlError
from core.names import literal, quote
from core.sqlstate import SqlState
from storage.aws import service_client
from storage.database import Database, S3Access

_KEPT_S: Final = 300
"""A secret is asked for anew after so long."""
_SETTINGS: Final = {
    # What is set for the instance once an extension is there.
    "postgres": ("pg_array_as_varchar = true",),
    "mysql": (
        "mysql_incomplete_dates_as_nulls = true", "mysql_enable_transactions = true",
        # DuckDB 1.5.5's extension fails on aggregates that it leaves to the server, gives no rows for ORDER BY … DESC
        # LIMIT, sorts text by the server's collation, and has the server end what takes five minutes.
        "mysql_aggregate_pushdown_enabled = false", "mysql_order_pushdown_enabled = false",
        "mysql_query_timeout_enabled = false",
    ),
}
_CLEARED: Final = {"postgres": "pg_clear_cache", "mysql": "mysql_clear_cache"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Who to be at a server."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A database of another server."""

    kind: str
    """``postgres`` or ``mysql``."""
    host: str
    port: int
    database: str


class Secrets:
    """User names and passwords: from the configuration, or from AWS Secrets Manager."""

    def __init__(self, given: Mapping[str, str], clock: Clock) -> None:
        """Know the JSON documents *given*, by ARN or name."""
        self.given = given
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[float, str]] = {}

    def login(self, arn: str, access: S3Access | None) -> Login:
        """Return who the secret *arn* says to be, read as *access* where it is not configured."""
        return _login(self.document(arn, access))

    def document(self, arn: str, access: S3Access | None) -> str:
        """Return what the secret *arn* holds, read as *access* where it is not configured."""
        if arn in self.given:
            return self.given[arn]
        if access is None:
            raise SqlError(SqlState.INVALID_PARAMETER_VALUE, "IAM_ROLE is needed to read the secret")
        key, now = (arn, access.access_key_id), self._clock.now().timestamp()
        known = self._known.get(key)
        if known is not None and now - known[0] < _KEPT_S:
            return known[1]
        found = _asked(arn, access)
        self._known[key] = (now, found)
        return found

    def forget(self, arn: str) -> None:
        """Ask for a secret anew next time: what was known of it did not serve."""
        for key in [key for key in self._known if key[0] == arn]:
            del self._known[key]


def _asked(arn: str, access: S3Access) -> str:
    try:
        answer = service_client(access, "secretsmanager").get_secret_value(SecretId=arn)
    except ClientError as error:
        message = error.response.get("Error", {}).get("Message", "")
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"Failed to read the secret: {message}") from None
    except BotoCoreError:
        raise SqlError(SqlState.IO_ERROR, "AWS Secrets Manager cannot be reached") from None
    return str(answer.get("SecretString", ""))


def _login(document: str) -> Login:
    try:
        values: Any = json.loads(document)
        return Login(user=str(values["username"]), password=str(values["password"]))
    except (ValueError, KeyError, TypeError):
        raise SqlError(
            SqlState.INVALID_PARAMETER_VALUE, 'the secret is no JSON object with "username" and "password"'
        ) from None


class Federation:
    """The servers that are attached."""

    def __init__(self, database: Database) -> None:
        """Attach servers to *database*'s instance."""
        self._database = database
        self._lock = threading.Lock()
        self._attached: set[str] = set()
        self._seen: dict[tuple[str, str], object] = {}
        database.renewed += self._attached.clear, self._seen.clear

    def attached(self, server: Server, login: Login) -> str:
        """Return the engine's name of a server, attaching it where it is not yet; raises 08001. It blocks."""
        facts = (server.kind, server.host, str(server.port), server.database, login.user, login.password)
        name = "rs_remote_" + hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]
        with self._lock:
            if name not in self._attached:
                self._attach(name, server, login)
                self._attached.add(name)
        return name

    def rows(self, function: str, name: str, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query that runs at the server called *name*."""
        cursor = self._database.cursor()
        try:
            return cursor.execute(f"SELECT * FROM {function}({literal(name)}, {literal(query)})").fetchall()
        except duckdb.Error:
            raise SqlError(SqlState.IO_ERROR, "the federated database does not answer") from None
        finally:
            cursor.close()

    def refresh(self, kind: str, table: str, shape: object) -> None:
        """Let the engine look at a table anew (its engine name) where its *shape* is not what it was last time."""
        with self._lock:
            # One that was not seen before may be newer than what the engine knows of the server.
            before = self._seen.get((kind, table))
            self._seen[kind, table] = shape
        if before != shape:
            cursor = self._database.cursor()
            cursor.execute(f"CALL {_CLEARED[kind]}()")
            cursor.close()

    def _attach(self, name: str, server: Server, login: Login) -> None:
        self._database.extend(server.kind)
        cursor = self._database.cursor()
        secret = ", ".join((
            f"TYPE {server.kind}", f"HOST {literal(server.host)}", f"PORT {server.port}",
            f"USER {literal(login.user)}", f"PASSWORD {literal(login.password)}",
            f"DATABASE {literal(server.database)}",
        ))  # fmt: skip
        try:
            for setting in _SETTINGS[server.kind]:
                cursor.execute(f"SET GLOBAL {setting}")
            cursor.execute(f"CREATE OR REPLACE TEMPORARY SECRET {quote(name)} ({secret})")
            cursor.execute(f"ATTACH '' AS {quote(name)} (TYPE {server.kind}, READ_ONLY, SECRET {quote(name)})")
        except duckdb.Error as error:
            raise SqlError(
                SqlState.CONNECTION_FAILURE,
                f'could not connect to the federated database "{server.database}" at {server.host}:{server.port}',
                detail=_reason(error),
            ) from None
        finally:
            cursor.close()


def _reason(error: duckdb.Error) -> str | None:
    """Return what a server said, None where it said nothing."""
    _, found, reason = str(error).partition("FATAL:")
    return reason.split("\\n")[0].split("\n")[0].strip().strip('"}') if found else None
