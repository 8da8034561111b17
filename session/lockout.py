"""Who is locked out, and for how many wrong passwords: ``auth.lockout`` over the catalog and all servers of a lake.

Superusers are not locked by wrong passwords: else anybody who reaches the port could lock out whoever could unlock.
"""

from typing import TYPE_CHECKING

from auth.lockout import ATTEMPTS
from catalog.model import CatalogState, User
from catalog.parameters import FAILED_LOGINS, system_parameter

if TYPE_CHECKING:
    from session.warehouse import Warehouse


def shown(state: CatalogState) -> dict[str, str]:
    """Return the parameter as a new session shows it."""
    said = system_parameter(state, FAILED_LOGINS)
    return {} if said is None else {FAILED_LOGINS: said.value}


def account(warehouse: "Warehouse", name: str) -> User | None:
    """Return the user called *name*, None where there is none or it is locked: nothing tells the two apart."""
    user = warehouse.store.state.user(name)
    return None if user is None or is_locked(warehouse, user) else user


def is_locked(warehouse: "Warehouse", user: User) -> bool:
    """Tell whether *user* may not log in."""
    return user.locked is not None or warehouse.lockouts.of(user.oid).locked is not None


def failed(warehouse: "Warehouse", name: str) -> None:
    """Count a wrong password of the user called *name*."""
    user = warehouse.store.state.user(name)
    if user is not None:
        said = system_parameter(warehouse.store.state, FAILED_LOGINS)
        most = int(said.value) if said is not None else ATTEMPTS
        allowed = None if user.superuser else most
        warehouse.lockouts.failed(user.oid, warehouse.clock.now(), allowed)
        if warehouse.fleet is not None:
            warehouse.fleet.presence.failed(user.oid, allowed)


def forgiven(warehouse: "Warehouse", user: int) -> None:
    """Take note of a right password of *user* (OID), or that it was let in again."""
    if warehouse.lockouts.of(user).count and warehouse.fleet is not None:
        warehouse.fleet.presence.forgiven(user)
    warehouse.lockouts.forget(user)


async def settled(warehouse: "Warehouse") -> None:
    """Wait until the other servers of the lake count the passwords that were given here."""
    if warehouse.fleet is not None:
        await warehouse.fleet.presence.settled()


async def informed(warehouse: "Warehouse") -> None:
    """Learn what wrong passwords were given to other servers of the lake; raises 08006."""
    if warehouse.fleet is not None:
        warehouse.lockouts.replace(await warehouse.fleet.presence.failures())
