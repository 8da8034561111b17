"""CREATE, ALTER and DROP of users, groups and roles.

Redshift, "CREATE USER", "ALTER USER", "DROP USER" and the same of GROUP and ROLE. What a password must
look like is decided by ``auth.passwords``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from core.errors import SqlError
from core.sqlstate import SqlState
from sql.commands.databases import read_limit
from sql.commands.privileges import read_role_name, read_user_name
from sql.commands.settings import read_values
from sql.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class UserOptions:
    """What CREATE and ALTER USER may set; None when not given."""

    password: str | None = field(default=None, repr=False)
    """As written: clear text, ``md5…``, ``sha256|…``."""
    password_disabled: bool = False
    """PASSWORD DISABLE."""
    createdb: bool | None = None
    createuser: bool | None = None
    """CREATEUSER makes a superuser."""
    syslog_unrestricted: bool | None = None
    groups: tuple[str, ...] = ()
    """IN GROUP (CREATE USER only)."""
    valid_until: str | None = None
    """As written; the session's DateStyle and time zone tell what it means. ``infinity`` is for ever."""
    connection_limit: int | None = None
    """-1 is UNLIMITED."""
    session_timeout_s: int | None = None
    """0 after RESET SESSION TIMEOUT."""
    external_id: str | None = None
    login: bool | None = None
    """LOGIN, which also unlocks, or NOLOGIN (ALTER USER only)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateUser:
    """CREATE USER name [WITH] options."""

    name: str
    options: UserOptions = UserOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterUser:
    """ALTER USER name: options, or RENAME TO, or SET, or RESET."""

    name: str
    options: UserOptions = UserOptions()
    rename_to: str | None = None
    set_parameter: str | None = None
    set_value: str | None = None
    """Comma-joined; None with ``set_parameter`` is DEFAULT."""
    reset_parameter: str | None = None
    """A parameter's name, or ``all``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DropUser:
    """DROP USER [IF EXISTS] name[, …]."""

    names: tuple[str, ...]
    if_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateGroup:
    """CREATE GROUP name [[WITH] USER user[, …]]."""

    name: str
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterGroup:
    """ALTER GROUP name ADD USER | DROP USER | RENAME TO: one of them is given."""

    name: str
    add_users: tuple[str, ...] = ()
    drop_users: tuple[str, ...] = ()
    rename_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DropGroup:
    """DROP GROUP name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRole:
    """CREATE ROLE name [EXTERNALID id]."""

    name: str
    external_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterRole:
    """ALTER ROLE name [WITH] RENAME TO | OWNER TO | EXTERNALID TO: at least one of them is given."""

    name: str
    rename_to: str | None = None
    owner: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DropRole:
    """DROP ROLE name [FORCE | RESTRICT]."""

    name: str
    force: bool = False


def read_create_user(stream: Stream) -> CreateUser:
    """Take what follows CREATE USER."""
    name = _new_name(stream, read_user_name)
    stream.take("WITH")
    return CreateUser(name=name, options=_options(stream, creating=True))


def _new_name(stream: Stream, read: Callable[[Stream], str] = read_role_name) -> str:
    position = stream.position
    name = read(stream)
    if name == "public":
        raise SqlError(SqlState.RESERVED_NAME, f'role name "{name}" is reserved', position=position)
    return name


def read_alter_user(stream: Stream) -> AlterUser:
    """Take what follows ALTER USER."""
    name = read_user_name(stream)
    if stream.take("RENAME", "TO"):
        return AlterUser(name=name, rename_to=_new_name(stream, read_user_name))
    if stream.take("SET"):
        parameter = ".".join(stream.name(2))
        stream.expect_any("TO", "=")
        values = read_values(stream)
        return AlterUser(name=name, set_parameter=parameter, set_value=None if values is None else ", ".join(values))
    if stream.at("RESET") and not stream.at("RESET", "SESSION", "TIMEOUT"):
        stream.advance()
        parameter = "all" if stream.take("ALL") else ".".join(stream.name(2))
        return AlterUser(name=name, reset_parameter=parameter)
    stream.take("WITH")
    if stream.ended:
        stream.fail()
    return AlterUser(name=name, options=_options(stream, creating=False))


def _options(stream: Stream, *, creating: bool) -> UserOptions:
    options = UserOptions()
    while not stream.ended:
        options = (
            _secret(stream, options)
            or _permission(stream, options)
            or _limit(stream, options)
            or (_membership(stream, options) if creating else _login(stream, options))
            or stream.fail()
        )
    return options


def _secret(stream: Stream, given: UserOptions) -> UserOptions | None:
    stream.take_any("ENCRYPTED", "UNENCRYPTED")
    if not stream.take("PASSWORD"):
        return None
    if stream.take("DISABLE") or stream.take("NULL"):
        return replace(given, password=None, password_disabled=True)
    return replace(given, password=stream.string(), password_disabled=False)


def _permission(stream: Stream, given: UserOptions) -> UserOptions | None:
    if choice := stream.take_any("CREATEDB", "NOCREATEDB"):
        return replace(given, createdb=choice == "CREATEDB")
    if choice := stream.take_any("CREATEUSER", "NOCREATEUSER"):
        return replace(given, createuser=choice == "CREATEUSER")
    if stream.take("SYSLOG", "ACCESS"):
        return replace(given, syslog_unrestricted=stream.expect_any("RESTRICTED", "UNRESTRICTED") == "UNRESTRICTED")
    return None


def _limit(stream: Stream, given: UserOptions) -> UserOptions | None:
    if stream.take("VALID", "UNTIL"):
        return replace(given, valid_until=stream.string())
    if stream.take("CONNECTION", "LIMIT"):
        return replace(given, connection_limit=read_limit(stream))
    if stream.take("SESSION", "TIMEOUT"):
        return replace(given, session_timeout_s=_session_timeout(stream))
    if stream.take("RESET", "SESSION", "TIMEOUT"):
        return replace(given, session_timeout_s=0)
    if stream.take("EXTERNALID"):
        stream.take("TO")
        return replace(given, external_id=_external_id(stream))
    return None


def _login(stream: Stream, given: UserOptions) -> UserOptions | None:
    choice = stream.take_any("LOGIN", "NOLOGIN")
    return replace(given, login=choice == "LOGIN") if choice else None


def _session_timeout(stream: Stream) -> int:
    """CREATE USER: 60 seconds to 20 days."""
    position = stream.position
    seconds = stream.integer()
    if not 60 <= seconds <= 1_728_000:
        raise SqlError(
            SqlState.INVALID_PARAMETER_VALUE, "session timeout must be between 60 and 1728000", position=position
        )
    return seconds


def _external_id(stream: Stream) -> str:
    return stream.string() if stream.at_string() else stream.identifier()


def _membership(stream: Stream, given: UserOptions) -> UserOptions | None:
    if not stream.take("IN", "GROUP"):
        return None
    return replace(given, groups=given.groups + stream.identifiers())


def read_drop_user(stream: Stream) -> DropUser:
    """Take what follows DROP USER."""
    if_exists = stream.take("IF", "EXISTS")
    names = [read_user_name(stream)]
    while stream.take(","):
        names.append(read_user_name(stream))
    return DropUser(names=tuple(names), if_exists=if_exists)


def read_create_group(stream: Stream) -> CreateGroup:
    """Take what follows CREATE GROUP."""
    name = _new_name(stream)
    if stream.take("WITH"):
        stream.expect("USER")
        return CreateGroup(name=name, users=stream.users())
    return CreateGroup(name=name, users=stream.users() if stream.take("USER") else ())


def read_alter_group(stream: Stream) -> AlterGroup:
    """Take what follows ALTER GROUP."""
    name = stream.identifier()
    if stream.take("ADD", "USER"):
        return AlterGroup(name=name, add_users=stream.users())
    if stream.take("DROP", "USER"):
        return AlterGroup(name=name, drop_users=stream.users())
    stream.expect("RENAME", "TO")
    return AlterGroup(name=name, rename_to=_new_name(stream))


def read_drop_group(stream: Stream) -> DropGroup:
    """Take what follows DROP GROUP."""
    return DropGroup(name=stream.identifier())


def read_create_role(stream: Stream) -> CreateRole:
    """Take what follows CREATE ROLE."""
    name = _new_name(stream)
    return CreateRole(name=name, external_id=_external_id(stream) if stream.take("EXTERNALID") else None)


def read_alter_role(stream: Stream) -> AlterRole:
    """Take what follows ALTER ROLE."""
    role = AlterRole(name=stream.identifier())
    stream.take("WITH")
    if stream.ended:
        stream.fail()
    while choice := stream.take_any("RENAME", "OWNER", "EXTERNALID"):
        if choice == "EXTERNALID":
            stream.take("TO")
            role = replace(role, external_id=_external_id(stream))
            continue
        stream.expect("TO")
        if choice == "RENAME":
            role = replace(role, rename_to=stream.identifier())
        else:
            role = replace(role, owner=stream.user())
    return role


def read_drop_role(stream: Stream) -> DropRole:
    """Take what follows DROP ROLE."""
    name = stream.identifier()
    return DropRole(name=name, force=stream.take_any("FORCE", "RESTRICT") == "FORCE")
