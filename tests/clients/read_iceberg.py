"""Prints the rows of Iceberg tables in a Glue catalog as JSON: run by the environment pyiceberg.

Arguments: the endpoint of S3 and Glue, a key id, a secret, names of tables.
"""

import json
import sys

from pyiceberg.catalog import load_catalog

endpoint, key, secret, *wanted = sys.argv[1:]
names = {"endpoint": endpoint, "region": "us-east-1", "access-key-id": key, "secret-access-key": secret}
settings = {f"{service}.{name}": value for service in ("glue", "s3") for name, value in names.items()}
catalog = load_catalog("glue", **{"type": "glue", "s3.force-virtual-addressing": False, **settings})


def rows(table: object, **scan: str) -> list[list[str]]:
    """Return a table's rows as text, in order."""
    return sorted([str(value) for value in row.values()] for row in table.scan(**scan).to_arrow().to_pylist())


found = {}
for name in wanted:
    table = catalog.load_table(f"icedb.{name}")
    found[name] = {"rows": rows(table)}
    if name == "made":
        # Every partition field is asked for: a wrong value would leave the file out.
        where = "id = 1 AND at = '1969-12-31T23:00:00' AND note = 'abc' AND price = -1.25"
        found[name]["chosen"] = rows(table, row_filter=where)
print(json.dumps(found))
