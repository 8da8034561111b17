"""Identity providers, as immutable values: whose tokens let users in, and what these users and roles are called.

Redshift, "CREATE IDENTITY PROVIDER", "Native identity provider (IdP) federation". A token's user ``ann@example.com`` is
the database user ``namespace:ann@example.com``, its group ``sales`` the role ``namespace:sales``.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from catalog.model import CatalogState, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityProvider:
    """One provider."""

    oid: int
    name: str
    type: str
    """``azure``: claims are named as Microsoft Entra ID names them."""
    namespace: str
    issuer: str
    audiences: tuple[str, ...] = ()
    client_id: str = ""
    enabled: bool = True
    makes_roles: bool = True
    """AUTO_CREATE_ROLES: whether roles are made for groups that have none yet."""
    groups: str = ""
    """LIKE pattern of the groups that roles are made for, or, if ``excludes``, are not made for; empty is all."""
    excludes: bool = False

    kind = Kind.IDENTITY_PROVIDER

    @property
    def parameters(self) -> str:
        """The parameters as they are shown, JSON."""
        values: dict[str, object] = {"issuer": self.issuer}
        if self.client_id:
            values["client_id"] = self.client_id
        return json.dumps(values | {"audience": list(self.audiences)}, separators=(",", ":"))

    def local(self, name: str) -> str:
        """Return the database's name of the provider's user or group *name*."""
        return f"{self.namespace}:{name}".lower()


def identity_provider(state: CatalogState, name: str) -> IdentityProvider | None:
    """Return the provider called *name*."""
    found = state.objects.get(state.names.get((Kind.IDENTITY_PROVIDER, 0, name), -1))
    return found if isinstance(found, IdentityProvider) else None


def row(provider: IdentityProvider) -> list[int | str | bool]:
    """Return what SVV_IDENTITY_PROVIDERS and DESC show of a provider."""
    return [
        provider.oid, provider.name, provider.type, "", provider.namespace, provider.parameters, provider.enabled
    ]  # fmt: skip


def identity_providers(state: CatalogState) -> Iterable[IdentityProvider]:
    """Return all providers."""
    return state.of(IdentityProvider)
