"""CREATE, ALTER, DROP and DESC IDENTITY PROVIDER: superusers only.

Redshift, "CREATE IDENTITY PROVIDER" and its like.
"""

from dataclasses import replace
from typing import Final

from catalog.identity import IdentityProvider, identity_provider, identity_providers, row
from catalog.roles import roles
from core.errors import SqlError, notice
from core.sqlstate import SqlState
from session.answers import Value
from session.context import Work
from session.locks import Mode
from session.statements.roles import drop_role
from session.statements.users import drop_user
from sql.commands.identity import (
    AlterIdentityProvider,
    CreateIdentityProvider,
    DropIdentityProvider,
    Parameters,
    RoleMaking,
)
from sql.commands.users import DropRole, DropUser

_LOCK: Final = ("identity", "providers")


async def create_identity_provider(work: Work, command: CreateIdentityProvider) -> str:
    """CREATE IDENTITY PROVIDER."""
    await _lock(work)
    if identity_provider(work.state, command.name) is not None:
        raise SqlError(SqlState.DUPLICATE_OBJECT, f'identity provider "{command.name}" already exists')
    provider = IdentityProvider(
        oid=work.next_oid(), name=command.name, type=command.type, namespace=command.namespace, issuer=""
    )
    provider = _with_roles(_with_parameters(provider, command.parameters), command.roles)
    _check_namespace(work, provider)
    work.change(provider)
    return "CREATE IDENTITY PROVIDER"


async def alter_identity_provider(work: Work, command: AlterIdentityProvider) -> str:
    """ALTER IDENTITY PROVIDER."""
    await _lock(work)
    provider = _known(work, command.name)
    if command.parameters is not None:
        provider = _with_parameters(provider, command.parameters)
    if command.roles is not None:
        provider = _with_roles(provider, command.roles)
    if command.enabled is not None:
        provider = replace(provider, enabled=command.enabled)
    if command.namespace is not None:
        provider = replace(provider, namespace=command.namespace)
        _check_namespace(work, provider)
    work.change(provider)
    return "ALTER IDENTITY PROVIDER"


async def drop_identity_provider(work: Work, command: DropIdentityProvider) -> str:
    """DROP IDENTITY PROVIDER: with CASCADE its users and roles too."""
    await _lock(work)
    provider = identity_provider(work.state, command.name)
    if provider is None:
        if command.if_exists:
            work.notice(notice(f'identity provider "{command.name}" does not exist, skipping'))
            return "DROP IDENTITY PROVIDER"
        raise _missing(command.name)
    prefix = provider.local("")
    users = [user.name for user in work.state.users() if user.name.startswith(prefix)]
    held = [role.name for role in roles(work.state) if role.name.startswith(prefix)]
    if (users or held) and not command.cascade:
        raise SqlError(
            SqlState.DEPENDENT_OBJECTS_STILL_EXIST,
            f'identity provider "{provider.name}" cannot be dropped because users or roles depend on it',
            hint="Use DROP IDENTITY PROVIDER ... CASCADE to drop them too.",
        )
    for name in held:
        await drop_role(work, DropRole(name=name, force=True))
    if users:
        await drop_user(work, DropUser(names=tuple(users)))
    work.change(drops=(provider.oid,))
    return "DROP IDENTITY PROVIDER"


def described(work: Work, name: str) -> list[list[Value]]:
    """Return the row of DESC IDENTITY PROVIDER; raises 42501, 42704."""
    _require(work)
    return [list(row(_known(work, name)))]


async def _lock(work: Work) -> None:
    _require(work)
    await work.tx.lock(_LOCK, Mode.ACCESS_EXCLUSIVE)


def _require(work: Work) -> None:
    if not work.principal.superuser:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, "must be superuser to manage identity providers")


def _known(work: Work, name: str) -> IdentityProvider:
    found = identity_provider(work.state, name)
    if found is None:
        raise _missing(name)
    return found


def _missing(name: str) -> SqlError:
    return SqlError(SqlState.UNDEFINED_OBJECT, f'identity provider "{name}" does not exist')


def _with_parameters(provider: IdentityProvider, given: Parameters) -> IdentityProvider:
    return replace(provider, issuer=given.issuer, audiences=given.audiences, client_id=given.client_id)


def _with_roles(provider: IdentityProvider, given: RoleMaking) -> IdentityProvider:
    return replace(provider, makes_roles=given.on, groups=given.groups, excludes=given.excludes)


def _check_namespace(work: Work, provider: IdentityProvider) -> None:
    if not provider.namespace or ":" in provider.namespace:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f"invalid namespace '{provider.namespace}'")
    taken = {each.namespace.lower() for each in identity_providers(work.state) if each.oid != provider.oid}
    # Who may call users as it likes must not call them as another does, nor as IAM's are called.
    if provider.namespace.lower() in taken | {"iam", "iama", "iamr"}:
        raise SqlError(SqlState.DUPLICATE_OBJECT, f"the namespace '{provider.namespace}' is in use")
