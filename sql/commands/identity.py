"""CREATE, ALTER and DROP IDENTITY PROVIDER.

Redshift, "CREATE IDENTITY PROVIDER", "ALTER IDENTITY PROVIDER", "DROP IDENTITY PROVIDER".
"""

import json
from dataclasses import dataclass
from typing import Any, Final

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from sql.stream import Stream

_AZURE: Final = "azure"
_SWITCH: Final = ("TRUE", "FALSE", "ON", "OFF")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The JSON of PARAMETERS; a client's secret is not kept, as tokens are verified by their signature."""

    issuer: str
    audiences: tuple[str, ...]
    client_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleMaking:
    """AUTO_CREATE_ROLES [TRUE [INCLUDE | EXCLUDE GROUPS LIKE pattern] | FALSE]."""

    on: bool
    groups: str = ""
    excludes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateIdentityProvider:
    """CREATE IDENTITY PROVIDER name TYPE type NAMESPACE namespace PARAMETERS json [AUTO_CREATE_ROLES …]."""

    name: str
    type: str
    namespace: str
    parameters: Parameters
    roles: RoleMaking


@dataclass(frozen=True, slots=True, kw_only=True)
class AlterIdentityProvider:
    """ALTER IDENTITY PROVIDER name [PARAMETERS json] [NAMESPACE namespace] [AUTO_CREATE_ROLES …] [ENABLE | DISABLE]."""

    name: str
    namespace: str | None = None
    parameters: Parameters | None = None
    roles: RoleMaking | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DropIdentityProvider:
    """DROP IDENTITY PROVIDER [IF EXISTS] name [CASCADE]."""

    name: str
    if_exists: bool = False
    cascade: bool = False


def read_create_identity_provider(stream: Stream) -> CreateIdentityProvider:
    """Take what follows CREATE IDENTITY."""
    stream.expect("PROVIDER")
    name = stream.identifier()
    stream.expect("TYPE")
    kind = stream.identifier()
    if kind != _AZURE:
        raise not_supported(f"identity providers of type {kind.upper()}")
    stream.expect("NAMESPACE")
    namespace = stream.string()
    parameters, roles = None, RoleMaking(on=True)
    while choice := stream.take_any("PARAMETERS", "AUTO_CREATE_ROLES"):
        if choice == "PARAMETERS":
            parameters = _parameters(stream.string())
        else:
            roles = _roles(stream)
    if parameters is None:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, "an identity provider needs PARAMETERS with its issuer")
    return CreateIdentityProvider(name=name, type=kind, namespace=namespace, parameters=parameters, roles=roles)


def read_alter_identity_provider(stream: Stream) -> AlterIdentityProvider:
    """Take what follows ALTER IDENTITY."""
    stream.expect("PROVIDER")
    name = stream.identifier()
    if stream.ended:
        stream.fail()
    given: dict[str, Any] = {}
    while choice := stream.take_any("PARAMETERS", "NAMESPACE", "AUTO_CREATE_ROLES", "ENABLE", "DISABLE"):
        if choice == "PARAMETERS":
            given["parameters"] = _parameters(stream.string())
        elif choice == "NAMESPACE":
            given["namespace"] = stream.string()
        elif choice == "AUTO_CREATE_ROLES":
            given["roles"] = _roles(stream)
        else:
            given["enabled"] = choice == "ENABLE"
    return AlterIdentityProvider(name=name, **given)


def read_drop_identity_provider(stream: Stream) -> DropIdentityProvider:
    """Take what follows DROP IDENTITY."""
    stream.expect("PROVIDER")
    if_exists = stream.take("IF", "EXISTS")
    return DropIdentityProvider(name=stream.identifier(), if_exists=if_exists, cascade=stream.take("CASCADE"))


def _roles(stream: Stream) -> RoleMaking:
    if stream.take_any(*_SWITCH) in {"FALSE", "OFF"}:
        return RoleMaking(on=False)
    choice = stream.take_any("INCLUDE", "EXCLUDE")
    if not choice:
        return RoleMaking(on=True)
    stream.expect("GROUPS", "LIKE")
    return RoleMaking(on=True, groups=stream.string(), excludes=choice == "EXCLUDE")


def _parameters(text: str) -> Parameters:
    try:
        values = json.loads(text)
    except ValueError:
        raise _invalid("is no JSON object") from None
    if not isinstance(values, dict):
        raise _invalid("is no JSON object")
    issuer, audience = values.get("issuer"), values.get("audience", [])
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(issuer, str) or not issuer:
        raise _invalid("names no issuer")
    if not isinstance(audiences, list) or not all(isinstance(one, str) for one in audiences):
        raise _invalid("has an audience that is no list of texts")
    client = values.get("client_id", "")
    if not audiences and not client:
        # A token for anybody would be a key to this door.
        raise _invalid("names no audience")
    return Parameters(issuer=issuer, audiences=tuple(audiences), client_id=str(client))


def _invalid(what: str) -> SqlError:
    return SqlError(SqlState.INVALID_PARAMETER_VALUE, f"the PARAMETERS of an identity provider: the text {what}")
