"""Makes an Iceberg table as its own library does, in a Glue catalog: run by the environment pyiceberg.

Arguments: the endpoint of S3 and Glue, a key id, a secret.
"""

import datetime
import decimal
import sys

import pyarrow as pa
from pyiceberg.catalog import load_catalog
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import StringType

endpoint, key, secret = sys.argv[1:]
names = {"endpoint": endpoint, "region": "us-east-1", "access-key-id": key, "secret-access-key": secret}
settings = {f"{service}.{name}": value for service in ("glue", "s3") for name, value in names.items()}
catalog = load_catalog("glue", **{"type": "glue", "s3.force-virtual-addressing": False, **settings})
catalog.create_namespace("icedb")
moment = datetime.datetime(2020, 1, 1, 1, 2, 3)
rows = pa.table({
    "id": pa.array([1, 2, 3], pa.int64()),
    "name": ["a", "b", "c"],
    "price": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("3.00")], pa.decimal128(8, 2)),
    "day": [datetime.date(2020, 1, 1), datetime.date(2020, 1, 2), datetime.date(2020, 1, 3)],
    "at": pa.array([moment] * 3, pa.timestamp("us")),
    "tz": pa.array([moment.replace(tzinfo=datetime.UTC)] * 3, pa.timestamp("us", "UTC")),
    "s": [{"x": 1, "y": "q"}] * 3,
    "l": [[1, 2]] * 3,
    "m": pa.array([[("k", 1)]] * 3, pa.map_(pa.string(), pa.int32())),
})  # fmt: skip
items = catalog.create_table("icedb.items", schema=rows.schema, location="s3://lake/ice/items")
items.append(rows)
with items.update_schema() as update:
    update.rename_column("name", "title")
    update.add_column("extra", StringType())
items.append(pa.table({"id": pa.array([4], pa.int64()), "title": ["d"], "extra": ["more"]}))
items.delete("id = 2")
daily = catalog.create_table("icedb.daily", schema=rows.select(["id", "day"]).schema, location="s3://lake/ice/daily")
with daily.update_spec() as spec:
    spec.add_field("day", IdentityTransform(), "day_of")
daily.append(rows.select(["id", "day"]))
catalog.create_table("icedb.empty", schema=rows.select(["id"]).schema, location="s3://lake/ice/empty")
