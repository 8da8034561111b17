"""Every system view, by schema and name."""

from typing import Final

from catalog.system import (
    identity,
    information_schema,
    integrations,
    loads,
    pg_cluster,
    pg_empty,
    pg_relations,
    pg_types,
    policies,
    shares,
    steps,
    stl,
    stv,
    svl,
    svv,
    svv_empty,
    svv_external,
    svv_roles,
    sys_views,
    unused,
    wlm,
)
from catalog.system.spec import SystemView

ROWS: Final[tuple[SystemView, ...]] = (
    *pg_relations.ROWS,
    *pg_types.ROWS,
    *pg_cluster.ROWS,
    *pg_empty.ROWS,
    *information_schema.ROWS,
    *svv.ROWS,
    *svv_empty.ROWS,
    *svv_external.ROWS,
    *svv_roles.ROWS,
    *policies.ROWS,
    *shares.ROWS,
    *identity.ROWS,
    *integrations.ROWS,
    *stl.ROWS,
    *stv.ROWS,
    *svl.ROWS,
    *sys_views.ROWS,
    *loads.ROWS,
    *steps.ROWS,
    *wlm.ROWS,
    *unused.ROWS,
)
VIEWS: Final[dict[tuple[str, str], SystemView]] = {(row.schema, row.name): row for row in ROWS}
"""(schema, name) → view."""
