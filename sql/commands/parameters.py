"""Reading the parameters of COPY and UNLOAD, as the rows of ``sql.options`` say.

An unknown word is a syntax error there; a parameter given twice or with a format that it does not go with is
refused as Redshift does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from sql.options import Argument, Given, Option, Value
from sql.stream import Stream
from sql.tokens import TokenKind, unescape


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """How a COPY or UNLOAD proves who it is. One of the forms is given."""

    iam_roles: tuple[str, ...] = ()
    """ARNs of a chain, or ``default``, or ``SESSION``."""
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    master_symmetric_key: str | None = field(default=None, repr=False)


def read_parameters(
    stream: Stream, options: tuple[Option, ...], command: str, *, until: tuple[str, ...] = ("",)
) -> tuple[Given, Credentials]:
    """Take parameters to the end of the statement, or up to the words *until*, in any order."""
    values: dict[str, Value] = {}
    given: list[tuple[Option, int]] = []
    while not stream.ended and not stream.at(*until):
        position = stream.position
        option = _option(stream, options)
        if option.status == "absent":
            raise not_supported(f"{command} {' '.join(option.keywords)}", position=position)
        if option.name in values or (option.sets_format and "format" in values):
            raise SqlError(SqlState.SYNTAX_ERROR, "conflicting or redundant options", position=position)
        before = option.argument is Argument.OPTIONAL_NUMBER and stream.take(option.modifier)
        values[option.name] = _argument(stream, option)
        if option.sets_format:
            values["format"] = option.sets_format
        if before or (option.modifier and stream.take(option.modifier)):
            values[f"{option.name}_{option.modifier.lower()}"] = True
        given.append((option, position))
    _check_formats(given, str(values.get("format", "text")), command)
    for option, position in given:
        _check_company(option, values, position)
        _check_bounds(option, values[option.name], position)
    credentials = _credentials(values)
    return Given({name: value for name, value in values.items() if name not in _CREDENTIALS}), credentials


def _option(stream: Stream, options: tuple[Option, ...]) -> Option:
    format_only = stream.take("FORMAT")
    if format_only:
        stream.take("AS")
    for option in options:
        if (option.sets_format or not format_only) and stream.take(*option.keywords):
            return option
    raise stream.failure()


def _check_formats(given: list[tuple[Option, int]], chosen: str, command: str) -> None:
    for option, position in given:
        if option.formats and chosen not in option.formats:
            message = _MISFITS.get((command, chosen), _MISFITS[command, ""])
            shown = _SHOWN.get(chosen, chosen.upper())
            raise SqlError(
                SqlState.FEATURE_NOT_SUPPORTED,
                message.format(name=" ".join(option.keywords), format=shown),
                position=position,
            )


_SHOWN: Final = {"text": "delimited text"}
_MISFITS: Final = {
    ("COPY", "csv"): "CSV is not compatible with {name}",
    ("COPY", ""): "{name} argument is not supported for {format} based COPY",
    ("UNLOAD", ""): "{name} is not supported for UNLOAD to {format}",
}
"""How Redshift says that a parameter does not go with a format."""


def _check_company(option: Option, values: Mapping[str, Value], position: int) -> None:
    """Refuse a parameter beside one that it does not go with, or without the one that it needs."""
    if option.needs and option.needs not in values:
        raise SqlError(SqlState.SYNTAX_ERROR, f"{_shown(option.name)} needs {_shown(option.needs)}", position=position)
    for other in sorted(option.without & values.keys()):
        raise SqlError(
            SqlState.SYNTAX_ERROR, f"{_shown(option.name)} cannot be used with {_shown(other)}", position=position
        )


def _shown(name: str) -> str:
    return name.upper().replace("ENCRYPTED_AUTO", "ENCRYPTED AUTO")


def _check_bounds(option: Option, value: Value, position: int) -> None:
    if option.within is None or not isinstance(value, int):
        return
    low, high = option.within
    if not low <= value <= high:
        show = _size_shown if option.argument is Argument.SIZE else str
        raise SqlError(
            SqlState.INVALID_PARAMETER_VALUE,
            f"{' '.join(option.keywords)} must be between {show(low)} and {show(high)}",
            position=position,
        )


def _size_shown(size: int) -> str:
    unit = "GB" if size >= _UNITS["GB"] else "MB"
    return f"{round(size / _UNITS[unit], 1):g} {unit}"


def _argument(stream: Stream, option: Option) -> Value:
    if option.argument is Argument.NONE:
        return True
    stream.take("AS")
    match option.argument:
        case Argument.INTEGER:
            return stream.integer()
        case Argument.COLUMNS:
            return stream.columns()
        case Argument.SIZE:
            return _size(stream)
        case Argument.SWITCH | Argument.PRESET:
            return _switch(stream, preset=option.argument is Argument.PRESET)
    return _text(stream, option)


def _text(stream: Stream, option: Option) -> str:
    token = stream.token
    if option.argument is Argument.OPTIONAL_STRING and not stream.at_string():
        return str(option.default)
    if option.argument is Argument.OPTIONAL_NUMBER and not stream.at_string():
        return stream.advance().value if token.kind is TokenKind.NUMBER else ""
    if option.argument is Argument.ROLE and stream.take("DEFAULT"):
        return "default"
    if option.argument is Argument.WORD and token.kind is TokenKind.WORD:
        return stream.advance().value
    value = stream.string()
    if option.argument is Argument.NULL_STRING and stream.text[token.start : token.end] == r"'\N'":
        # Redshift's manual writes NULL AS '\N' for the two characters, whatever string literals do elsewhere.
        return r"\N"
    if option.argument is Argument.CHARACTER and value.startswith("\\") and len(value) > 1:
        return unescape(value)
    return value


def _switch(stream: Stream, *, preset: bool) -> Value:
    if preset and stream.take("PRESET"):
        return "preset"
    on = stream.take_any("ON", "TRUE", "OFF", "FALSE") not in {"OFF", "FALSE"}
    return ("on" if on else "off") if preset else on


_UNITS: Final = {"MB": 1 << 20, "GB": 1 << 30, "KB": 1 << 10}


_SIZE_DIGITS: Final = 15


def _size(stream: Stream) -> int:
    token = stream.token
    if token.kind is not TokenKind.NUMBER or len(token.value) > _SIZE_DIGITS or "e" in token.value.lower():
        stream.fail()
    stream.advance()
    return int(float(token.value) * _UNITS[stream.take_any(*_UNITS) or "MB"])


_CREDENTIALS: Final = frozenset(
    {"iam_role", "access_key_id", "secret_access_key", "session_token", "credentials", "master_symmetric_key"}
)
_KEYS: Final = ("access_key_id", "secret_access_key", "session_token")
_WAYS: Final = {"iam_role": ("credentials", *_KEYS), "credentials": _KEYS}
"""Ways to prove who one is, of which one is chosen: what each excludes."""
_ALIASES: Final = (
    # name inside CREDENTIALS '…' → parameter
    ("aws_iam_role", "iam_role"),
    ("aws_access_key_id", "access_key_id"),
    ("aws_secret_access_key", "secret_access_key"),
    ("token", "session_token"),
    ("aws_session_token", "session_token"),
    ("master_symmetric_key", "master_symmetric_key"),
)
_PARAMETER: Final = dict(_ALIASES)


def _credentials(values: Mapping[str, Value]) -> Credentials:
    found = {name: str(value) for name, value in values.items() if name in _CREDENTIALS}
    for way, others in _WAYS.items():
        for other in (name for name in others if way in found and name in found):
            raise _invalid(f"{way.upper()} and {other.upper()} cannot be given together")
    if combined := found.pop("credentials", None):
        found |= _split(combined)
    roles = tuple(role.strip() for role in found.get("iam_role", "").split(",") if role.strip())
    if roles and "access_key_id" in found:
        raise _invalid("IAM_ROLE and ACCESS_KEY_ID cannot be given together")
    if ("access_key_id" in found) != ("secret_access_key" in found):
        raise _invalid("ACCESS_KEY_ID and SECRET_ACCESS_KEY must be given together")
    if "session_token" in found and "access_key_id" not in found:
        raise _invalid("SESSION_TOKEN needs ACCESS_KEY_ID and SECRET_ACCESS_KEY")
    return Credentials(
        iam_roles=roles,
        access_key_id=found.get("access_key_id"),
        secret_access_key=found.get("secret_access_key"),
        session_token=found.get("session_token"),
        master_symmetric_key=found.get("master_symmetric_key"),
    )


def _split(combined: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in combined.split(";"):
        name, equals, value = item.strip().partition("=")
        if not name and not equals:
            continue
        parameter = _PARAMETER.get(name.strip().lower())
        if parameter is None or not equals:
            raise _invalid("Expected 'name=value' pairs with a semicolon between them.")
        found[parameter] = value.strip()
    return found


def _invalid(detail: str) -> SqlError:
    return SqlError(SqlState.INVALID_PARAMETER_VALUE, "invalid credentials", detail=detail)
