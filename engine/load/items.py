"""Items of DynamoDB as JSON documents, which then load as JSON does.

Redshift, "Loading data from an Amazon DynamoDB table": attributes are matched to columns without regard to case; only
strings and numbers can be loaded, and what matches no column is passed over whatever its type.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState
from engine.load.aside import Aside
from engine.load.plan import CopyPlan
from storage.dynamodb import Item

_SCALARS: Final = frozenset({"S", "N", "NULL"})


@contextmanager
def items_as_documents(plan: CopyPlan, location: str, items: Iterable[Item]) -> Iterator[Aside]:
    """Give a file of one document an item, named *location*; it is gone afterwards."""
    wanted = frozenset(column.name.lower() for column in plan.columns)
    with tempfile.TemporaryDirectory(prefix="duckshift-load-") as folder:
        path = Path(folder, "items")
        with path.open("w", encoding="utf-8") as file:
            file.writelines(_document(item, wanted) for item in items)
        yield Aside({location: path})


def _document(item: Item, wanted: frozenset[str]) -> str:
    fields: dict[str, str | None] = {}
    for name, value in item.items():
        column = name.lower()
        if column not in wanted:
            continue
        if column in fields:
            raise SqlError(SqlState.INTERNAL_ERROR, f"a DynamoDB item has several attributes called '{column}'")
        kind, held = next(iter(value.items()))
        if kind not in _SCALARS:
            raise SqlError(
                SqlState.INTERNAL_ERROR, f"the DynamoDB attribute '{name}' has type {kind}; only S and N can be loaded"
            )
        fields[column] = None if kind == "NULL" else held
    return json.dumps(fields, ensure_ascii=False) + "\n"
