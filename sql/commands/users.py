"""CREATE, ALTER and DROP of users, groups and roles.

Redshift, "CREATE USER", "ALTER USER", "DROP USER" and the same of GROUP and ROLE. What a password must
look like is decided by ``auth.passwords``.
"""

from dataclasses import dataclass, field


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
