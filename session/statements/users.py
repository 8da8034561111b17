"""CREATE, ALTER, DROP of users and groups.

Redshift, "CREATE USER", "ALTER USER", "DROP USER", "CREATE GROUP". What is stored of a password is
``auth.passwords``' business.
"""

from dataclasses import replace

from auth.passwords import secrets_of
from auth.validity import moment
from catalog.copy_jobs import CopyJob
from catalog.iam_roles import IamRole
from catalog.model import ADMIN_USER, Database, Group, Relation, Schema, User
from catalog.policies import forgotten
from catalog.roles import DefaultPrivileges, Role, roles
from catalog.routines import Language, Routine
from catalog.scopes import ScopedPrivileges
from catalog.shares import Datashare, grants_inside
from core.errors import SqlError, notice
from core.sqlstate import SqlState
from session.context import Work
from session.lockout import forgiven, settled
from session.locks import Mode
from session.settings import Settings
from sql.commands.users import AlterGroup, AlterUser, CreateGroup, CreateUser, DropGroup, DropUser, UserOptions

_GRANTED = (Database, Schema, Relation, Routine, Language, DefaultPrivileges, IamRole, ScopedPrivileges, Datashare)


async def create_user(work: Work, command: CreateUser) -> str:
    """CREATE USER."""
    work.require_permission("CREATE USER")
    _forbid_superuser(work, command.options)
    await _free_name(work, command.name)
    user = _with_options(work, User(oid=work.next_oid(), name=command.name), command.options)
    groups = [await _locked_group(work, name) for name in sorted(set(command.options.groups))]
    work.change(user, *(replace(group, members=(*group.members, user.oid)) for group in groups))
    return "CREATE USER"


async def alter_user(work: Work, command: AlterUser) -> str:
    """ALTER USER."""
    user = await _locked_user(work, command.name)
    if work.principal.may("ALTER USER") and not user.superuser:
        _forbid_superuser(work, command.options)
    elif not work.principal.superuser:
        _allow_oneself(work, user, command)
    if command.rename_to is not None:
        user = await _renamed(work, user, command.rename_to)
    elif command.set_parameter is not None:
        user = _with_setting(user, command.set_parameter, command.set_value)
    elif command.reset_parameter is not None:
        kept = () if command.reset_parameter == "all" else user.settings
        user = replace(user, settings=tuple(item for item in kept if item[0] != command.reset_parameter))
    else:
        user = _with_options(work, user, command.options)
        if command.options.login:
            await settled(work.warehouse)
    work.change(user)
    return "ALTER USER"


async def drop_user(work: Work, command: DropUser) -> str:
    """DROP USER."""
    work.require_permission("DROP USER")
    for name in command.names:
        await work.tx.lock(("principal", name), Mode.ACCESS_EXCLUSIVE)
        user = work.state.user(name)
        if user is None:
            if not command.if_exists:
                raise _missing("user", name)
            work.notice(notice(f'User "{name}" does not exist and will be skipped'))
            continue
        _refuse_needed(work, user)
        names = sorted(group.name for group in work.state.groups() if user.oid in group.members)
        groups = [await _locked_group(work, group) for group in names]
        for role in [role for role in roles(work.state) if any(row.member == user.oid for row in role.members)]:
            work.change(replace(role, members=tuple(row for row in role.members if row.member != user.oid)))
        work.change(
            *(replace(group, members=tuple(oid for oid in group.members if oid != user.oid)) for group in groups),
            *forgotten(work.state, [user.oid]),
            drops=(user.oid,),
        )
    return "DROP USER"


async def create_group(work: Work, command: CreateGroup) -> str:
    """CREATE GROUP."""
    _require_superuser(work, "create group")
    await _free_name(work, command.name)
    members = [await _member(work, name) for name in command.users]
    work.change(Group(oid=work.next_oid(), name=command.name, members=tuple(dict.fromkeys(members))))
    return "CREATE GROUP"


async def alter_group(work: Work, command: AlterGroup) -> str:
    """ALTER GROUP."""
    _require_superuser(work, "alter group")
    group = await _locked_group(work, command.name)
    if command.rename_to is not None:
        await _free_name(work, command.rename_to)
        group = replace(group, name=command.rename_to)
    added = [await _member(work, name) for name in command.add_users]
    gone = {_user(work, name).oid for name in command.drop_users}
    members = dict.fromkeys((*group.members, *added))
    work.change(replace(group, members=tuple(oid for oid in members if oid not in gone)))
    return "ALTER GROUP"


async def drop_group(work: Work, command: DropGroup) -> str:
    """DROP GROUP."""
    _require_superuser(work, "drop group")
    group = await _locked_group(work, command.name)
    if _is_granted(work, group.oid):
        raise SqlError(
            SqlState.DEPENDENT_OBJECTS_STILL_EXIST,
            f'group "{group.name}" cannot be dropped because some objects depend on it',
        )
    work.change(drops=(group.oid,))
    return "DROP GROUP"


def _with_options(work: Work, user: User, options: UserOptions) -> User:
    user = _with_login(work, _with_password(user, options), options)
    user = replace(
        user,
        createdb=_either(options.createdb, user.createdb),
        superuser=_either(options.createuser, user.superuser),
        syslog_unrestricted=_either(options.syslog_unrestricted, user.syslog_unrestricted),
        external_id=options.external_id or user.external_id,
    )
    if options.valid_until is not None:
        user = replace(user, valid_until=moment(options.valid_until))
    if options.connection_limit is not None:
        user = replace(user, connection_limit=options.connection_limit if options.connection_limit >= 0 else None)
    if options.session_timeout_s is not None:
        user = replace(user, session_timeout_s=options.session_timeout_s or None)
    return user


def _with_login(work: Work, user: User, options: UserOptions) -> User:
    """Return *user* locked (NOLOGIN) or let in again."""
    if options.login is None:
        return user
    work.require_permission("ALTER USER")
    if options.login:
        forgiven(work.warehouse, user.oid)
        return replace(user, locked=None, locked_by=None)
    if user.oid in {work.principal.oid, work.session.session_user.oid}:
        raise SqlError(SqlState.OBJECT_IN_USE, "current user cannot be locked")
    return replace(user, locked=work.warehouse.clock.now().isoformat(), locked_by=work.principal.oid)


def _with_password(user: User, options: UserOptions) -> User:
    if options.password_disabled:
        if options.createuser or (user.superuser and options.createuser is None):
            raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, "the password of a superuser cannot be disabled")
        return replace(user, scram=None, md5=None, sha256=None)
    if options.password is None:
        return user
    secrets = secrets_of(options.password)
    return replace(user, scram=secrets.scram, md5=secrets.md5, sha256=secrets.sha256)


def _either(given: bool | None, present: bool) -> bool:
    return present if given is None else given


def _with_setting(user: User, name: str, value: str | None) -> User:
    kept = tuple(item for item in user.settings if item[0] != name)
    if value is None:
        return replace(user, settings=kept)
    # Checked now: a bad value would otherwise be ignored at every log-in.
    Settings({}).set(name, value)
    return replace(user, settings=(*kept, (name, value)))


async def _renamed(work: Work, user: User, name: str) -> User:
    if user.oid == work.session.session_user.oid:
        raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, "session user cannot be renamed")
    await _free_name(work, name)
    if user.md5 is not None:
        work.notice(notice("MD5 password cleared because of user rename"))
    return replace(user, name=name, md5=None)


def _allow_oneself(work: Work, user: User, command: AlterUser) -> None:
    """Let users without rights change their own parameters, and their own password while they have one."""
    mine = user.oid == work.principal.oid
    others = replace(command.options, password=None) != UserOptions()
    disabled = command.options.password is not None and not user.has_password
    if not mine or others or disabled or command.rename_to is not None:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, "permission denied to alter user")


def _forbid_superuser(work: Work, options: UserOptions) -> None:
    """Superusers are made by superusers only, whatever a role brings."""
    if options.createuser and not work.principal.superuser:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, "must be superuser to create superusers")


def _refuse_needed(work: Work, user: User) -> None:
    if user.oid in {work.principal.oid, work.session.session_user.oid}:
        raise SqlError(SqlState.OBJECT_IN_USE, "current user cannot be dropped")
    if user.oid <= ADMIN_USER:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f'user "{user.name}" cannot be dropped')
    owns = any(
        isinstance(item, (Database, Schema, Relation, Routine, Role, Datashare, CopyJob)) and item.owner == user.oid
        for item in work.state.objects.values()
    )
    if owns or _is_granted(work, user.oid):
        raise SqlError(
            SqlState.DEPENDENT_OBJECTS_STILL_EXIST,
            f'user "{user.name}" cannot be dropped because some objects depend on it',
        )


def _is_granted(work: Work, oid: int) -> bool:
    return any(
        oid in {grant.grantee, grant.grantor}
        for item in work.state.objects.values()
        if isinstance(item, _GRANTED)
        for grant in (*item.acl, *grants_inside(item))
    )


def _require_superuser(work: Work, what: str) -> None:
    if not work.principal.superuser:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"must be superuser to {what}")


async def _locked_user(work: Work, name: str) -> User:
    """Return the user once nobody else can change it any more, as it is then."""
    _user(work, name)
    await work.tx.lock(("principal", name), Mode.ACCESS_EXCLUSIVE)
    return _user(work, name)


async def _locked_group(work: Work, name: str) -> Group:
    """Return the group once nobody else can change it any more, as it is then."""
    _group(work, name)
    await work.tx.lock(("principal", name), Mode.ACCESS_EXCLUSIVE)
    return _group(work, name)


async def _member(work: Work, name: str) -> int:
    """Return the OID of a user who cannot be dropped meanwhile."""
    await work.tx.lock(("principal", name), Mode.ACCESS_SHARE)
    return _user(work, name).oid


async def _free_name(work: Work, name: str) -> None:
    await work.tx.lock(("principal", name), Mode.ACCESS_EXCLUSIVE)
    if work.state.user(name) is not None:
        raise SqlError(SqlState.DUPLICATE_OBJECT, f'user "{name}" already exists')
    if work.state.group(name) is not None:
        raise SqlError(SqlState.DUPLICATE_OBJECT, f'group "{name}" already exists')


def _user(work: Work, name: str) -> User:
    found = work.state.user(name)
    if found is None:
        raise _missing("user", name)
    return found


def _group(work: Work, name: str) -> Group:
    found = work.state.group(name)
    if found is None:
        raise _missing("group", name)
    return found


def _missing(kind: str, name: str) -> SqlError:
    return SqlError(SqlState.UNDEFINED_OBJECT, f'{kind} "{name}" does not exist')
