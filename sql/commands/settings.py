"""SET, RESET, SHOW parameter, SET SESSION AUTHORIZATION.

Redshift, "SET", "RESET", "SHOW", "SET SESSION AUTHORIZATION".
"""

from dataclasses import dataclass

from sql.commands.databases import Use
from sql.commands.transactions import SetTransaction, read_characteristics
from sql.commands.unsupported import Unsupported
from sql.stream import Stream
from sql.tokens import TokenKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """SET [SESSION | LOCAL] name {TO | =} value[, …].

    SET TIME ZONE sets ``timezone``, SET NAMES ``client_encoding``, SET SEED ``seed``.
    """

    name: str
    """Folded; ``a.b`` for a session context variable."""
    values: tuple[str, ...] | None
    """Strings read, words folded, numbers as written; None is DEFAULT."""
    local: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """RESET name; None is ALL."""

    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowSetting:
    """SHOW name; None is ALL. SHOW TIME ZONE and TRANSACTION ISOLATION LEVEL give their parameters' names."""

    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSessionAuthorization:
    """SET [SESSION | LOCAL] SESSION AUTHORIZATION user; None is DEFAULT, RESET SESSION AUTHORIZATION too."""

    user: str | None
    local: bool = False


def read_set(stream: Stream) -> Set | SetTransaction | SetSessionAuthorization:
    """Take SET in all its forms."""
    stream.expect("SET")
    if stream.take("TRANSACTION"):
        return read_characteristics(stream, session=False)
    if stream.take("SESSION", "CHARACTERISTICS", "AS", "TRANSACTION"):
        return read_characteristics(stream, session=True)
    local = _scope(stream)
    if stream.take("SESSION", "AUTHORIZATION"):
        return SetSessionAuthorization(user=_user(stream), local=local)
    if special := _special(stream, local=local):
        return special
    name = ".".join(stream.name(2))
    stream.expect_any("TO", "=")
    return Set(name=name, values=read_values(stream), local=local)


def _scope(stream: Stream) -> bool:
    """Take SESSION or LOCAL before a name; return whether it is LOCAL."""
    if stream.at("SESSION", "AUTHORIZATION"):
        return False
    return stream.take_any("SESSION", "LOCAL") == "LOCAL"


def _user(stream: Stream) -> str | None:
    if stream.take("DEFAULT"):
        return None
    return stream.string() if stream.at_string() else stream.user()


def _special(stream: Stream, *, local: bool) -> Set | None:
    if stream.take("TIME", "ZONE"):
        return Set(name="timezone", values=_time_zone(stream), local=local)
    if stream.take("NAMES"):
        values = None if stream.ended or stream.take("DEFAULT") else (_value(stream),)
        return Set(name="client_encoding", values=values, local=local)
    if stream.take("XML", "OPTION"):
        return Set(name="xmloption", values=(_value(stream),), local=local)
    return None


def _time_zone(stream: Stream) -> tuple[str, ...] | None:
    if stream.take_any("LOCAL", "DEFAULT"):
        return None
    if stream.take("INTERVAL"):
        zone = stream.string()
        stream.take("HOUR", "TO", "MINUTE")
        return (zone,)
    return (_value(stream),)


def read_values(stream: Stream) -> tuple[str, ...] | None:
    """Take a parameter's values, commas between; None is DEFAULT."""
    if stream.take("DEFAULT"):
        return None
    values = [_value(stream)]
    while stream.take(","):
        values.append(_value(stream))
    return tuple(values)


def _value(stream: Stream) -> str:
    sign = stream.take_any("-", "+")
    token = stream.token
    if token.kind is TokenKind.NUMBER:
        return ("-" if sign == "-" else "") + stream.advance().value
    if sign or token.kind not in {TokenKind.STRING, TokenKind.WORD, TokenKind.QUOTED}:
        stream.fail()
    return stream.advance().value


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterSystem:
    """ALTER SYSTEM SET name = value."""

    name: str
    value: str


_OF_SYSTEM = frozenset({"max_failed_login_attempts"})


def read_alter_system(stream: Stream) -> AlterSystem | Unsupported:
    """Take what follows ALTER SYSTEM; parameters that only Redshift's clusters have are not there."""
    stream.expect("SET")
    name = stream.identifier()
    if name not in _OF_SYSTEM:
        stream.rest()
        return Unsupported(feature="ALTER SYSTEM")
    stream.expect_any("=", "TO")
    return AlterSystem(name=name, value=_value(stream))


def read_reset(stream: Stream) -> Reset | Use | SetSessionAuthorization:
    """Take RESET name, RESET ALL, RESET USE, RESET SESSION AUTHORIZATION."""
    stream.expect("RESET")
    if stream.take("ALL"):
        return Reset(name=None)
    if stream.take("USE"):
        return Use(database=None)
    if stream.take("SESSION", "AUTHORIZATION"):
        return SetSessionAuthorization(user=None)
    if stream.take("TIME", "ZONE"):
        return Reset(name="timezone")
    return Reset(name=".".join(stream.name(2)))


def read_show_setting(stream: Stream) -> ShowSetting:
    """Take what follows SHOW where it names a parameter."""
    if stream.take("ALL"):
        return ShowSetting(name=None)
    if stream.take("TIME", "ZONE"):
        return ShowSetting(name="timezone")
    if stream.take("TRANSACTION", "ISOLATION", "LEVEL"):
        return ShowSetting(name="transaction_isolation")
    if stream.take("SESSION", "AUTHORIZATION"):
        return ShowSetting(name="session_authorization")
    return ShowSetting(name=".".join(stream.name(2)))
