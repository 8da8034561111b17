"""What may be asked of a new cluster or namespace: names, passwords, ports, roles, by the rules of Redshift's API."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from api.errors import ApiError, invalid
from api.hosting import Host

_IDENTIFIER: Final = re.compile(r"[a-z](?:[a-z0-9]|-(?=[a-z0-9])){0,62}")
_USER: Final = re.compile(r"[a-z][a-z0-9_+.@-]{0,127}")
_DATABASE: Final = re.compile(r"[a-z_][a-z0-9_$]{0,63}")
_PASSWORD: Final = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[!-~]{8,64}")
_PORTS: Final = range(1_024, 65_536)
_MANUAL_DAYS: Final = range(1, 3_654)
_FOR_EVER: Final = -1
_RESERVED: Final = frozenset({"public", "rdsdb"})


def identifier(name: str, what: str) -> str:
    """Return the identifier that *name* is; raises ``ApiError``."""
    folded = name.lower()
    if not _IDENTIFIER.fullmatch(folded):
        raise invalid(f"{what} must have 1 to 63 letters, digits and single hyphens, beginning with a letter.")
    return folded


def password(text: str, what: str) -> str:
    """Return *text* where it may be a password; raises ``ApiError``."""
    if not _PASSWORD.fullmatch(text) or set(text) & set("'\"\\/@ "):
        raise invalid(
            f"{what} must have 8 to 64 printable characters, a capital, a small letter and a "
            "digit, and none of ' \" \\ / @."
        )
    return text


def user(name: str, what: str) -> str:
    """Return *name* where it may be the first superuser's; raises ``ApiError``."""
    if not _USER.fullmatch(name) or name in _RESERVED:
        raise invalid(f"{what} must be a name in lower case that is not reserved.")
    return name


def database(name: str, what: str) -> str:
    """Return *name* where it may be the first database's; raises ``ApiError``."""
    if not _DATABASE.fullmatch(name):
        raise invalid(f"{what} must be a name in lower case of at most 64 characters.")
    return name


def port(host: Host, number: int | None) -> int:
    """Return the port that a cluster is to listen on, 0 where any will do; raises ``ApiError``."""
    if number is None:
        return 0
    if number not in _PORTS:
        raise invalid(f"The port must be between {_PORTS.start} and {_PORTS.stop - 1}.")
    if not host.port_is_free(number):
        raise invalid(f"Port {number} is in use.")
    return number


def roles(known: Iterable[str], asked: Iterable[str], default: str | None) -> tuple[tuple[str, ...], str]:
    """Return the roles to attach and the default one; raises ``ApiError`` for those that the server has not."""
    given = tuple(dict.fromkeys([*asked, *([default] if default else [])]))
    missing = sorted(set(given) - set(known))
    if missing:
        raise invalid(f"The IAM role {missing[0]} is not configured on this server ([roles.ARN]).")
    return given, default or ""


def manual_days(given: Mapping[str, Any]) -> int:
    """Return the days that a manual snapshot is to be kept, -1 for ever; raises ``ApiError``."""
    return manual(given.get("ManualSnapshotRetentionPeriod", _FOR_EVER))


def manual(days: int, fault: str = "InvalidRetentionPeriodFault") -> int:
    """Return *days* where a manual snapshot may be kept so long; raises ``ApiError``."""
    if days != _FOR_EVER and days not in _MANUAL_DAYS:
        raise ApiError(fault, "Manual snapshots are kept for 1 to 3653 days, or -1 for ever.")
    return days


def refuse(given: Mapping[str, Any], names: Iterable[str], code: str) -> None:
    """Raise the error *code* for the first of *names* that is asked for."""
    for name in sorted(names):
        if given.get(name):
            raise ApiError(code, f"{name} is not supported by this server.")


def moment(given: str | float) -> datetime:
    """Return the time that a request gives, as text or as seconds; raises ``ApiError``."""
    try:
        if isinstance(given, str):
            found = datetime.fromisoformat(given)
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        return datetime.fromtimestamp(given, UTC)
    except (ValueError, OverflowError, OSError):
        raise invalid(f"{given} is no time.") from None


def tags(given: Mapping[str, Any], key: str = "Key", value: str = "Value") -> tuple[tuple[str, str], ...]:
    """Return the tags of a request."""
    found = given.get("Tags") or given.get("tags") or ()
    return tuple((each.get(key, ""), each.get(value, "")) for each in found)
