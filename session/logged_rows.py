"""Rows that INSERTs add: as statements leave them, as the log keeps them, as the lake takes them."""

import functools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.given import table
from storage.small_writes import Batch, Form

_written: Final = json.JSONEncoder(separators=(",", ":")).encode
Given = list[tuple[str, str, list[object]]]
"""Name, kind and values of each column (``engine.given``)."""


@dataclass(slots=True)
class Addition:
    """Rows that are added to a table."""

    table: int
    form: Form
    given: Given
    rows: int

    def extend(self, more: "Addition") -> None:
        """Add rows of the same form."""
        for (_, _, mine), (_, _, others) in zip(self.given, more.given, strict=True):
            mine.extend(others)
        self.rows += more.rows


def gathered(additions: Iterable[Addition]) -> list[Addition]:
    """Return *additions* with the rows of one form together; they themselves stay as they are."""
    additions = list(additions)
    if len(additions) == 1:
        return additions
    found: dict[tuple[int, Form], list[Addition]] = {}
    for each in additions:
        found.setdefault((each.table, each.form), []).append(each)
    return [_joined(parts) if len(parts) > 1 else parts[0] for parts in found.values()]


def _joined(parts: Sequence[Addition]) -> Addition:
    given = [(name, kind, [*values]) for name, kind, values in parts[0].given]
    joined = Addition(parts[0].table, parts[0].form, given, parts[0].rows)
    for each in parts[1:]:
        joined.extend(each)
    return joined


def batches(additions: Iterable[Addition]) -> list[Batch]:
    """Return what the lake is given of *additions*."""
    return [Batch(each.form, table(each.given)) for each in gathered(additions)]


def document(added: Addition, place: int) -> str:
    """Return what the log keeps of *added* at the position *place*, as JSON."""
    rest = _written({"table": added.table, "given": added.given, "rows": added.rows})
    return f'{{"position":{place},{_form(added.form)},{rest[1:]}'


@functools.lru_cache(1_000)
def _form(form: Form) -> str:
    return _written({"place": form.place, "names": form.names, "types": form.types, "values": form.values})[1:-1]


def addition(found: dict[str, Any]) -> Addition:
    """Return what the log has kept."""
    place, names, types = (tuple(found[name]) for name in ("place", "names", "types"))
    given = [(name, kind, values) for name, kind, values in found["given"]]
    return Addition(found["table"], Form(place, names, types, found["values"]), given, found["rows"])
