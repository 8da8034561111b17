"""Who may use external tables: Redshift, "CREATE EXTERNAL TABLE" (usage notes: permissions)."""

from auth.authorize import Principal, check
from catalog.model import CatalogState, Schema
from catalog.scopes import acl_of
from core.errors import SqlError
from core.sqlstate import SqlState
from session.external.shared import SharedTable, require_shared
from session.external.streams import Stream
from session.external.tables import Known


def require_external(state: CatalogState, table: object, who: Principal, privilege: str) -> None:
    """Raise 42501 unless *who* may read an external table: USAGE on its schema; or write to it: its owner."""
    if isinstance(table, SharedTable):
        require_shared(state, table, who, privilege)
        return
    schema = state.objects.get(table.schema.oid) if isinstance(table, Known | Stream) else None
    if not isinstance(schema, Schema):
        raise SqlError(SqlState.INVALID_SCHEMA_NAME, "the schema of an external table does not exist")
    check(who, "USAGE", schema.owner, acl_of(state, schema), kind="schema", name=schema.name)
    if privilege != "SELECT" and not who.superuser and who.oid != schema.owner:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"must be owner of schema {schema.name}")
