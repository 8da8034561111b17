"""Which method of authentication a connection must use: rules by address, user, database and encryption.

A rule is written as a line of PostgreSQL's pg_hba.conf, ``host DATABASE USER ADDRESS METHOD``; the first that
fits decides. What the methods do is ``auth.methods``' business.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from core.errors import SqlError
from core.sqlstate import SqlState

Encryption = Literal["any", "on", "off"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
ALL: Final = "all"
METHOD_NAMES: Final = ("auto", "scram-sha-256", "md5", "password", "reject")
_FIELDS: Final = 5
_CONNECTION: Final[dict[str, Encryption]] = {"host": "any", "hostssl": "on", "hostnossl": "off"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Whom it is for, and the method."""

    encryption: Encryption = "any"
    databases: frozenset[str] = frozenset({ALL})
    users: frozenset[str] = frozenset({ALL})
    network: Network | None = None
    """None fits every address."""
    method: str = "auto"

    def fits(self, *, peer: str, user: str, database: str, encrypted: bool) -> bool:
        """Tell whether the rule is for this connection."""
        return (
            self.encryption in {"any", "on" if encrypted else "off"}
            and not self.databases.isdisjoint({ALL, database})
            and not self.users.isdisjoint({ALL, user})
            and (self.network is None or _within(peer, self.network))
        )


DEFAULT_RULES: Final = (Rule(),)


def find(rules: Iterable[Rule], *, peer: str, user: str, database: str, encrypted: bool) -> Rule | None:
    """Return the first rule that fits."""
    return next(
        (rule for rule in rules if rule.fits(peer=peer, user=user, database=database, encrypted=encrypted)), None
    )


def read_rules(lines: Iterable[str]) -> tuple[Rule, ...]:
    """Return the rules that *lines* tell; raises F0000 naming the line that cannot be read."""
    rules: list[Rule] = []
    for number, line in enumerate(lines, start=1):
        fields = line.partition("#")[0].split()
        if fields:
            rules.append(_rule(fields, number))
    return tuple(rules)


def _rule(fields: list[str], number: int) -> Rule:
    if len(fields) != _FIELDS:
        raise _unreadable(number, "expected: host DATABASE USER ADDRESS METHOD")
    connection, databases, users, address, method = fields
    if connection not in _CONNECTION:
        raise _unreadable(number, f'"{connection}" is none of {", ".join(_CONNECTION)}')
    if method not in METHOD_NAMES:
        raise _unreadable(number, f'"{method}" is none of {", ".join(METHOD_NAMES)}')
    return Rule(
        encryption=_CONNECTION[connection],
        databases=_names(databases, number),
        users=_names(users, number),
        network=None if address == ALL else _network(address, number),
        method=method,
    )


def _names(field: str, number: int) -> frozenset[str]:
    names = frozenset(name.strip('"') for name in field.split(","))
    if "" in names or any(name[0] in "+@/" for name in names):
        raise _unreadable(number, f'"{field}" is no list of names')
    return names


def _network(address: str, number: int) -> Network:
    try:
        return ipaddress.ip_network(address)
    except ValueError:
        raise _unreadable(number, f'"{address}" is neither an address, a network nor "all"') from None


def _within(peer: str, network: Network) -> bool:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.version == network.version and address in network


def _unreadable(number: int, reason: str) -> SqlError:
    return SqlError(SqlState.CONFIG_FILE_ERROR, f"authentication rule {number}: {reason}")
