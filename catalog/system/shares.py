"""Datashares as Arrow tables, and the views that show them.

Redshift, "SVV_DATASHARES", "SVV_DATASHARE_OBJECTS", "SVV_DATASHARE_CONSUMERS", "SVL_DATASHARE_CHANGE_LOG". This cluster
is a consumer of what it gave itself: such a datashare has a row as OUTBOUND and one as INBOUND.
"""

from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa

from catalog import ddl
from catalog.model import CatalogState, Database, Relation, Schema
from catalog.routines import Routine, routines
from catalog.shares import Datashare, datashare, datashares
from catalog.system.access import ME
from catalog.system.acl import items, named
from catalog.system.build import Live, table
from catalog.system.spec import SUPERUSER, SystemView, Visible, columns

_ACCOUNT: Final = "getvariable('aws_account')"
_NAMESPACE: Final = "getvariable('namespace')"


def share_rows(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_datashares."""
    names = named(state)
    return table("sys_datashares", [
        (each.oid, each.name, each.owner, each.source, _database(state, each.source), each.public,
         items("datashare", each.acl, each.owner, names), _moment(each.created), each.managed_by)
        for each in datashares(state)
    ])  # fmt: skip


def _database(state: CatalogState, oid: int) -> str:
    found = state.objects.get(oid)
    return found.name if isinstance(found, Database) else ""


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None) if text else None


def consumer_rows(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_datashare_consumers."""
    return table("sys_datashare_consumers", [
        (each.oid, item.account, item.namespace, _moment(item.since)) for each in datashares(state)
        for item in each.consumers
    ])  # fmt: skip


def database_rows(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_share_databases: those that are made of datashares."""
    found = [(each, each.share, datashare(state, each.share.name)) for each in state.databases() if each.share]
    return table("sys_share_databases", [
        (each.oid, each.name, origin.name, share.oid if share is not None else 0) for each, origin, share in found
    ])  # fmt: skip


def object_rows(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_datashare_objects."""
    rows: list[tuple[Any, ...]] = []
    for share in datashares(state):
        for place in share.schemas:
            schema = state.objects.get(place.schema)
            if isinstance(schema, Schema):
                rows.append((share.oid, schema.oid, "schema", schema.name, schema.name, place.new_from > 0))
                rows += [
                    (share.oid, item.oid, _word(item), schema.name, _name(item), None)
                    for item in _inside(state, share, schema)
                ]
    return table("sys_datashare_objects", rows)


def _inside(state: CatalogState, share: Datashare, schema: Schema) -> list[Relation | Routine]:
    found: list[Relation | Routine] = [*state.relations(schema.oid), *routines(state, schema.oid)]
    return [item for item in found if share.holds(item)]


def _word(item: Relation | Routine) -> str:
    if isinstance(item, Routine):
        return "function"
    return "late binding view" if item.late_binding else ddl.kind_word(item)


def relation_rows(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_shared_relations: schemas (``relation`` is 0) and what is in them, as consumers see them."""
    rows: list[tuple[Any, ...]] = []
    for each in state.databases():
        share = None if each.share is None else datashare(state, each.share.name)
        for place in () if share is None else share.schemas:
            schema = state.objects.get(place.schema)
            if share is not None and isinstance(schema, Schema):
                inside = [item.oid for item in _inside(state, share, schema) if isinstance(item, Relation)]
                rows += [
                    (each.oid, each.name, each.owner, share.oid, schema.oid, schema.name, oid) for oid in (0, *inside)
                ]
    return table("sys_shared_relations", rows)


def _name(item: Relation | Routine) -> str:
    if isinstance(item, Relation):
        return item.name
    return f"{item.name}({','.join(parameter.type for parameter in item.parameters)})"


def _view(oid: int, name: str, shape: str, query: str, visible: Visible = "all", owner: str = "userid") -> SystemView:
    return SystemView(
        schema="pg_catalog", name=name, oid=oid, columns=columns(shape), query=query, visible=visible, owner=owner,
        doc=f"Redshift, {name.upper()}",
    )  # fmt: skip


MINE: Final = (
    "EXISTS (SELECT 1 FROM sys_datashare_consumers AS c WHERE c.share = s.oid AND"
    f" CASE WHEN c.namespace = '' THEN c.account = {_ACCOUNT} ELSE c.namespace = {_NAMESPACE} END)"
)
"""Of ``sys_datashares AS s``: whether this cluster may use it."""
_SEES: Final = (
    f"({SUPERUSER} OR s.owner = {ME} OR EXISTS (SELECT 1 FROM sys_grants AS g JOIN sys_members AS m"
    f" ON m.grantee = g.grantee WHERE g.object = s.oid AND g.kind = 'datashare' AND m.member = {ME}))"
)
_SEES_INBOUND: Final = (
    f"({SUPERUSER} OR EXISTS (SELECT 1 FROM sys_grants AS g JOIN sys_members AS m ON m.grantee = g.grantee"
    f" WHERE g.object = d.oid AND g.kind = 'database' AND g.privilege = 'USAGE' AND m.member = {ME}))"
)
SEES_SHARED: Final = (
    "EXISTS (SELECT 1 FROM sys_datashare_consumers AS c WHERE c.share = x.share AND"
    f" CASE WHEN c.namespace = '' THEN c.account = {_ACCOUNT} ELSE c.namespace = {_NAMESPACE} END)"
    f" AND ({SUPERUSER} OR x.owner = {ME} OR EXISTS (SELECT 1 FROM sys_grants AS g JOIN sys_members AS m"
    " ON m.grantee = g.grantee WHERE g.object = x.oid AND g.kind = 'database' AND g.privilege = 'USAGE'"
    f" AND m.member = {ME}))"
)
"""Of ``sys_shared_relations AS x``: whether the user may see it."""
SHARED_TABLES: Final = "sys_shared_relations AS x JOIN sys_relations AS r ON r.oid = x.relation"
SHARED_COLUMNS: Final = f"{SHARED_TABLES} JOIN sys_columns AS c ON c.relation = r.oid"
_OUTBOUND: Final = "sys_datashares AS s"
_INBOUND: Final = "sys_datashares AS s LEFT JOIN sys_share_databases AS d ON d.share = s.oid"
_PRODUCER: Final = f"{_ACCOUNT} AS producer_account, {_NAMESPACE} AS producer_namespace"
SHARES: Final = (
    "SELECT s.name AS share_name, s.oid AS share_id, s.owner AS share_owner, s.source_name AS source_database,"
    " NULL AS consumer_database, 'OUTBOUND' AS share_type, s.created AS createdate,"
    f" s.public AS is_publicaccessible, array_to_string(s.acl, '~') AS share_acl, {_PRODUCER},"
    f" CASE WHEN s.managed_by <> '' THEN s.managed_by END AS managed_by FROM {_OUTBOUND} WHERE {_SEES}"
    " UNION ALL SELECT s.name, s.oid, NULL, NULL, d.name, 'INBOUND', NULL, s.public, NULL,"
    f" {_ACCOUNT}, {_NAMESPACE}, CASE WHEN s.managed_by <> '' THEN s.managed_by END"
    f" FROM {_INBOUND} WHERE {MINE} AND {_SEES_INBOUND}"
)
_OBJECT: Final = "CASE WHEN o.type = 'schema' THEN o.name ELSE o.schema_name || '.' || o.name END AS object_name"
OBJECTS: Final = (
    f"SELECT 'OUTBOUND' AS share_type, s.name AS share_name, o.type AS object_type, {_OBJECT}, {_PRODUCER},"
    f" o.include_new FROM {_OUTBOUND} JOIN sys_datashare_objects AS o ON o.share = s.oid WHERE {_SEES}"
    f" UNION ALL SELECT 'INBOUND', s.name, o.type, {_OBJECT}, {_ACCOUNT}, {_NAMESPACE}, NULL"
    f" FROM {_INBOUND} JOIN sys_datashare_objects AS o ON o.share = s.oid WHERE {MINE} AND {_SEES_INBOUND}"
)
SHARES_SHAPE: Final = (
    "share_name varchar(128), share_id int4, share_owner int4, source_database varchar(128),"
    "consumer_database varchar(128), share_type varchar(8), createdate ts, is_publicaccessible bool,"
    "share_acl varchar(256), producer_account varchar(16), producer_namespace varchar(64), managed_by varchar(64)"
)
OBJECTS_SHAPE: Final = (
    "share_type varchar(8), share_name varchar(128), object_type varchar(64), object_name varchar(512),"
    "producer_account varchar(16), producer_namespace varchar(64), include_new bool"
)
_CHANGED: Final = (
    "share_object_type bpchar(64), share_object_id int4, share_object_name bpchar(128), target_user_type bpchar(16),"
    "target_userid int4, target_username bpchar(128), consumer_account bpchar(16), consumer_namespace bpchar(64),"
    "producer_account bpchar(16), producer_namespace bpchar(64), attribute_name bpchar(64),"
    "attribute_value bpchar(128), message bpchar(512)"
)
_NOTHING: Final = (
    "NULL AS share_object_type, NULL AS share_object_id, NULL AS share_object_name, NULL AS target_user_type,"
    " NULL AS target_userid, NULL AS target_username, c.consumer_account, c.consumer_namespace, c.producer_account,"
    " c.producer_namespace, NULL AS attribute_name, NULL AS attribute_value, NULL AS message"
)


def _changes(user: str, name: str, pid: str, xid: str, moment: str) -> tuple[str, str]:
    shape = (
        f"{user} int4, {name} bpchar(128), {pid} int4, {xid} int8, share_id int4, share_name bpchar(128),"
        "source_database_id int4, source_database_name bpchar(128), consumer_database_id int4,"
        f"consumer_database_name bpchar(128), {moment} ts, action bpchar(128), status bpchar(128), {_CHANGED}"
    )
    query = (
        f"SELECT c.userid AS {user}, c.username AS {name}, c.pid AS {pid}, c.xid AS {xid}, c.share_id, c.share_name,"
        " c.source_id AS source_database_id, c.source_name AS source_database_name, NULL AS consumer_database_id,"
        f" NULL AS consumer_database_name, c.time AS {moment}, c.action, 'success' AS status, {_NOTHING}"
        " FROM sys_share_changes AS c"
    )
    return shape, query


ROWS: Final = (
    _view(4_215, "svv_datashares", SHARES_SHAPE, SHARES),
    _view(4_216, "svv_datashare_objects", OBJECTS_SHAPE, OBJECTS),
    _view(
        4_217, "svv_datashare_consumers",
        "share_name varchar(128), consumer_account varchar(16), consumer_namespace varchar(64), share_date ts",
        "SELECT s.name AS share_name, c.account AS consumer_account,"
        " CASE WHEN c.namespace <> '' THEN c.namespace END AS consumer_namespace, c.since AS share_date"
        f" FROM {_OUTBOUND} JOIN sys_datashare_consumers AS c ON c.share = s.oid WHERE {_SEES}",
    ),
    _view(
        6_070, "svv_datashare_privileges",
        "share_name text, privilege_type text, identity_id int4, identity_name text, identity_type text,"
        "admin_option bool",
        "SELECT s.name AS share_name, g.privilege AS privilege_type, g.grantee AS identity_id, w.name AS identity_name,"
        f" w.kind AS identity_type, g.grantable AS admin_option FROM {_OUTBOUND} JOIN sys_grants AS g"
        " ON g.object = s.oid AND g.kind = 'datashare' LEFT JOIN sys_grantees AS w ON w.oid = g.grantee"
        f" WHERE {_SEES}",
    ),
    _view(6_071, "svl_datashare_change_log", *_changes("userid", "username", "pid", "xid", "recordtime"), "own"),
    _view(
        6_072, "sys_datashare_change_log",
        *_changes("user_id", "user_name", "session_id", "transaction_id", "record_time"), "own", "user_id",
    ),
)  # fmt: skip
