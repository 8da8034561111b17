"""What the metadata log says of copied databases: up to where their sources were taken in, and of each table."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from catalog.replicas import Replica
from storage.pgoutput import lsn_text

if TYPE_CHECKING:
    from session.context import Work
    from session.warehouse import Warehouse

LOCK: Final = "replica"
"""With a database's OID the lock of who writes it or does away with it."""
ASKED: Final = "It was asked for."
"""Why a table is copied anew that ALTER DATABASE … REFRESH names."""
_REASON: Final = 256
"""Characters of a reason that SVV_INTEGRATION_TABLE_STATE shows."""


def keep(work: "Work", replica: Replica) -> Replica:
    """Write down what is known of a table, with the transaction."""
    replica = replace(replica, updated=work.warehouse.clock.now().isoformat(), reason=replica.reason[:_REASON])
    work.tx.notes.streamed(replica.oid, replica.document)
    return replica


def place(work: "Work", database: int, lsn: int) -> None:
    """Write down up to where the source of a database (OID) was taken in, with the transaction."""
    work.tx.notes.streamed(database, json.dumps({"lsn": lsn}))


def position(warehouse: "Warehouse", database: int) -> int | None:
    """Return up to where the source of a database (OID) was taken in, None for not yet."""
    body = warehouse.streamed.get(database)
    return None if body is None else int(json.loads(body)["lsn"])


def checkpoint(warehouse: "Warehouse", database: int) -> str | None:
    """Return that as PostgreSQL writes it."""
    found = position(warehouse, database)
    return None if found is None else lsn_text(found)
