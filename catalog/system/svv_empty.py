"""SVV views of the right shape in which nothing ever is: what duckshift has none of (yet).

Redshift, "SVV metadata views".
"""

from typing import Final

from catalog.system.spec import SystemView, columns

# fmt: off
_SHAPES: Final = (
    (4_220, "svv_alter_table_recommendations", "type bpchar(30), database bpchar(128), table_id int4, group_id int4, ddl bpchar(1024), auto_eligible bpchar(1)"),
    (4_227, "svv_ml_model_info", "schema_name bpchar(128), user_name bpchar(128), model_name bpchar(128), life_cycle bpchar(20), is_refreshable int4, model_state bpchar(128)"),
)
# fmt: on

ROWS: Final = tuple(
    SystemView(schema="pg_catalog", name=name, oid=oid, columns=columns(shape), doc=f"Redshift, {name.upper()}")
    for oid, name, shape in _SHAPES
)
