"""The rows of copied tables: what PostgreSQL's types are here, and the engine SQL that copies and changes rows.

Amazon Aurora, "Data type differences between Aurora and Amazon Redshift databases". What is read from the source, at
first or as a change, is text in PostgreSQL's own form, and becomes a value here in one and the same way.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from core import types
from core.errors import SqlError
from core.names import literal, quote
from core.sqlstate import SqlState

CHANGES: Final = "duckshift_changes"
"""The relation of changes that statements are given."""
_KEPT_ROWS: Final = 'temp.main."duckshift_replica_rows"'
_TEXT: Final = f"varchar({types.VARCHAR_MAX})"
_LOOSE: Final = (38, 10)
"""What a NUMERIC without precision is."""
_TYPE: Final = re.compile(
    r"(?P<name>[a-z\" ]+?)(?:\((?P<size>\d+)(?:,(?P<scale>-?\d+))?\))?"
    "(?P<zone> with(?:out)? time zone)?"
)
_ARRAY: Final = "[]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What a column of a PostgreSQL type is here."""

    type: str
    """Redshift's name of it."""
    value: str = "{0}"
    """Engine SQL for its value from text."""
    read: str = "{0}::text"
    """PostgreSQL's SQL for that text."""
    convert: Callable[[str], str] | None = None
    """What makes that text of what the stream has."""


def _plain(kind: str, engine: str) -> Mapped:
    return Mapped(type=kind, value=f"CAST({{0}} AS {engine})")


def _short(size: int) -> Mapped:
    return Mapped(type=f"varchar({size})")


_MONEY: Final = Mapped(
    type="decimal(20,3)", value="CAST(regexp_replace({0}, '[^-0-9.]', '', 'g') AS DECIMAL(20,3))"
)
_JSON: Final = Mapped(type="super", value="rs_json_parse({0})")
_MAPPED: Final = {
    "smallint": _plain("smallint", "SMALLINT"), "integer": _plain("integer", "INTEGER"),
    "bigint": _plain("bigint", "BIGINT"), "oid": _plain("bigint", "BIGINT"), "xid": _plain("bigint", "BIGINT"),
    "cid": _plain("bigint", "BIGINT"), "real": _plain("real", "REAL"), "double precision": _plain("float8", "DOUBLE"),
    "boolean": _plain("boolean", "BOOLEAN"), "date": _plain("date", "DATE"),
    "timestamp without time zone": _plain("timestamp", "TIMESTAMP"),
    "timestamp with time zone": _plain("timestamptz", "TIMESTAMPTZ"),
    "bytea": Mapped(type="varbyte(1024000)", value="unhex(substr({0}, 3))"), "money": _MONEY,
    "json": _JSON, "jsonb": _JSON, "uuid": _short(36), "name": _short(64), "macaddr": _short(17),
    "macaddr8": _short(23), "tid": _short(23), "time without time zone": _short(19), "time with time zone": _short(22),
}  # fmt: skip


def mapped(kind: str) -> Mapped | None:
    """Return what a PostgreSQL type (as format_type has it) is here, None for what cannot be."""
    if kind.endswith(_ARRAY):
        return Mapped(type="super", value="rs_json_parse({0})", read="to_jsonb({0})::text", convert=_Array(kind))
    parts = _TYPE.fullmatch(kind)
    if parts is None:
        return Mapped(type=_TEXT)
    name, size, scale = parts["name"] + (parts["zone"] or ""), int(parts["size"] or 0), int(parts["scale"] or 0)
    if name == "numeric":
        return _numeric(size, scale)
    if name == "character" and 0 < size <= types.CHAR_MAX:
        return Mapped(type=f"char({size})", value="rtrim({0}, ' ')")
    return _MAPPED.get(name, Mapped(type=_TEXT))


def _numeric(size: int, scale: int) -> Mapped | None:
    if size == 0:
        size, scale = _LOOSE
    if size > types.NUMERIC_PRECISION_MAX or not 0 <= scale < types.NUMERIC_PRECISION_MAX:
        return None
    return _plain(f"decimal({size},{scale})", f"DECIMAL({size}, {scale})")


class _Array:
    """Makes JSON of arrays' text, ``{1,NULL,"a b"}``."""

    def __init__(self, kind: str) -> None:
        base = kind.removesuffix(_ARRAY).partition("(")[0]
        self._bare = base in {"smallint", "integer", "bigint", "real", "double precision", "numeric", "oid"}
        self._flags = base == "boolean"
        self._documents = base in {"json", "jsonb"}
        self._moments = base.startswith("timestamp")

    def __call__(self, text: str) -> str:
        # Where bounds are told, they stand before the values.
        return self._list(text, text.index("{"))[0]

    def _list(self, text: str, place: int) -> tuple[str, int]:
        made: list[str] = []
        place += 1
        while text[place] != "}":
            if text[place] == ",":
                place += 1
            elif text[place] == "{":
                item, place = self._list(text, place)
                made.append(item)
            else:
                item, place = self._item(text, place)
                made.append(item)
        return f"[{','.join(made)}]", place + 1

    def _item(self, text: str, place: int) -> tuple[str, int]:
        found = _QUOTED.match(text, place)
        if found is not None:
            return self._json(_ESCAPE.sub(r"\1", found[1])), found.end()
        found = _BARE.match(text, place)
        if found is None:
            raise SqlError(SqlState.INVALID_TEXT_REPRESENTATION, "malformed array literal")
        return ("null" if found[0].upper() == "NULL" else self._json(found[0])), found.end()

    def _json(self, value: str) -> str:
        if self._flags:
            return "true" if value == "t" else "false"
        if self._documents or (self._bare and _NUMBER.fullmatch(value)):
            return value
        if self._moments:
            value = _OFFSET.sub(r"\1:00", value.replace(" ", "T", 1))
        return json.dumps(value, ensure_ascii=False)


_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_BARE: Final = re.compile(r"[^,{}]+")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?(e[-+]?\d+)?", re.IGNORECASE)
_OFFSET: Final = re.compile(r"([-+]\d\d)\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A table here and how its values are made."""

    name: str
    """Its engine name."""
    columns: tuple[str, ...]
    """Engine names of its columns, in the source's order."""
    kinds: tuple[Mapped, ...]
    key: tuple[int, ...]
    truncates: bool = False
    """Whether text that is too long is cut."""

    def value(self, place: int, sql: str) -> str:
        """Return engine SQL for the value of a column from its text."""
        kind = self.kinds[place]
        if kind.type != _TEXT:
            return kind.value.format(sql)
        if self.truncates:
            return f"rs_cut({sql}, {types.VARCHAR_MAX})"
        return f"rs_fit({sql}, {types.VARCHAR_MAX}, {literal(f'character varying({types.VARCHAR_MAX})')})"

    def values(self) -> list[str]:
        """Return engine SQL for all columns from the relation ``r`` of their texts."""
        return [self.value(place, f"r.c{place}") for place in range(len(self.columns))]

    def keys(self, prefix: str) -> list[str]:
        """Return engine SQL for the key from texts called *prefix* and a number."""
        return [self.value(place, f"{prefix}{number}") for number, place in enumerate(self.key)]

    @property
    def _listed(self) -> str:
        return ", ".join(quote(name) for name in self.columns)

    def first(self, source: str) -> str:
        """Return the statement that fills the table from the relation *source* of texts."""
        return f"INSERT INTO {self.name} ({self._listed}) SELECT {', '.join(self.values())} FROM {source} AS r"

    def clear(self) -> str:
        """Return the statement that removes all rows."""
        return f"DELETE FROM {self.name}"

    def remove(self) -> str:
        """Return the statement that removes the rows with the keys of ``CHANGES``."""
        mine = ", ".join(quote(self.columns[place]) for place in self.key)
        mine = f"({mine})" if len(self.key) > 1 else mine
        return f"DELETE FROM {self.name} WHERE {mine} IN (SELECT {', '.join(self.keys('r.c'))} FROM {CHANGES} AS r)"

    def insert(self) -> str:
        """Return the statement that adds the rows of ``CHANGES``."""
        return self.first(CHANGES)

    def keep(self) -> str:
        """Return the statement that puts rows aside of which some values are those of rows as they are."""
        values = [
            f"CASE WHEN r.u{place} THEN t.{quote(name)} ELSE {value} END AS {quote(name)}"
            for place, (name, value) in enumerate(zip(self.columns, self.values(), strict=True))
        ]
        bases = self.keys("r.b")
        matches = " AND ".join(
            f"t.{quote(self.columns[place])} = {base}" for place, base in zip(self.key, bases, strict=True)
        )
        return (
            f"CREATE OR REPLACE TEMPORARY TABLE {_KEPT_ROWS} AS SELECT {', '.join(values)}"
            f" FROM {CHANGES} AS r JOIN {self.name} AS t ON {matches}"
        )

    def restore(self) -> list[str]:
        """Return the statements that add the rows that were put aside."""
        insert = f"INSERT INTO {self.name} ({self._listed}) SELECT {self._listed} FROM {_KEPT_ROWS}"
        return [insert, f"DROP TABLE {_KEPT_ROWS}"]


def reading(table: str, columns: Iterable[tuple[str, Mapped]], condition: str) -> str:
    """Return PostgreSQL's SQL for the texts of a table (quoted name there) as columns c0, c1, …."""
    shown = ", ".join(
        f"{kind.read.format(quote(name))} AS c{place}" for place, (name, kind) in enumerate(columns)
    )
    return f"SELECT {shown} FROM {table}" + (f" WHERE {condition}" if condition else "")


def texts(rows: Sequence[Sequence[object]], width: int, prefix: str = "c") -> pa.Table:
    """Return rows of texts as a relation with columns called *prefix* and a number."""
    cells = list(zip(*rows, strict=True)) if rows else [()] * width
    return pa.table({f"{prefix}{place}": pa.array(column, pa.string()) for place, column in enumerate(cells)})


def flags(rows: Sequence[Sequence[bool]], prefix: str) -> dict[str, pa.Array]:
    """Return rows of truth values as columns called *prefix* and a number."""
    return {f"{prefix}{place}": pa.array(column, pa.bool_()) for place, column in enumerate(zip(*rows, strict=True))}
