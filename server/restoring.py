"""``duckshift snapshot restore --table``: a table brought back into the running server, which does it itself.

The server is asked by its own interface (RestoreTableFromClusterSnapshot), with the administrator's key.
"""

import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from core.config import ConfigError, Options
from core.errors import SqlError
from core.sqlstate import SqlState
from storage.aws import service_client
from storage.database import S3Access

_LOOK_S: Final = 0.3
_HERE: Final = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - not bound here
_DONE: Final = frozenset({"SUCCEEDED", "FAILED", "CANCELED"})


def restore_table(options: Options, snapshot: str, table: str, target: str) -> None:
    """Have the running server make *target* of what *table* was in a snapshot; both are ``database.schema.table``.

    Raises ``ConfigError``, ``SqlError``.
    """
    source, wanted = _parts(table), _parts(target)
    client = _client(options)
    try:
        begun = client.restore_table_from_cluster_snapshot(
            ClusterIdentifier=options.api.cluster,
            SnapshotIdentifier=snapshot,
            SourceDatabaseName=source[0],
            SourceSchemaName=source[1],
            SourceTableName=source[2],
            TargetDatabaseName=wanted[0],
            TargetSchemaName=wanted[1],
            NewTableName=wanted[2],
        )["TableRestoreStatus"]
        while begun["Status"] not in _DONE:
            time.sleep(_LOOK_S)
            asked = client.describe_table_restore_status(TableRestoreRequestId=begun["TableRestoreRequestId"])
            begun = asked["TableRestoreStatusDetails"][0]
    except ClientError as error:
        raise SqlError(SqlState.IO_ERROR, error.response["Error"].get("Message", str(error))) from None
    except BotoCoreError as error:
        raise SqlError(SqlState.IO_ERROR, f"the server does not answer: {error}") from None
    if begun["Status"] != "SUCCEEDED":
        raise SqlError(SqlState.IO_ERROR, begun.get("Message", "the table could not be restored"))


def _parts(name: str) -> list[str]:
    parts = name.split(".")
    if len(parts) != 3 or not all(parts):
        raise ConfigError(f"{name} is not database.schema.table")
    return parts


def _client(options: Options) -> Any:
    api = options.api
    place = urlsplit(api.listen)
    if not (place.port and api.access_key_id):
        raise ConfigError(
            "a table is restored by the running server: it needs api.listen with a port, api.access_key_id and "
            "api.secret_access_key, or CALL duckshift_restore_table"
        )
    host = _HERE.get(place.hostname or "", place.hostname)
    access = S3Access(
        access_key_id=api.access_key_id,
        secret_access_key=api.secret_access_key,
        region=api.region,
        services=(f"redshift={place.scheme}://{host}:{place.port}",),
    )
    own = Path(options.server.tls_certificate or options.storage.state_folder / "tls" / "server.crt")
    return service_client(access, "redshift", str(own) if place.scheme == "https" else "")
