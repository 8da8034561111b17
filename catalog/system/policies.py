"""Row-level security and masking in the system catalogs: their sources and the SVV views over them.

Redshift, "SVV_RLS_POLICY", "SVV_RLS_ATTACHED_POLICY", "SVV_RLS_RELATION", "SVV_MASKING_POLICY",
"SVV_ATTACHED_MASKING_POLICY": only superusers and security administrators see rows.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import pyarrow as pa

from catalog.model import CatalogState
from catalog.policies import PolicyColumn, masking_policies, rls_policies
from catalog.roles import SYSTEM_ROLES
from catalog.system import access
from catalog.system.build import Live, table
from catalog.system.spec import SUPERUSER, SystemView, columns

_SECADMIN: Final = next(role.oid for role in SYSTEM_ROLES if role.name == "sys:secadmin")
MANAGES: Final = (
    f"({SUPERUSER} OR EXISTS (SELECT 1 FROM sys_members AS mine WHERE mine.member = {access.ME}"
    f" AND mine.grantee = {_SECADMIN}))"
)
"""Engine SQL: whether the session's user manages policies."""


def rls_rows(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_rls_policies."""
    named = {each.oid: each.name for each in state.databases()}
    return table("sys_rls_policies", [
        (each.oid, named.get(each.database), each.name, each.alias, _attributes(each.columns), each.condition,
         each.modified_by, _time(each.modified))
        for each in rls_policies(state)
    ])  # fmt: skip


def masking_rows(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_masking_policies."""
    named = {each.oid: each.name for each in state.databases()}
    return table("sys_masking_policies", [
        (each.oid, named.get(each.database), each.name, _attributes(each.columns), _expressions(each.expressions),
         each.modified_by, _time(each.modified))
        for each in masking_policies(state)
    ])  # fmt: skip


def protections(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_protections: the relations that something was said of, those that keep other's rows left out."""
    kept = _storages(state)
    return table("sys_protections", [
        (each.oid, each.protection.row_security, each.protection.any_of, bool(each.protection.shared_row_security),
         each.protection.shared_any_of, bool(each.protection.policies))
        for each in state.relations()
        if each.protection is not None and each.oid not in kept
    ])  # fmt: skip


def attachments(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_rls_attachments."""
    kept = _storages(state)
    return table("sys_rls_attachments", [
        (each.oid, item.policy, item.grantee, item.grantor)
        for each in state.relations()
        if each.protection is not None and each.oid not in kept
        for item in each.protection.policies
    ])  # fmt: skip


def mask_attachments(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_mask_attachments."""
    kept = _storages(state)
    return table("sys_mask_attachments", [
        (each.oid, item.policy, item.grantee, item.grantor, item.priority, _paths(item.inputs), _paths(item.outputs),
         bool(each.protection.shared_masking))
        for each in state.relations()
        if each.protection is not None and each.oid not in kept
        for item in each.protection.masks
    ])  # fmt: skip


def _storages(state: CatalogState) -> frozenset[int]:
    return frozenset(each.materialized.table for each in state.relations() if each.materialized is not None)


def _attributes(given: Iterable[PolicyColumn]) -> str:
    return json.dumps([{"colname": each.name, "type": str(each.type)} for each in given], separators=(",", ":"))


def _expressions(given: tuple[str, ...]) -> str:
    return json.dumps([{"expr": text} for text in given], separators=(",", ":"), ensure_ascii=False)


def _paths(given: tuple[tuple[str, ...], ...]) -> str:
    return json.dumps([".".join(path) for path in given], separators=(",", ":"), ensure_ascii=False)


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None) if text else None


_KIND: Final = (
    "CASE WHEN r.kind = 'r' THEN 'table' WHEN r.late_binding THEN 'late-binding view'"
    " WHEN lower(r.definition) LIKE 'create materialized view%' THEN 'materialized view' ELSE 'view' END"
)


def joined(flag: str) -> str:
    """Return what a conjunction type is shown as."""
    return f"CASE WHEN {flag} THEN 'or' ELSE 'and' END"


_WHO: Final = "rs_pg_get_userbyid(a.grantor) AS grantor, w.name AS grantee"
ATTACHED: Final = (
    f"SELECT r.database, r.schema_name, r.name AS relation_name, {_KIND} AS relation_kind, p.name AS policy_name, {_WHO},"
    f" w.kind AS grantee_kind, true AS is_policy_on, t.row_security AS is_rls_on, {joined('t.any_of')} AS conjunction"
    " FROM sys_rls_attachments AS a JOIN sys_rls_policies AS p ON p.oid = a.policy"
    " JOIN sys_relations AS r ON r.oid = a.relation JOIN sys_protections AS t ON t.relation = a.relation"
    f" JOIN sys_grantees AS w ON w.oid = a.grantee WHERE {MANAGES}"
)
"""RLS policies and where they are attached."""
MASKED: Final = (
    f"SELECT r.database, r.schema_name, r.name AS relation_name, {_KIND} AS relation_kind, p.name AS policy_name, {_WHO},"
    " w.kind AS grantee_kind, a.priority, a.inputs AS input_columns, a.outputs AS output_columns, a.shared"
    " FROM sys_mask_attachments AS a JOIN sys_masking_policies AS p ON p.oid = a.policy"
    f" JOIN sys_relations AS r ON r.oid = a.relation JOIN sys_grantees AS w ON w.oid = a.grantee WHERE {MANAGES}"
)
"""Masking policies and where they are attached."""
RLS: Final = (
    "SELECT p.database, p.name, p.alias, p.attributes, p.condition, true AS enabled,"
    f" rs_pg_get_userbyid(p.modified_by) AS modified_by, p.modified FROM sys_rls_policies AS p WHERE {MANAGES}"
)
"""RLS policies."""
MASKING: Final = (
    "SELECT p.database, p.name, p.attributes, p.expressions, rs_pg_get_userbyid(p.modified_by) AS modified_by, p.modified"
    f" FROM sys_masking_policies AS p WHERE {MANAGES}"
)
"""Masking policies."""

# fmt: off
_ROWS: Final = (
    (4_210, "svv_rls_policy",
        "poldb text, polname text, polalias text, polatts text, polqual text, polenabled bool, polmodifiedby text, polmodifiedtime ts",
        "SELECT q.database AS poldb, q.name AS polname, q.alias AS polalias, q.attributes AS polatts, q.condition AS polqual,"
        f" q.enabled AS polenabled, q.modified_by AS polmodifiedby, q.modified AS polmodifiedtime FROM ({RLS}) AS q"),
    (4_211, "svv_rls_attached_policy",
        "relschema text, relname text, relkind text, polname text, grantor text, grantee text, granteekind text,"
        "is_pol_on bool, is_rls_on bool, rls_conjunction_type bpchar(3)",
        "SELECT q.schema_name AS relschema, q.relation_name AS relname, q.relation_kind AS relkind, q.policy_name AS polname,"
        " q.grantor, q.grantee, q.grantee_kind AS granteekind, q.is_policy_on AS is_pol_on, q.is_rls_on,"
        f" q.conjunction AS rls_conjunction_type FROM ({ATTACHED}) AS q WHERE q.database = {access.HERE}"),
    (4_212, "svv_rls_relation",
        "datname text, relschema text, relname text, relkind text, is_rls_on bool, is_rls_datashare_on bool,"
        "rls_conjunction_type bpchar(3), rls_datashare_conjunction_type bpchar(3)",
        f"SELECT r.database AS datname, r.schema_name AS relschema, r.name AS relname, {_KIND} AS relkind,"
        " t.row_security AS is_rls_on, t.shared AS is_rls_datashare_on,"
        f" {joined('t.any_of')} AS rls_conjunction_type, {joined('t.shared_any_of')} AS rls_datashare_conjunction_type"
        " FROM sys_protections AS t JOIN sys_relations AS r ON r.oid = t.relation"
        f" WHERE (t.row_security OR t.shared OR t.attached) AND {MANAGES}"),
    (4_213, "svv_masking_policy",
        "policy_name text, input_columns text, policy_expression text, policy_modified_by text, policy_modified_time ts",
        "SELECT q.name AS policy_name, q.attributes AS input_columns, q.expressions AS policy_expression,"
        f" q.modified_by AS policy_modified_by, q.modified AS policy_modified_time FROM ({MASKING}) AS q"),
    (4_214, "svv_attached_masking_policy",
        "policy_name text, schema_name text, table_name text, table_type text, grantor text, grantee text,"
        "grantee_type text, priority int4, input_columns text, output_columns text, is_masking_datashare_on bool",
        "SELECT q.policy_name, q.schema_name, q.relation_name AS table_name, q.relation_kind AS table_type, q.grantor,"
        " q.grantee, q.grantee_kind AS grantee_type, q.priority, q.input_columns, q.output_columns,"
        f" q.shared AS is_masking_datashare_on FROM ({MASKED}) AS q WHERE q.database = {access.HERE}"),
)
_LOGS: Final = (
    (4_230, "svv_rls_applied_policy",
        "username text, query int4, xid int8, pid int4, recordtime ts, command bpchar(1), datname text, relschema text,"
        "relname text, polname text, poldefault bpchar(1)",
        "SELECT a.user_name AS username, a.query, a.xid, a.pid, a.time AS recordtime, a.command, a.database AS datname,"
        " a.schema_name AS relschema, a.relation_name AS relname, a.policy AS polname,"
        " CASE WHEN a.policy IS NULL THEN 't' ELSE 'f' END AS poldefault FROM sys_applied_policies AS a WHERE NOT a.masking"),
    (4_231, "sys_applied_masking_policy_log",
        "policy_name text, user_id text, record_time ts, session_id int4, transaction_id int8, query_id int8,"
        "database_name text, relation_name text, schema_name text",
        "SELECT a.policy AS policy_name, CAST(a.userid AS VARCHAR) AS user_id, a.time AS record_time, a.pid AS session_id,"
        " a.xid AS transaction_id, a.query AS query_id, a.database AS database_name, a.relation_name, a.schema_name"
        " FROM sys_applied_policies AS a WHERE a.masking"),
)
# fmt: on
ROWS: Final = tuple(
    SystemView(
        schema="pg_catalog", name=name, oid=oid, columns=columns(shape), query=query, visible="superuser",
        doc=f"Redshift, {name.upper()}",
    )
    for oid, name, shape, query in _LOGS
) + tuple(
    SystemView(
        schema="pg_catalog", name=name, oid=oid, columns=columns(shape), query=query, doc=f"Redshift, {name.upper()}"
    )
    for oid, name, shape, query in _ROWS
)

