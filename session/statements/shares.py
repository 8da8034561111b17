"""Datashares: CREATE, ALTER, DROP, who may use them, and databases made of them.

Redshift, "CREATE DATASHARE", "ALTER DATASHARE", "DROP DATASHARE", "GRANT", "CREATE DATABASE" (FROM DATASHARE). A server
is one namespace; that it may consume its own datashares is what Redshift does not let it do.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from auth.authorize import allowed
from catalog.model import Acl, Database, Relation, Schema
from catalog.routines import Routine, RoutineKind, routines
from catalog.shares import Consumer, Datashare, Doors, SharedSchema, ShareOrigin, datashare, datashares
from core.errors import SqlError, not_supported, notice
from core.sqlstate import SqlState
from session.answers import Done
from session.context import Work
from session.external.shared import asked
from session.locks import Mode
from session.sharechanges import note
from session.statements.routines import find_routine
from sql.commands.privileges import Grant, ObjectKind, Revoke
from sql.commands.shares import AlterDatashare, CreateDatashare, DropDatashare, FromDatashare, ShareWith

_GLASS: Final = "datashare_break_glass_session_var"


async def create_datashare(work: Work, command: CreateDatashare) -> Done:
    """CREATE DATASHARE, of the session's database."""
    if not work.principal.may("CREATE DATASHARE") and work.database.owner != work.principal.oid:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, "permission denied to create datashare")
    if work.database.share is not None:
        raise not_supported("a datashare of a database that is made of one")
    await work.tx.writing(frozenset())
    await work.tx.lock(("datashare", command.name), Mode.ACCESS_EXCLUSIVE)
    if datashare(work.state, command.name) is not None:
        raise SqlError(SqlState.DUPLICATE_OBJECT, f'Datashare "{command.name}" already exists')
    share = Datashare(
        oid=work.next_oid(),
        name=command.name,
        source=work.database.oid,
        owner=work.principal.oid,
        public=command.public,
        managed_by=command.managed_by,
        created=work.warehouse.clock.now().isoformat(),
    )
    work.change(share)
    note(work, share, "CREATE DATASHARE")
    return Done("CREATE DATASHARE")


async def drop_datashare(work: Work, command: DropDatashare) -> Done:
    """DROP DATASHARE; databases made of it stay and show nothing."""
    for name in command.names:
        if command.if_exists and datashare(work.state, name) is None:
            work.notice(notice(f'Datashare "{name}" does not exist and will be skipped'))
            continue
        share = await _locked(work, name)
        if share.owner != work.principal.oid and not work.principal.may("DROP DATASHARE"):
            raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"must be owner of datashare {name}")
        if share.managed_by:
            _require_glass(work, share, "Drop")
        work.change(drops=(share.oid,))
        note(work, share, "DROP DATASHARE")
    return Done("DROP DATASHARE")


async def alter_datashare(work: Work, command: AlterDatashare) -> Done:
    """ALTER DATASHARE: what is in it, or its properties."""
    share = await _locked(work, command.name)
    who = work.principal
    if not who.may("ALTER DATASHARE") and not allowed(who, "ALTER", share.owner, share.acl):
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"permission denied for datashare {share.name}")
    if command.public is not None:
        if share.managed_by and not command.public:
            _require_glass(work, share, "Alter")
        share = replace(share, public=command.public)
    elif command.include_new is not None:
        share = _including(work, share, command)
    elif command.adds:
        share = _added(work, share, command)
    else:
        share = _removed(work, share, command)
    work.change(share)
    note(work, share, "ALTER DATASHARE")
    return Done("ALTER DATASHARE")


async def share_with(work: Work, command: ShareWith) -> str:
    """GRANT or REVOKE USAGE ON DATASHARE TO or FROM a namespace or account."""
    for name in command.names:
        share, who = await _locked(work, name), work.principal
        if not allowed(who, "SHARE", share.owner, share.acl):
            raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"permission denied for datashare {name}")
        kept = tuple(
            item for item in share.consumers
            if (item.namespace, item.account if not item.namespace else "") != (command.namespace, command.account)
        )  # fmt: skip
        account = command.account or work.limits.account
        added = Consumer(
            account=account, namespace=command.namespace, since=work.warehouse.clock.now().isoformat()
        )
        share = replace(share, consumers=kept if command.takes else (*kept, added))
        work.change(share)
        note(work, share, "REVOKE" if command.takes else "GRANT", consumer=added)
    return "REVOKE" if command.takes else "GRANT"


async def origin_of(work: Work, command: FromDatashare) -> ShareOrigin:
    """Return what a database is made of; raises where there is no such datashare for this cluster."""
    namespace = command.namespace or work.limits.namespace
    account = command.account or work.limits.account
    origin = ShareOrigin(
        name=command.share, namespace=namespace, account=account, permissions=command.permissions
    )
    if work.limits.peers.knows(namespace):
        return await _elsewhere(work, origin)
    own = (namespace, account) == (work.limits.namespace, work.limits.account)
    doors = Doors(work.state, work.limits.account, work.limits.namespace)
    share = doors.share(origin) if own else None
    if share is None:
        raise SqlError(
            SqlState.UNDEFINED_OBJECT,
            f'datashare "{command.share}" of namespace {namespace} does not exist or is not accessible',
        )
    note(work, share, "CREATE DATABASE")
    return origin


async def _elsewhere(work: Work, origin: ShareOrigin) -> ShareOrigin:
    """Return the origin of a database that another server shares; raises where it does not."""
    if origin.permissions:
        raise not_supported("WITH PERMISSIONS for a datashare of another server")
    database = Database(oid=0, name=origin.name, owner=0, share=origin)
    await work.warehouse.executor.run(partial(asked, work.limits.peers, database, {}))
    return origin


def refuse_source(work: Work, database: Database) -> None:
    """Raise 2BP01 for a database that has datashares."""
    found = next((item.name for item in datashares(work.state) if item.source == database.oid), None)
    if found is not None:
        raise SqlError(
            SqlState.DEPENDENT_OBJECTS_STILL_EXIST,
            f"cannot drop database {database.name} because datashare {found} depends on it",
        )


def find_datashare(work: Work, name: str) -> Datashare:
    """Return the datashare called *name*; raises 42704."""
    found = datashare(work.state, name)
    if found is None:
        raise SqlError(SqlState.UNDEFINED_OBJECT, f'Datashare "{name}" does not exist')
    return found


def change_shared(work: Work, command: Grant | Revoke, apply: Callable[[Relation, Acl], Acl]) -> bool:
    """Change what is granted on objects of databases made of datashares; return whether the command is about such."""
    doors = [(work.visible.doors(name[:-1]), name[-1]) for name in command.target.names]
    if command.target.kind is not ObjectKind.TABLE or not any(found for found, _ in doors):
        return False
    for found, name in doors:
        door = next((item for item in found if isinstance(item.via, Database)), None)
        if door is None or door.origin is None or not door.origin.permissions:
            raise SqlError(
                SqlState.INVALID_GRANT_OPERATION,
                "permissions on shared objects need a database that was created WITH PERMISSIONS",
            )
        relation = work.state.relation(door.schema.oid, name)
        database = work.state.objects.get(door.via.oid)
        if relation is None or not door.holds(relation) or not isinstance(database, Database) or not database.share:
            raise SqlError(SqlState.UNDEFINED_TABLE, f'relation "{name}" does not exist')
        acl = database.share.acl(relation.oid)
        # Whoever has made the database decides who reads what of it.
        acl = apply(replace(relation, owner=database.owner, acl=acl), acl)
        work.change(replace(database, share=database.share.with_acl(relation.oid, acl)))
    return True


async def _locked(work: Work, name: str) -> Datashare:
    """Return the datashare called *name* once nobody else can change it; raises 42704."""
    await work.tx.writing(frozenset())
    await work.tx.lock(("datashare", name), Mode.ACCESS_EXCLUSIVE)
    return find_datashare(work, name)


def _require_glass(work: Work, share: Datashare, verb: str) -> None:
    """Raise unless the session has set what AWS Data Exchange's datashares ask for before they are taken away."""
    facts = f"{share.oid} {share.public} {len(share.consumers)} {work.session.pid}"
    value = hashlib.sha256(facts.encode()).hexdigest()[:14]
    if work.settings.get(_GLASS) != value:
        raise SqlError(
            SqlState.INSUFFICIENT_PRIVILEGE,
            f"{verb} of ADX-managed datashare {share.name} requires session variable {_GLASS} to be set to value"
            f" '{value}'",
        )


# What is in a datashare


def _schema(work: Work, share: Datashare, name: tuple[str, ...]) -> Schema:
    schema = work.find_schema(name)
    if schema.database != share.source:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED, f'schema "{schema.name}" is not of the database of datashare {share.name}'
        )
    if schema.external is not None or schema.temporary:
        raise not_supported("an external or temporary schema in a datashare")
    return schema


def _including(work: Work, share: Datashare, command: AlterDatashare) -> Datashare:
    if not work.principal.superuser:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, "must be superuser to set INCLUDENEW")
    schema = _schema(work, share, command.names[0])
    place = share.place(schema.oid)
    if place is None:
        raise _not_in(schema.name, share)
    if command.include_new and place.new_from:
        return share
    # What came by itself stays.
    came = [item.oid for item in _inside(work, schema.oid) if share.holds(item) and item.oid not in share.objects]
    changed = replace(place, new_from=work.next_oid() if command.include_new else 0)
    schemas = tuple(changed if item is place else item for item in share.schemas)
    return replace(share, schemas=schemas, objects=(*share.objects, *came))


def _inside(work: Work, schema: int) -> list[Relation | Routine]:
    return [*work.state.relations(schema), *routines(work.state, schema)]


def _not_in(name: str, share: Datashare) -> SqlError:
    return SqlError(SqlState.UNDEFINED_OBJECT, f'"{name}" is not in datashare {share.name}')


def _named(work: Work, share: Datashare, command: AlterDatashare) -> list[Relation | Routine]:
    """Return the objects that a command names."""
    found: list[Relation | Routine] = []
    for name, signature in zip(command.names, command.signatures, strict=True):
        if command.objects == "TABLE":
            found.append(work.find_relation(name))
        elif command.objects == "FUNCTION":
            found.append(find_routine(work, name, signature, RoutineKind.FUNCTION))
        elif command.objects == "ALL TABLES":
            storage = {item.materialized.table for item in work.state.relations() if item.materialized is not None}
            inside = work.state.relations(_schema(work, share, name).oid)
            found += [item for item in inside if item.oid not in storage]
        else:
            inside_ = routines(work.state, _schema(work, share, name).oid)
            found += [item for item in inside_ if item.type is RoutineKind.FUNCTION and item.language == "sql"]
    return found


def _added(work: Work, share: Datashare, command: AlterDatashare) -> Datashare:
    if command.objects == "SCHEMA":
        for name in command.names:
            schema = _schema(work, share, name)
            work.require_schema("USAGE", schema)
            if share.place(schema.oid) is not None:
                raise _twice(schema.name, share)
            share = replace(share, schemas=(*share.schemas, SharedSchema(schema=schema.oid)))
        return share
    objects = list(share.objects)
    for item in _named(work, share, command):
        _check(work, share, item)
        if not share.holds(item):
            objects.append(item.oid)
        elif not command.objects.startswith("ALL"):
            raise _twice(item.name, share)
    return replace(share, objects=tuple(objects))


def _check(work: Work, share: Datashare, item: Relation | Routine) -> None:
    """Raise where an object cannot be in a datashare, or is not the user's to share."""
    schema = work.state.objects.get(item.schema)
    if not isinstance(schema, Schema) or schema.database != share.source:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED, f'"{item.name}" is not of the database of datashare {share.name}'
        )
    if share.place(schema.oid) is None:
        raise SqlError(
            SqlState.OBJECT_NOT_IN_PREREQUISITE_STATE,
            f'schema "{schema.name}" must be added to datashare {share.name} first',
        )
    if isinstance(item, Routine):
        if item.language != "sql":
            raise not_supported("a function that is not SQL in a datashare")
        work.require_routine(item)
        return
    if item.temporary:
        raise not_supported("a temporary table in a datashare")
    work.require("SELECT", item)


def _twice(name: str, share: Datashare) -> SqlError:
    return SqlError(SqlState.DUPLICATE_OBJECT, f'"{name}" is already in datashare {share.name}')


def _removed(work: Work, share: Datashare, command: AlterDatashare) -> Datashare:
    if command.objects != "SCHEMA":
        gone = {item.oid for item in _named(work, share, command) if share.holds(item)}
        for item in _named(work, share, command):
            if item.oid not in gone and not command.objects.startswith("ALL"):
                raise _not_in(item.name, share)
        return _without(work, share, gone)
    for name in command.names:
        schema = work.find_schema(name)
        if share.place(schema.oid) is None:
            raise _not_in(schema.name, share)
        inside = {item.oid for item in _inside(work, schema.oid)}
        kept = tuple(item for item in share.schemas if item.schema != schema.oid)
        share = replace(share, schemas=kept, objects=tuple(oid for oid in share.objects if oid not in inside))
    return share


def _without(work: Work, share: Datashare, gone: set[int]) -> Datashare:
    """Return a datashare without objects; those that came by themselves are kept by name then."""
    came = [
        item.oid
        for place in share.schemas if place.new_from
        for item in _inside(work, place.schema) if share.holds(item)
    ]  # fmt: skip
    new_from = work.next_oid() if gone & set(came) else 0
    schemas = tuple(
        replace(place, new_from=new_from) if place.new_from and new_from else place for place in share.schemas
    )
    objects = dict.fromkeys((*share.objects, *(came if new_from else ())))
    return replace(share, schemas=schemas, objects=tuple(oid for oid in objects if oid not in gone))
