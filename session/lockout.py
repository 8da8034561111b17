"""Who is locked out, and for how many wrong passwords: ``auth.lockout`` over the catalog.

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
        warehouse.lockouts.failed(user.oid, warehouse.clock.now(), None if user.superuser else most)
