"""The catalog as Arrow tables, column by column: what the system views read.

The tables of ``shapes.CATALOG`` follow from a ``CatalogState`` alone, and may be kept as long as its
version stays; those of ``shapes.LIVE`` are what the server hands over. Ten thousand tables of ten columns
take well under a second: every column is one list comprehension over flat lists.
"""

from collections.abc import Callable
from dataclasses import astuple
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import pyarrow as pa

from catalog import definitions, iam_roles, oids, scopes
from catalog.model import (
    BOOTSTRAP_USER,
    CATALOG_SCHEMA_OID,
    INFORMATION_SCHEMA_OID,
    PUBLIC,
    Acl,
    CatalogState,
    Database,
    Relation,
    Schema,
    TableColumn,
)
from catalog.policies import rls_policies
from catalog.roles import DefaultPrivileges, roles_of
from catalog.roles import roles as roles_
from catalog.routines import Routine
from catalog.routines import languages as all_languages
from catalog.routines import routines as all_routines
from catalog.shares import datashares
from catalog.system import (
    acl,
    external,
    identity,
    keys,
    loads,
    policies,
    procedures,
    routines,
    shapes,
    shares,
    type_functions,
    views,
)
from catalog.system.build import Live, Place, Source, arrays, empty, live_table, places_of, surroundings, table
from catalog.system.parts import Part
from core.types import TYPES, ColumnType

__all__ = ["CATALOG_SOURCES", "LIVE_SOURCES", "SOURCES", "Live", "Source", "empty", "live_table"]

_ARRAY_OF: Final = {row.array_oid: row for row in TYPES if row.array_oid}
_SYSTEM_SCHEMAS: Final = (
    (CATALOG_SCHEMA_OID, "pg_catalog"),
    (INFORMATION_SCHEMA_OID, "information_schema"),
    (oids.PG_TOAST, "pg_toast"),
    (oids.PG_INTERNAL, "pg_internal"),
)
_SCHEMA_OID: Final = {name: oid for oid, name in _SYSTEM_SCHEMAS}


def databases(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_databases."""
    names = acl.named(state)
    rows: list[tuple[Any, ...]] = [
        (
            each.oid,
            each.name,
            each.owner,
            acl.items("database", each.acl, each.owner, names),
            each.isolation,
            each.connection_limit,
            True,
        )
        for each in state.databases()
    ]
    taken = {row[1] for row in rows}
    rows += [
        (oid, name, BOOTSTRAP_USER, None, "Snapshot Isolation", None, False)
        for oid, name in oids.TEMPLATE_DATABASES
        if name not in taken
    ]
    return table("sys_databases", rows)


def namespaces(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_namespaces."""
    names = acl.named(state)
    of = {each.oid: each.name for each in state.databases()}
    rows: list[tuple[Any, ...]] = [
        (
            each.oid,
            each.name,
            each.owner,
            acl.items("schema", each.acl, each.owner, names),
            of.get(each.database),
            each.quota_mb,
            False,
        )
        for each in state.schemas()
    ]
    rows += [(oid, name, BOOTSTRAP_USER, None, None, None, True) for oid, name in _SYSTEM_SCHEMAS]
    return table("sys_namespaces", rows)


def relations(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_relations: the users' tables and views, the indexes of their keys, the system's views."""
    names = acl.named(state)
    places = places_of(state, live)
    tied = keys.linked(state)
    around = surroundings(state)

    def build(part: Part) -> pa.Table:
        return table("sys_relations", _relation_rows(part, state, names, places, tied))

    def context(part: Part) -> object:
        own = live.database if any(each.temporary for each in part) else ""
        return around, own, [each.oid in tied for each in part]

    made = live.parts.table("sys_relations", state, build, context)
    return pa.concat_tables([*made, _system_relations()])


def _relation_rows(
    part: Part, state: CatalogState, names: dict[int, str], places: Callable[[Relation], Place], tied: set[int]
) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for each in part:
        schema, schema_name, database = places(each)
        keyed = any(key.kind in "pu" for key in each.constraints)
        rows.append((
            each.oid, each.name, schema, schema_name, database, each.type.value, each.owner,
            acl.items("table", each.acl, each.owner, names), each.temporary, len(each.columns), keyed, each.diststyle,
            each.sortstyle, _definition(each, state), each.late_binding, each.comment, each.backup, _time(each.created),
            each.oid in tied, False,
        ))  # fmt: skip
        rows += [
            (oids.index(each.oid, place), key.name, schema, schema_name, database, "i", each.owner, None,
             each.temporary, len(key.columns), False, "", "", None, False, None, True, None, False, False)
            for place, key in enumerate(each.constraints)
            if key.kind in "pu"
        ]  # fmt: skip
    return rows


def columns(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_columns, of the same relations."""
    names = acl.named(state)
    around = surroundings(state)

    def build(part: Part) -> pa.Table:
        return pa.concat_tables([_columns_of(part, names), keys.index_columns(part)])

    made = live.parts.table("sys_columns", state, build, lambda _: around)
    return pa.concat_tables([*made, _system_columns()])


def _columns_of(part: Part, names: dict[int, str]) -> pa.Table:
    owners: list[Relation] = []
    flat: list[TableColumn] = []
    for each in part:
        flat += each.columns
        owners += [each] * len(each.columns)
    data = [
        [each.oid for each in owners],
        [each.name for each in flat],
        [each.number for each in flat],
        [each.type.type.oid for each in flat],
        [each.type.modifier for each in flat],
        [_format(each.type) for each in flat],
        [each.not_null for each in flat],
        [_default(owner, each) for owner, each in zip(owners, flat, strict=True)],
        [each.identity is not None for each in flat],
        [each.encoding for each in flat],
        [each.distkey for each in flat],
        [each.sortkey for each in flat],
        [each.collation for each in flat],
        [each.comment for each in flat],
        [
            acl.column_items(each.name, owner.acl, names) if owner.acl else None
            for owner, each in zip(owners, flat, strict=True)
        ],
        [place for each in part for place in range(1, len(each.columns) + 1)],
    ]
    return arrays("sys_columns", data)


@cache
def _types() -> pa.Table:
    rows: list[tuple[Any, ...]] = []
    seen: set[int] = set()
    for each in TYPES:
        element = _ARRAY_OF.get(each.oid)
        kind = "p" if each.category == "P" and each.name != "unknown" else "b"
        rows.append((
            each.oid, each.name, each.sql, each.length, each.category, kind,
            element.oid if element else type_functions.ELEMENTS.get(each.name, 0), each.array_oid,
            *astuple(type_functions.of(each.name)),
        ))  # fmt: skip
        seen.add(each.oid)
    rows += [
        (oid, f"_{each.name}", f"{each.sql}[]", -1, "A", "b", each.oid, 0, *astuple(type_functions.of("")))
        for oid, each in _ARRAY_OF.items()
        if oid not in seen
    ]
    rows += [
        (oid, name, name, *((-1, "U", "b") if name == "bytea" else (4, "P", "p")), 0, 0, *astuple(type_functions.of(name)))
        for name, oid in type_functions.UNUSED.items()
    ]
    # ADBC writes strings as the first type that is read as text is.
    return table("sys_types", sorted(rows))


def types(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_types: constant."""
    return _types()


@cache
def _builtins() -> pa.Table:
    return table("sys_builtins", list(procedures.built_in()))


def builtins(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_builtins: constant."""
    return _builtins()


@cache
def type_names() -> dict[str, str]:
    """Return what the types are called in SQL, by OID."""
    return {str(row["oid"]): str(row["sql"]) for row in _types().select(["oid", "sql"]).to_pylist()}


def users(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_users, the bootstrap user included."""
    rows: list[tuple[Any, ...]] = [
        (
            each.oid,
            each.name,
            each.superuser,
            each.createdb,
            _time(each.valid_until or ""),
            each.connection_limit,
            each.syslog_unrestricted,
            each.session_timeout_s,
            [f"{name}={value}" for name, value in each.settings] or None,
        )
        for each in state.users()
    ]
    if BOOTSTRAP_USER not in state.objects:
        rows.append((BOOTSTRAP_USER, "rdsdb", True, True, None, None, True, None, None))
    return table("sys_users", rows)


def groups(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_groups."""
    return table("sys_groups", [(each.oid, each.name, list(each.members)) for each in state.groups()])


def members(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_members."""
    users_ = [each.oid for each in state.users()] + [BOOTSTRAP_USER]
    rows = [(oid, grantee) for oid in dict.fromkeys(users_) for grantee in (oid, PUBLIC)]
    rows += [(oid, each.oid) for each in state.groups() for oid in each.members]
    rows += [(oid, role) for oid in dict.fromkeys(users_) for role in roles_of(state, oid)]
    return table("sys_members", rows)


def roles(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_roles."""
    return table(
        "sys_roles",
        [(each.oid, each.name, each.owner, each.external_id, sorted(each.permissions)) for each in roles_(state)],
    )


def role_members(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_role_members."""
    return table(
        "sys_role_members", [(each.oid, row.member, row.admin) for each in roles_(state) for row in each.members]
    )


def grantees(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_grantees."""
    rows = [(PUBLIC, "public", "public"), *((each.oid, each.name, "user") for each in state.users())]
    rows += [(each.oid, each.name, "group") for each in state.groups()]
    rows += [(each.oid, each.name, "role") for each in roles_(state)]
    if BOOTSTRAP_USER not in state.objects:
        rows.append((BOOTSTRAP_USER, "rdsdb", "user"))
    return table("sys_grantees", rows)


def default_privileges(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_default_privileges."""
    rows = [
        (each.owner, each.schema, each.object_kind, grant.grantee, grant.grantor, name, name in grant.grantable)
        for each in state.of(DefaultPrivileges)
        for grant in each.acl
        for name in sorted(grant.privileges)
    ]
    return table("sys_default_privileges", rows)


def default_acls(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_default_acls."""
    names = acl.named(state)
    rows = [
        (each.oid, each.owner, each.schema, each.object_kind,
         [acl.item("table" if each.object_kind == "TABLE" else "routine", grant, names) for grant in each.acl])
        for each in state.of(DefaultPrivileges)
        if each.acl
    ]  # fmt: skip
    return table("sys_default_acls", rows)


def iam_grants(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_iam_grants."""
    said = [each.name for each in iam_roles.iam_roles(state)]
    rows = [
        (name, command, grant.grantee, name not in said)
        for name in dict.fromkeys((iam_roles.ANY, *said))
        for grant in iam_roles.granted_on(state, name)
        for command in sorted(grant.privileges)
    ]
    return table("sys_iam_grants", rows)


def grants(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_grants."""
    objects = (
        [("database", each.oid, each.acl) for each in state.databases()]
        + [("schema", each.oid, each.acl) for each in state.schemas()]
        + [("routine", each.oid, each.acl) for each in all_routines(state)]
        + [("language", each.oid, each.acl) for each in all_languages(state)]
        + [("datashare", each.oid, each.acl) for each in datashares(state)]
    )
    policies_ = frozenset(each.oid for each in rls_policies(state))

    def build(part: Part) -> pa.Table:
        return _grants_on([("table", each.oid, each.acl) for each in part], policies_)

    made = live.parts.table("sys_grants", state, build, lambda _: policies_)
    return pa.concat_tables([_grants_on(objects, policies_), *made])


def _grants_on(objects: list[tuple[str, int, Acl]], policies_: frozenset[int]) -> pa.Table:
    rows = [
        (oid, kind, column, grant.grantee, grant.grantor, privilege, privilege in grant.grantable)
        for kind, oid, granted in objects
        for grant in granted
        if grant.grantee not in policies_
        for column in grant.columns or ("",)
        for privilege in sorted(grant.privileges)
    ]
    return table("sys_grants", rows)


def scoped_grants(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_scoped_grants."""
    rows: list[tuple[Any, ...]] = []
    for each in scopes.all_scoped(state):
        schema, database = scopes.where(state, each)
        place = (schema.oid if schema else 0, schema.name if schema else None, database.name if database else None)
        rows += [
            (*place, each.object_kind, grant.grantee, grant.grantor, name, name in grant.grantable)
            for grant in each.acl
            for name in sorted(grant.privileges)
        ]
    return table("sys_scoped_grants", rows)


def dependencies(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_dependencies: which views read which relations."""

    def build(part: Part) -> pa.Table:
        return table("sys_dependencies", [(each.oid, other) for each in part for other in each.depends])

    made = live.parts.table("sys_dependencies", state, build, lambda _: None)
    return pa.concat_tables([empty("sys_dependencies"), *made])


def comments(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_comments."""
    remarked: list[Database | Schema | Routine] = [*state.databases(), *state.schemas(), *state.of(Routine)]
    rows = [(each.oid, _CATALOGS[type(each)], each.comment) for each in remarked if each.comment is not None]
    rows += [
        (oids.constraint(each.oid, place), oids.CLASS_PG_CONSTRAINT, key.comment)
        for each in state.relations()
        for place, key in enumerate(each.constraints)
        if key.comment is not None
    ]
    return table("sys_comments", rows)


_CATALOGS: Final = {
    Database: oids.CLASS_PG_DATABASE, Schema: oids.CLASS_PG_NAMESPACE, Routine: oids.CLASS_PG_PROC,
}  # fmt: skip


def materialized(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_materialized."""
    rows = [
        (each.oid, each.materialized.table, int(each.materialized.incremental), each.materialized.auto_refresh)
        for each in state.relations()
        if each.materialized is not None
    ]
    return table("sys_materialized", rows)


def _definition(relation: Relation, state: CatalogState) -> str | None:
    """Return a view's query as it is shown: of a materialized or a late-binding one, the statement that makes it."""
    whole = relation.materialized is not None or relation.late_binding
    return definitions.view(relation, state) if whole else relation.definition


def _given(name: str) -> Source:
    def build(state: CatalogState, live: Live) -> pa.Table:
        given = live.tables.get(name)
        return empty(name) if given is None else given

    return build


@cache
def _system_relations() -> pa.Table:
    rows: list[tuple[Any, ...]] = [
        (each.oid, each.name, _SCHEMA_OID[each.schema], each.schema, None, "r" if each.table else "v",
         BOOTSTRAP_USER, None, False, len(each.columns), False, "", "", None, False, None, True, None, False, True)
        for each in views.VIEWS.values()
    ]  # fmt: skip
    return table("sys_relations", rows)


@cache
def _system_columns() -> pa.Table:
    rows: list[tuple[Any, ...]] = [
        (each.oid, name, number, kind.type.oid, kind.modifier, str(kind), False, None, False, "none", False, 0, None,
         None, None, number)
        for each in views.VIEWS.values()
        for number, (name, kind) in enumerate(each.columns, 1)
    ]  # fmt: skip
    return table("sys_columns", rows)


def _default(relation: Relation, column: TableColumn) -> str | None:
    """Return pg_attrdef.adsrc; an identity shows as Redshift's internal function, which tools parse."""
    if column.identity is None:
        return column.default
    function = "default_identity" if column.identity.by_default else "identity"
    values = f"{column.identity.seed},{column.identity.step}"
    return f"\"{function}\"({relation.oid}, {column.number - 1}, '{values}'::text)"


_FORMATS: Final[dict[tuple[int, int], str]] = {}


def _format(kind: ColumnType) -> str:
    key = (kind.type.oid, kind.modifier)
    text = _FORMATS.get(key)
    if text is None:
        text = _FORMATS[key] = str(kind)
    return text


def _time(text: str) -> datetime | None:
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


CATALOG_SOURCES: Final[dict[str, Source]] = {
    "sys_databases": databases,
    "sys_namespaces": namespaces,
    "sys_relations": relations,
    "sys_columns": columns,
    "sys_constraints": keys.constraints,
    "sys_key_columns": keys.key_columns,
    "sys_routines": routines.rows,
    "sys_builtins": builtins,
    "sys_parameters": routines.parameters,
    "sys_languages": routines.languages,
    "sys_types": types,
    "sys_users": users,
    "sys_groups": groups,
    "sys_roles": roles,
    "sys_role_members": role_members,
    "sys_grantees": grantees,
    "sys_default_privileges": default_privileges,
    "sys_default_acls": default_acls,
    "sys_iam_grants": iam_grants,
    "sys_members": members,
    "sys_grants": grants,
    "sys_scoped_grants": scoped_grants,
    "sys_rls_policies": policies.rls_rows,
    "sys_masking_policies": policies.masking_rows,
    "sys_protections": policies.protections,
    "sys_identity_providers": identity.providers,
    "sys_copy_jobs": loads.job_rows,
    "sys_rls_attachments": policies.attachments,
    "sys_mask_attachments": policies.mask_attachments,
    "sys_dependencies": dependencies,
    "sys_comments": comments,
    "sys_materialized": materialized,
    "sys_datashares": shares.share_rows,
    "sys_datashare_consumers": shares.consumer_rows,
    "sys_datashare_objects": shares.object_rows,
    "sys_share_databases": shares.database_rows,
    "sys_shared_relations": shares.relation_rows,
    "sys_external_schemas": external.schemas,
    "sys_external_databases": external.databases,
    "sys_external_tables": external.tables,
    "sys_external_columns": external.columns,
    "sys_external_partitions": external.partitions,
}
"""To be rebuilt when the catalog's version (or the session's temporary tables) change."""
LIVE_SOURCES: Final[dict[str, Source]] = {name: _given(name) for name in shapes.LIVE}
SOURCES: Final[dict[str, Source]] = CATALOG_SOURCES | LIVE_SOURCES
