"""CREATE, ALTER and DROP of functions and procedures; which routine a name with types means.

Redshift, "CREATE FUNCTION", "CREATE PROCEDURE", "DROP FUNCTION", "ALTER PROCEDURE". CALL is ``session.programs``.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from auth.authorize import check, check_owner
from auth.grants import with_owner
from catalog import ddl
from catalog.model import PUBLIC, Acl, Grant, Schema, User
from catalog.routines import Parameter, Routine, RoutineKind, language, routines
from catalog.scopes import acl_of
from core import types
from core.errors import SqlError, not_supported, notice
from core.names import fold
from core.sqlstate import SqlState
from core.types import ColumnType
from engine.udfs import KINDS, Udf
from session.answers import Done
from session.aside import LONG, elsewhere, read
from session.context import Work
from session.locks import Mode
from session.sharing import refuse_replica
from session.statements.policies import refuse_called
from sql.commands.drops import Drop
from sql.commands.routines import AlterRoutine, Argument, CreateFunction, CreateProcedure
from sql.definitions import renamed_calls
from sql.facts import settled
from sql.plpgsql.parser import parse
from sql.translate import check_function

_MOST: Final = 32
"""Arguments in, and out."""
_BODY_BYTES: Final = 2 << 20
_WORDS: Final = {RoutineKind.FUNCTION: "function", RoutineKind.PROCEDURE: "procedure"}


async def create_function(work: Work, command: CreateFunction) -> Done:
    """CREATE [OR REPLACE] FUNCTION."""
    made = Routine(
        oid=0,
        schema=0,
        name=command.name[-1],
        owner=work.principal.oid,
        parameters=tuple(_parameter(item) for item in command.arguments),
        returns=Parameter(type=command.returns.type.name, modifier=command.returns.modifier)
        if command.returns
        else Parameter(type="anyelement"),
        language=command.language,
        body=command.body.text,
        volatility=command.volatility,
    )
    await elsewhere(work.session, lambda: _check_function(work, made), heavy=len(made.body) >= LONG)
    if made.language != "sql":
        await _check_python(work, made)
    await _create(work, command.name, made, or_replace=command.or_replace)
    return Done("CREATE FUNCTION")


async def create_procedure(work: Work, command: CreateProcedure) -> Done:
    """CREATE [OR REPLACE] PROCEDURE."""
    if command.language != "plpgsql":
        raise SqlError(SqlState.INVALID_FUNCTION_DEFINITION, f'language "{command.language}" cannot have procedures')
    if command.nonatomic and (command.security_definer or command.settings):
        word = "SECURITY DEFINER" if command.security_definer else "SET"
        raise not_supported(f"{word} of a NONATOMIC procedure")
    for name, values in command.settings:
        work.settings.check(name, ", ".join(values))
    if len(command.body.text.encode()) > _BODY_BYTES:
        raise SqlError(SqlState.PROGRAM_LIMIT_EXCEEDED, "the source of a procedure cannot exceed 2 MB")
    made = Routine(
        oid=0,
        schema=0,
        name=command.name[-1],
        owner=work.principal.oid,
        type=RoutineKind.PROCEDURE,
        parameters=tuple(_parameter(item) for item in command.arguments),
        language="plpgsql",
        body=command.body.text,
        nonatomic=command.nonatomic,
        security_definer=command.security_definer,
        settings=tuple((name, ", ".join(values)) for name, values in command.settings),
    )
    _check_parameters(made)
    await read(
        command.body.text,
        lambda _: parse(command.body, nonatomic=command.nonatomic, case_sensitive=_keeps_case(work)),
    )
    await _create(work, command.name, made, or_replace=command.or_replace)
    return Done("CREATE PROCEDURE")


def _keeps_case(work: Work) -> bool:
    return work.settings.keeps_case


def _parameter(argument: Argument) -> Parameter:
    kind = argument.type
    return Parameter(
        type=kind.type.name if kind else fold(argument.type_name),
        modifier=kind.modifier if kind else -1,
        name=argument.name or "",
        mode=argument.mode,
    )


def _check_parameters(made: Routine) -> None:
    if len(made.inputs) > _MOST or len(made.outputs) > _MOST:
        raise SqlError(
            SqlState.PROGRAM_LIMIT_EXCEEDED, f"{_WORDS[made.type]}s cannot have more than {_MOST} arguments"
        )
    named = [item.name for item in made.parameters if item.name]
    for name in named:
        if named.count(name) > 1:
            raise SqlError(SqlState.INVALID_FUNCTION_DEFINITION, f'parameter name "{name}" used more than once')


def _check_function(work: Work, made: Routine) -> None:
    _check_parameters(made)
    if any(item.mode != "IN" for item in made.parameters):
        raise SqlError(SqlState.INVALID_FUNCTION_DEFINITION, "functions cannot have OUT or INOUT arguments")
    if language(work.state, made.language) is None or made.language == "plpgsql":
        raise SqlError(SqlState.UNDEFINED_OBJECT, f'language "{made.language}" does not exist')
    if not work.visible.runs(made.language):
        raise not_supported(f"LANGUAGE {made.language}", hint="The administrator has not turned it on.")
    pseudo = any(item.type == "anyelement" for item in (*made.parameters, *((made.returns,) if made.returns else ())))
    if made.language == "sql":
        if pseudo:
            message = "SQL functions cannot have arguments of type anyelement"
            raise SqlError(SqlState.INVALID_FUNCTION_DEFINITION, message)
        check_function(work.visible.function(made), work.visible)


async def _check_python(work: Work, made: Routine) -> None:
    """Raise what is wrong with a Python function: types that it cannot have, names, its text."""
    udfs = work.limits.udfs
    source = work.visible.function(made)
    kinds = [kind for kind in (*source.arguments, source.returns) if kind is not None]
    for kind in kinds:
        if kind.type.name not in KINDS:
            raise not_supported(f"type {kind.type.sql} in a Python function")
    if not all(name.isidentifier() for name in source.names):
        raise SqlError(SqlState.INVALID_FUNCTION_DEFINITION, "the arguments of a Python function must have names")
    if source.returns is None and all(source.arguments):
        message = "a function that returns anyelement must have an argument of that type"
        raise SqlError(SqlState.INVALID_FUNCTION_DEFINITION, message)
    if udfs is None:
        return
    text = types.of("varchar")
    udf = Udf(
        name=f"check {made.body}", called=made.name, owner=made.owner, code=made.body, names=source.names,
        arguments=tuple(kind or text for kind in source.arguments), returns=source.returns or text, volatile=True,
    )  # fmt: skip
    await work.warehouse.executor.run(lambda: udfs.check(udf))


async def _create(work: Work, name: tuple[str, ...], made: Routine, *, or_replace: bool) -> None:
    schema = work.visible.schema(name[:-1]) if len(name) > 1 else work.visible.creation_schema()
    refuse_replica(work, schema.oid)
    if not work.principal.may(f"CREATE OR REPLACE {made.word.upper()}"):
        work.require_schema("CREATE", schema)
    used = language(work.state, made.language)
    if used is not None:
        acl = acl_of(work.state, used, work.database.oid)
        check(work.principal, "USAGE", used.owner, acl, kind="language", name=used.name)
    await work.tx.writing(frozenset())
    await work.lock_name(schema.oid, f"{made.name}()")
    same = [item for item in routines(work.state, schema.oid, made.name) if item.signature == made.signature]
    made = replace(made, schema=schema.oid)
    if same:
        made = _replacement(work, same[0], made, or_replace=or_replace)
    else:
        made = replace(made, oid=work.next_oid(), acl=_first_acl(work, schema, made))
    work.change(made)


def _first_acl(work: Work, schema: Schema, made: Routine) -> Acl:
    """Return what is granted on a new routine: everyone may call a function, the owner alone a procedure."""
    given = work.default_acl(schema, made.word.upper())
    if made.type is RoutineKind.PROCEDURE:
        return given
    return (Grant(grantee=PUBLIC, grantor=made.owner, privileges=frozenset({"EXECUTE"})), *given)


def _replacement(work: Work, old: Routine, new: Routine, *, or_replace: bool) -> Routine:
    word = _WORDS[old.type]
    if not or_replace or old.type is not new.type:
        raise SqlError(SqlState.DUPLICATE_FUNCTION, f'{word} "{old.name}" already exists with same argument types')
    # What runs with its owner's rights is not given another body by others.
    lends = old.security_definer or new.security_definer
    if lends or not work.principal.may(f"CREATE OR REPLACE {word.upper()}"):
        check_owner(work.principal, old.owner, kind=word, name=old.name)
    if _result(old) != _result(new):
        raise SqlError(
            SqlState.INVALID_FUNCTION_DEFINITION,
            f"cannot change return type of existing {word}",
            hint=f"Use DROP {word.upper()} first.",
        )
    return replace(new, oid=old.oid, owner=old.owner, acl=old.acl)


def _result(routine: Routine) -> tuple[str, ...]:
    returned = (routine.returns,) if routine.returns else routine.outputs
    return tuple(item.type for item in returned)


# Which routine


def find_routine(
    work: Work, name: tuple[str, ...], signature: tuple[ColumnType, ...] | None, wanted: RoutineKind
) -> Routine:
    """Return the routine called *name* with the argument types *signature*; raises 42883, 42725."""
    word = _WORDS[wanted]
    found = [item for item in work.visible.routines(name) if item.type is wanted]
    if signature is None:
        if len(found) > 1:
            raise SqlError(
                SqlState.AMBIGUOUS_FUNCTION,
                f'{word} name "{".".join(name)}" is not unique',
                hint=f"Specify the argument list to select the {word} unambiguously.",
            )
    else:
        types = tuple(kind.type.name for kind in signature)
        found = [item for item in found if item.signature == types]
    if not found:
        shown = "" if signature is None else f"({', '.join(kind.type.sql for kind in signature)})"
        raise SqlError(SqlState.UNDEFINED_FUNCTION, f"{word} {'.'.join(name)}{shown} does not exist")
    return found[0]


async def _locked(work: Work, routine: Routine) -> Routine:
    await work.tx.writing(frozenset())
    await work.tx.lock(("routine", routine.oid), Mode.ACCESS_EXCLUSIVE)
    now = work.state.objects.get(routine.oid)
    if not isinstance(now, Routine):
        raise SqlError(SqlState.UNDEFINED_FUNCTION, f"{routine.word} {routine.name} does not exist")
    return now


async def alter_routine(work: Work, command: AlterRoutine) -> Done:
    """ALTER FUNCTION, ALTER PROCEDURE: name or owner."""
    wanted = RoutineKind.FUNCTION if command.object == "FUNCTION" else RoutineKind.PROCEDURE
    found = find_routine(work, command.name, command.signature, wanted)
    check_owner(work.principal, found.owner, kind=found.word, name=found.name)
    found = await _locked(work, found)
    if command.rename_to is not None:
        found = await _renamed(work, found, command.rename_to)
    if command.owner is not None:
        owner = _owner(work, command.owner)
        if not work.principal.superuser:
            raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"must be superuser to change the owner of a {found.word}")
        found = replace(found, owner=owner.oid, acl=with_owner(found.acl, found.owner, owner.oid, Grant))
    work.change(found)
    return Done(command.tag)


def _owner(work: Work, name: str) -> User:
    word = {"current_user": work.session.user.name, "session_user": work.session.session_user.name}.get(name, name)
    user = work.state.user(word)
    if user is None:
        raise SqlError(SqlState.UNDEFINED_OBJECT, f'user "{word}" does not exist')
    return user


async def _renamed(work: Work, routine: Routine, name: str) -> Routine:
    schema = work.state.objects[routine.schema]
    refuse_called(work, routine, verb="rename")
    if isinstance(schema, Schema):
        work.require_schema("CREATE", schema, f"CREATE OR REPLACE {routine.word.upper()}")
        await work.lock_name(schema.oid, f"{name}()")
    if any(item.signature == routine.signature for item in routines(work.state, routine.schema, name)):
        raise SqlError(
            SqlState.DUPLICATE_FUNCTION, f'{routine.word} "{name}" already exists with same argument types'
        )
    if isinstance(schema, Schema):
        follow_calls(work, schema, lambda item: (schema.name, name if item.oid == routine.oid else item.name))
    return replace(routine, name=name)


def follow_calls(work: Work, schema: Schema, new: Callable[[Routine], tuple[str, str]]) -> None:
    """Rewrite the views that call functions of *schema*, whose (schema, name) will be *new*."""
    functions = {item.oid: item for item in routines(work.state, schema.oid) if new(item) != (schema.name, item.name)}
    for view in work.state.relations():
        called = [functions[oid] for oid in view.depends if oid in functions]
        if called and view.definition is not None:
            names = {(schema.name, item.name): new(item) for item in called}
            facts = settled(work.visible, view.settings)
            work.change(replace(view, definition=renamed_calls(view.definition, facts, names)))


async def drop_routines(work: Work, command: Drop) -> None:
    """DROP FUNCTION, DROP PROCEDURE."""
    wanted = RoutineKind.FUNCTION if command.object == "FUNCTION" else RoutineKind.PROCEDURE
    for name, signature in zip(command.names, command.signatures, strict=True):
        try:
            found = find_routine(work, name, signature, wanted)
        except SqlError as error:
            if not command.if_exists or error.state not in {SqlState.UNDEFINED_FUNCTION, SqlState.INVALID_SCHEMA_NAME}:
                raise
            work.notice(notice(f"{error.message} and will be skipped".replace("does not exist and", "does not exist,")))
            continue
        if not work.principal.may(f"DROP {command.object}"):
            check_owner(work.principal, found.owner, kind=found.word, name=found.name)
        found = await _locked(work, found)
        await remove_routines(work, [found], cascade=command.cascade)


async def remove_routines(work: Work, gone: list[Routine], *, cascade: bool) -> None:
    """Drop *gone*, and the views that call them where *cascade*; raises 2BP01 where not."""
    # The two import each other: views are dropped as DROP VIEW does.
    from session.statements.objects import remove_relations

    views = ddl.dependents(work.state, frozenset(item.oid for item in gone))
    if views and not cascade:
        first = gone[0]
        raise SqlError(
            SqlState.DEPENDENT_OBJECTS_STILL_EXIST,
            f"cannot drop {first.word} {first.name} because other objects depend on it",
            detail="\n".join(f"view {view.name} depends on {first.word} {first.name}" for view in views),
            hint="Use DROP ... CASCADE to drop the dependent objects too.",
        )
    await remove_relations(work, views, cascade=True)
    for item in gone:
        refuse_called(work, item)
    work.change(drops=tuple(item.oid for item in gone))
