"""Users of identity providers: whom a token lets in, and the users and roles that are made for it.

Redshift, "Native identity provider (IdP) federation": a user is made when it first comes, a role for each of its groups
where the provider says so; a session holds the roles of the groups that its token names, and no others' tokens'.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from auth.exchange import Entry
from auth.tokens import METHOD, Claims, Issuers, TokenError
from catalog.identity import IdentityProvider, identity_providers
from catalog.roles import role
from core.clock import Clock
from core.names import quote
from session.internal import run_as_system
from session.warehouse import Warehouse

if TYPE_CHECKING:
    from session.sessions import SessionFactory

_APPLICATION: Final = "duckshift-idp"
_NAME_BYTES: Final = 127


def judge(warehouse: Warehouse, issuers: Issuers, clock: Clock, provider: str) -> Callable[[str], Entry]:
    """Return what lets a token's bearer in, by *provider* if one is named; it raises ``TokenError``."""

    def entry(token: str) -> Entry:
        claims = issuers.claims(token, clock)
        return _entry(_provider(warehouse, claims, provider), claims)

    return entry


async def admit(warehouse: Warehouse, sessions: "SessionFactory", entry: Entry, database: str) -> Entry:
    """Make the user and the roles that *entry* needs, and return it with the roles that there are."""
    if _missing(warehouse, entry):
        async with sessions.admitting:
            await run_as_system(warehouse, sessions, database, _APPLICATION, _missing(warehouse, entry))
    state = warehouse.store.state
    return replace(entry, roles=tuple(name for name in entry.roles if role(state, name) is not None))


def _missing(warehouse: Warehouse, entry: Entry) -> list[str]:
    """Return the statements that make what *entry* needs and is not there."""
    state = warehouse.store.state
    statements = [f"CREATE ROLE {quote(name)}" for name in entry.new_roles if role(state, name) is None]
    if state.user(entry.user) is None:
        statements.append(f"CREATE USER {quote(entry.user)} PASSWORD DISABLE")
    return statements


def _provider(warehouse: Warehouse, claims: Claims, name: str) -> IdentityProvider:
    for each in identity_providers(warehouse.store.state):
        audiences = each.audiences or (each.client_id,)
        meant = not name or name.lower() == each.name.lower()
        if meant and each.enabled and each.issuer == claims.issuer and claims.audiences & set(audiences):
            return each
    raise TokenError("no identity provider takes it")


def _entry(provider: IdentityProvider, claims: Claims) -> Entry:
    user = _local(provider, claims.user)
    if user is None:
        raise TokenError("the name cannot be a user's")
    groups = {group: name for group in claims.groups if (name := _local(provider, group)) is not None}
    made = [name for group, name in groups.items() if provider.makes_roles and _wanted(provider, group)]
    return Entry(user, method=METHOD, roles=tuple(groups.values()), makes=True, new_roles=tuple(made))


def _local(provider: IdentityProvider, name: str) -> str | None:
    local = provider.local(name)
    return local if local.isprintable() and len(local.encode()) <= _NAME_BYTES else None


def _wanted(provider: IdentityProvider, group: str) -> bool:
    if not provider.groups:
        return True
    pattern = "".join({"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in provider.groups)
    return (re.fullmatch(pattern, group, re.DOTALL) is not None) is not provider.excludes
