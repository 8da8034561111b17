"""Identity providers in the system catalogs.

Redshift, "SVV_IDENTITY_PROVIDERS": superusers only.
"""

from typing import Final

import pyarrow as pa

from catalog.identity import identity_providers, row
from catalog.model import CatalogState
from catalog.system.build import Live, table
from catalog.system.spec import SystemView, columns

SHAPE: Final = "uid int4, name text, type text, instanceid text, namespc text, params text, enabled bool"


def providers(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_identity_providers."""
    return table("sys_identity_providers", [tuple(row(each)) for each in identity_providers(state)])


ROWS: Final = (
    SystemView(
        schema="pg_catalog",
        name="svv_identity_providers",
        oid=4_218,
        columns=columns(SHAPE),
        query="SELECT * FROM sys_identity_providers",
        visible="superuser",
        doc="Redshift, SVV_IDENTITY_PROVIDERS",
    ),
)
