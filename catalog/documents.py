"""Catalog objects as JSON documents and back: the form that the metadata log keeps."""

import json
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from typing import Any, Final

from catalog.copy_jobs import CopyJob
from catalog.external import ExternalDatabase, ExternalTable, Origin
from catalog.iam_roles import IamRole
from catalog.identity import IdentityProvider
from catalog.model import (
    CatalogObject,
    Constraint,
    Database,
    Grant,
    Group,
    Identity,
    Kind,
    Relation,
    RelationKind,
    Schema,
    TableColumn,
    User,
)
from catalog.parameters import SystemParameter
from catalog.policies import Attachment, MaskAttachment, MaskingPolicy, PolicyColumn, Protection, RlsPolicy
from catalog.replicas import Integration
from catalog.roles import DefaultPrivileges, Membership, Role
from catalog.routines import Language, Parameter, Routine, RoutineKind
from catalog.scopes import ScopedPrivileges
from catalog.shares import Consumer, Datashare, ObjectGrants, SharedSchema, ShareOrigin
from catalog.views import Materialized, Seen
from core.types import BY_NAME, ColumnType
from storage.datacatalog import Column, Partition, Storage, Table

_CLASSES: Final[dict[Kind, type[Any]]] = {
    Kind.DATABASE: Database,
    Kind.SCHEMA: Schema,
    Kind.RELATION: Relation,
    Kind.ROUTINE: Routine,
    Kind.LANGUAGE: Language,
    Kind.USER: User,
    Kind.GROUP: Group,
    Kind.ROLE: Role,
    Kind.DEFAULT_PRIVILEGES: DefaultPrivileges,
    Kind.IAM_ROLE: IamRole,
    Kind.SCOPED_PRIVILEGES: ScopedPrivileges,
    Kind.RLS_POLICY: RlsPolicy,
    Kind.MASKING_POLICY: MaskingPolicy,
    Kind.SYSTEM_PARAMETER: SystemParameter,
    Kind.EXTERNAL_DATABASE: ExternalDatabase,
    Kind.EXTERNAL_TABLE: ExternalTable,
    Kind.IDENTITY_PROVIDER: IdentityProvider,
    Kind.DATASHARE: Datashare,
    Kind.COPY_JOB: CopyJob,
}


def document(item: CatalogObject) -> str:
    """Return *item* as JSON text; fields that hold their default are left out."""
    return json.dumps(_plain(item), separators=(",", ":"), ensure_ascii=False)


def parsed(kind: str, body: str) -> CatalogObject:
    """Return the object that *body* tells of."""
    values = json.loads(body)
    item: CatalogObject = _READERS.get(_CLASSES[Kind(kind)], _record)(_CLASSES[Kind(kind)], values)
    return item


def _plain(value: Any) -> Any:
    if isinstance(value, ColumnType):
        return [value.type.name, value.modifier]
    if is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name))
            for field in fields(value)
            if getattr(value, field.name) != field.default
        }
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _record(cls: type[Any], values: dict[str, Any]) -> Any:
    # A field that a later version added is missing here and takes its default; one that a later version
    # dropped is ignored.
    known = {field.name for field in fields(cls)}
    return cls(**{name: _value(name, value) for name, value in values.items() if name in known})


def _value(name: str, value: Any) -> Any:
    reader = _FIELDS.get(name)
    if reader is not None:
        return reader(value)
    return tuple(value) if isinstance(value, list) else value


def _grants(values: list[dict[str, Any]]) -> tuple[Grant, ...]:
    return tuple(
        Grant(
            grantee=item["grantee"],
            grantor=item["grantor"],
            privileges=frozenset(item["privileges"]),
            grantable=frozenset(item.get("grantable", ())),
            columns=tuple(item.get("columns", ())),
        )
        for item in values
    )


def _table_column(values: dict[str, Any]) -> TableColumn:
    (name, modifier), identity = values["type"], values.get("identity")
    rest = [item for item in values.items() if item[0] not in {"type", "identity"}]
    if identity is None:
        return _shared_column(name, modifier, *rest)
    return TableColumn(**dict(rest), type=ColumnType(BY_NAME_EXACT[name], modifier), identity=Identity(**identity))


@lru_cache(maxsize=65_536)
def _shared_column(name: str, modifier: int, *rest: tuple[str, Any]) -> TableColumn:
    """Return one value for all columns that are alike: of ten thousand tables many are."""
    return TableColumn(**dict(rest), type=ColumnType(BY_NAME_EXACT[name], modifier))


def _relation(cls: type[Any], values: dict[str, Any]) -> Relation:
    columns = tuple(_table_column(item) for item in values.get("columns", ()))
    kind = RelationKind(values.get("type", "r"))
    rest = {name: _value(name, value) for name, value in values.items() if name in _RELATION}
    return Relation(**rest, columns=columns, type=kind)


def _routine(cls: type[Any], values: dict[str, Any]) -> Routine:
    returns = values.get("returns")
    rest = {key: value for key, value in values.items() if key not in {"parameters", "returns", "type"}}
    made: Routine = _record(Routine, rest)
    return replace(
        made,
        type=RoutineKind(values.get("type", "f")),
        parameters=tuple(_record(Parameter, item) for item in values.get("parameters", ())),
        returns=_record(Parameter, returns) if returns else None,
    )


def _role(cls: type[Any], values: dict[str, Any]) -> Role:
    members = tuple(Membership(**item) for item in values.get("members", ()))
    record: Role = _record(Role, values | {"members": (), "permissions": frozenset(values.get("permissions", ()))})
    return replace(record, members=members)


def _pairs(values: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in values)


def _origin(values: dict[str, Any]) -> Origin:
    return Origin(kind=values["kind"], database=values["database"], options=_pairs(values.get("options", [])))


def _share_origin(values: dict[str, Any]) -> ShareOrigin:
    grants = tuple(ObjectGrants(object=item["object"], acl=_grants(item["acl"])) for item in values.get("grants", ()))
    record: ShareOrigin = _record(ShareOrigin, values | {"grants": ()})
    return replace(record, grants=grants)


def _integration(values: dict[str, Any]) -> Integration:
    record: Integration = _record(Integration, values)
    return record


def _datashare(cls: type[Any], values: dict[str, Any]) -> Datashare:
    record: Datashare = _record(cls, values | {"schemas": (), "consumers": ()})
    return replace(
        record,
        schemas=tuple(SharedSchema(**item) for item in values.get("schemas", ())),
        consumers=tuple(Consumer(**item) for item in values.get("consumers", ())),
    )


def _external_database(cls: type[Any], values: dict[str, Any]) -> ExternalDatabase:
    record: ExternalDatabase = _record(cls, values | {"parameters": _pairs(values.get("parameters", []))})
    return record


def _external_table(cls: type[Any], values: dict[str, Any]) -> ExternalTable:
    table = values["table"]
    return ExternalTable(
        oid=values["oid"],
        database=values["database"],
        name=values["name"],
        table=Table(
            name=table["name"],
            columns=_external_columns(table.get("columns", [])),
            keys=_external_columns(table.get("keys", [])),
            storage=_external_storage(table.get("storage", {})),
            parameters=_pairs(table.get("parameters", [])),
            type=table.get("type", Table(name="").type),
        ),
        partitions=tuple(
            Partition(
                values=tuple(item["values"]),
                storage=_external_storage(item["storage"]),
                parameters=_pairs(item.get("parameters", [])),
            )
            for item in values.get("partitions", [])
        ),
    )


def _external_columns(values: list[dict[str, str]]) -> tuple[Column, ...]:
    return tuple(Column(item["name"], item["type"]) for item in values)


def _external_storage(values: dict[str, Any]) -> Storage:
    record: Storage = _record(Storage, values | {"serde_parameters": _pairs(values.get("serde_parameters", []))})
    return record


def _settings(values: list[list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in values)


def _constraints(values: list[dict[str, Any]]) -> tuple[Constraint, ...]:
    return tuple(_record(Constraint, item) for item in values)


def _materialized(values: dict[str, Any]) -> Materialized:
    record: Materialized = _record(Materialized, values)
    return record


def _seen(values: list[dict[str, Any]]) -> tuple[Seen, ...]:
    return tuple(Seen(item["relation"], tuple((name, number) for name, number in item["columns"])) for item in values)


def _protection(values: dict[str, Any]) -> Protection:
    record: Protection = _record(Protection, values | {"policies": (), "masks": ()})
    return replace(
        record,
        policies=tuple(Attachment(**item) for item in values.get("policies", ())),
        masks=tuple(
            MaskAttachment(**item | {"outputs": _paths(item["outputs"]), "inputs": _paths(item["inputs"])})
            for item in values.get("masks", ())
        ),
    )


def _paths(values: list[list[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(path) for path in values)


def _policy(cls: type[Any], values: dict[str, Any]) -> Any:
    columns = tuple(
        PolicyColumn(name=item["name"], type=ColumnType(BY_NAME_EXACT[item["type"][0]], item["type"][1]))
        for item in values.get("columns", ())
    )
    lookups = tuple((oid, tuple(names)) for oid, names in values.get("lookups", ()))
    more = {"lookups": lookups} if lookups else {}
    return _record(cls, values | {"columns": columns} | more)


_RELATION: Final = {field.name for field in fields(Relation)} - {"columns", "type"}
# typname is unique in the type table, BY_NAME's other spellings are not.
BY_NAME_EXACT: Final = {row.name: row for row in BY_NAME.values()}
_FIELDS: Final[dict[str, Any]] = {
    "acl": _grants, "settings": _settings, "constraints": _constraints, "materialized": _materialized,
    "seen": _seen, "protection": _protection, "external": _origin, "share": _share_origin, "integration": _integration,
}  # fmt: skip
_READERS: Final[dict[type[Any], Any]] = {
    Relation: _relation, Routine: _routine, Role: _role, RlsPolicy: _policy, MaskingPolicy: _policy,
    ExternalDatabase: _external_database, ExternalTable: _external_table, Datashare: _datashare,
}  # fmt: skip
