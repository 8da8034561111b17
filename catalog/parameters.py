"""What ALTER SYSTEM set for the whole cluster, as immutable values.

Redshift, "ALTER SYSTEM", "max_failed_login_attempts".
"""

from dataclasses import dataclass
from typing import Final

from catalog.model import CatalogState, Kind

FAILED_LOGINS: Final = "max_failed_login_attempts"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemParameter:
    """One parameter of the cluster that is not what it began with."""

    oid: int
    name: str
    value: str

    kind = Kind.SYSTEM_PARAMETER


def system_parameter(state: CatalogState, name: str) -> SystemParameter | None:
    """Return what ALTER SYSTEM set *name* to, None where it did not."""
    found = state.objects.get(state.names.get((Kind.SYSTEM_PARAMETER, 0, name), -1))
    return found if isinstance(found, SystemParameter) else None
