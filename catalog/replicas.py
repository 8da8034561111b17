"""Databases that are continuous copies of another server's: which integration, and what is known of each table.

Redshift, "Zero-ETL integrations", "CREATE DATABASE" (FROM INTEGRATION). What an integration is (a server and who to be
there) is configured. A ``Replica`` is a document of the metadata log that commits with the rows that it tells of.
"""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum

from storage.replication import SourceColumn, SourceTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """Of a database made of an integration: which, and how it is followed."""

    id: str
    source: str
    """The database there."""
    slot: str
    """Of the replication slot there, which is this database's alone."""
    refresh_interval_s: int = 0
    """Seconds between two looks; 0 is as soon as can be."""
    all_states: bool = False
    """QUERY_ALL_STATES: tables that are not Synced may be read too."""
    truncate_columns: bool = False
    accept_invalid: bool = False
    """ACCEPTINVCHARS."""
    since: str = ""
    """ISO 8601, UTC."""


class State(StrEnum):
    """SVV_INTEGRATION_TABLE_STATE.table_state."""

    SYNCED = "Synced"
    FAILED = "Failed"
    REQUIRED = "ResyncRequired"
    INITIATED = "ResyncInitiated"
    DELETED = "Deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """A table of a copied database."""

    oid: int
    """Of this document."""
    database: int
    source: SourceTable
    """As its rows are now."""
    relation: int = 0
    """OID of the table here, 0 for none yet."""
    state: State = State.REQUIRED
    reason: str = ""
    snapshot: str = ""
    """pg_snapshot that its rows were copied in: what that shows is in them already."""
    after: int = 0
    """Transaction number before which all must have ended when it is copied."""
    updated: str = ""
    """ISO 8601, UTC."""

    @property
    def document(self) -> str:
        """This as JSON."""
        return json.dumps(asdict(self), separators=(",", ":"), ensure_ascii=False)


def replica(body: str, database: int) -> Replica | None:
    """Return the replica that a document tells of if it is one of *database* (OID)."""
    values = json.loads(body)
    if values.get("database") != database:
        return None
    source = values["source"]
    columns = tuple(SourceColumn(**item) for item in source["columns"])
    return Replica(
        **values | {"source": SourceTable(**source | {"columns": columns}), "state": State(values["state"])}
    )
