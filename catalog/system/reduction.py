"""Engine SQL of system views without what is known to be idle: conditions, parts, columns and joins.

The engine plans a statement anew each time, in proportion to its text: most of what a look-up of one table costs is
planning what can be left out. A condition that begins with ``spec.SUPERUSER`` is true or goes on behind it; a part of
UNION ALL, or EXISTS, that reads a source without rows goes; so do columns that nobody asks for, and the sources of one
row an object that only they needed. The same rows are left.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from catalog.model import CatalogState, Relation
from catalog.scopes import all_scoped
from catalog.shares import datashares
from catalog.system.access import HERE
from catalog.system.spec import SEES_ALL, SUPERUSER

_TOKEN: Final = re.compile(r"'(?:[^']|'')*'|[()]")
_UNION: Final = " UNION ALL "
_HOLE: Final = "\0"
"""What stands for a string, or a group in parentheses, while the text around it is looked at."""
_READS: Final = re.compile(r"(?:\bFROM|(?P<outer>\bLEFT)? JOIN) (?:(?P<source>sys_[a-z_]+)\b|(?P<group>\0))")
_PIECES: Final = re.compile(rf"( OR EXISTS {_HOLE}|\bEXISTS {_HOLE}|{_HOLE})")
_ROWS_ANYWAY: Final = re.compile(rf"\b(?:RIGHT|FULL) JOIN |\b(?:max|min|sum|count|list|string_agg){_HOLE}")
_KEPT_WHOLE: Final = re.compile(
    r"\bDISTINCT\b|\bGROUP BY\b|\bORDER BY\b|\bLIMIT\b|\bHAVING\b|\bOVER\b|\*| (?:UNION|EXCEPT|INTERSECT) "
)
_SETS: Final = re.compile(
    r"\b(?:unnest|generate_subscripts|generate_series)\(|\b(?:max|min|sum|count|list|string_agg)\("
)
_NAMED: Final = re.compile(r'(?:^|[ .])(?:"([^"]+)"|(\w+))$')
_FEW: Final = re.compile(
    r" LEFT JOIN (sys_[a-z_]+) AS (\w+) ON (\w+)\.(\w+) = ([\w.]+)(?= LEFT JOIN | JOIN | WHERE |$)"
)
_DATABASE: Final = re.compile(rf"COALESCE\(\w+\.database, {re.escape(HERE)}\)")
_THERE: Final = re.compile(
    rf" JOIN {_HOLE} AS r ON r\.oid = \w+\.(?:relation|dependent)(?= LEFT JOIN | JOIN | WHERE |$)"
)
_ALL: Final = frozenset({
    "SELECT r.oid FROM sys_relations AS r WHERE TRUE", "SELECT r.oid, r.name FROM sys_relations AS r WHERE TRUE",
})  # fmt: skip
"""All relations: to be among them is no condition."""
_ONE_ROW: Final = frozenset({
    ("sys_storage", "relation"), ("sys_types", "oid"), ("sys_users", "oid"), ("sys_stale", "relation"),
    ("sys_namespaces", "oid"), ("sys_external_schemas", "oid"), ("sys_materialized", "relation"),
})  # fmt: skip
"""Sources with one row at most for a value of a column."""


def without_rows(state: CatalogState) -> frozenset[str]:
    """Return the sources that have no rows as long as the catalog is *state*."""
    return frozenset(name for present, names in _PRESENT if not present(state) for name in names)


def _external(state: CatalogState) -> bool:
    return any(schema.external is not None for schema in state.schemas())


def _shared(state: CatalogState) -> bool:
    return any(database.share is not None for database in state.databases())


def _late(state: CatalogState) -> bool:
    return any(relation.late_binding for relation in state.of(Relation))


def _materialized(state: CatalogState) -> bool:
    return any(relation.materialized is not None for relation in state.of(Relation))


_PRESENT: Final[tuple[tuple[Callable[[CatalogState], object], tuple[str, ...]], ...]] = (
    (_external, ("sys_external_schemas", "sys_external_tables", "sys_external_columns", "sys_external_partitions")),
    (_shared, ("sys_share_databases", "sys_shared_relations")),
    (datashares, ("sys_datashares", "sys_datashare_consumers", "sys_datashare_objects")),
    (all_scoped, ("sys_scoped_grants",)),
    (_late, ("sys_late_columns",)),
    (_materialized, ("sys_materialized", "sys_stale")),
)
"""What there must be in the catalog, and the sources that have no rows where there is none."""


def only_database(state: CatalogState) -> int:
    """Return the database (OID) that everything is in, 0 where there are several."""
    found = {schema.database for schema in state.schemas()}
    return found.pop() if len(found) == 1 else 0


@lru_cache(maxsize=2_000)
def reduced(sql: str, *, superuser: bool, alone: bool, empty: frozenset[str]) -> str:
    """Return *sql* without what is idle, because of who asks, and of what there is.

    That is a superuser or one who is none; all is in the database that is asked about (*alone*); sources are *empty*.
    """
    sql = sql.replace(SUPERUSER, "TRUE" if superuser else "FALSE")
    if alone:
        sql = _DATABASE.sub(HERE, sql).replace(f"{HERE} = {HERE}", "TRUE")
    if superuser:
        sql = sql.replace(SEES_ALL, "TRUE")
    return _folded(_Reader(sql).level(), empty)[0]


@lru_cache(maxsize=2_000)
def narrowed(definition: str, names: frozenset[str]) -> str:
    """Return a system view's *definition* with the columns *names* alone, or with more of them."""
    whole = _Reader(definition).level()
    head, _, tail = whole.shown.partition(" FROM ")
    groups = whole.groups[head.count(_HOLE) :]
    query = groups[0] if tail.startswith(f"{_HOLE} AS q") else ""
    if isinstance(query, str):
        return definition
    items = _items(_Level(head.removeprefix("SELECT "), whole.groups))
    kept = [item for item in items if _name(item) in names] or items[:1]
    after = f"{_filled(tail[1:], groups[1:])} {' '.join(kept)}"
    used = frozenset(re.findall(r'\bq\."([^"]+)"', after)) | frozenset(re.findall(r"\bq\.(\w+)", after))
    return f"SELECT {', '.join(kept)} FROM ({_selecting(query, used)}){_filled(tail[1:], groups[1:])}"


class _Level(NamedTuple):
    """A text whose strings and groups in parentheses are holes, and what they hold."""

    shown: str
    groups: "list[_Level | str]"

    @property
    def text(self) -> str:
        return _filled(self.shown, self.groups)

    def parts(self) -> "list[_Level]":
        """Return the parts of UNION ALL."""
        found: list[_Level] = []
        left = self.groups
        for shown in self.shown.split(_UNION):
            count = shown.count(_HOLE)
            found.append(_Level(shown, left[:count]))
            left = left[count:]
        return found


class _Reader:
    """Reads a text into levels."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._tokens = _TOKEN.finditer(sql)
        self._place = 0

    def level(self) -> _Level:
        """Read to the end of a group, or of the text."""
        shown: list[str] = []
        groups: list[_Level | str] = []
        for token in self._tokens:
            shown.append(self._sql[self._place : token.start()])
            self._place = token.end()
            if token[0] == ")":
                return _Level("".join(shown), groups)
            groups.append(self.level() if token[0] == "(" else token[0])
            shown.append(_HOLE)
        shown.append(self._sql[self._place :])
        return _Level("".join(shown), groups)


def _filled(shown: str, groups: "list[_Level | str]") -> str:
    texts = iter(group if isinstance(group, str) else f"({group.text})" for group in groups)
    return "".join(next(texts) if piece == _HOLE else piece for piece in re.split(f"({_HOLE})", shown))


# Conditions and parts


def _folded(level: _Level, empty: frozenset[str]) -> tuple[str, bool]:
    """Return a level's text, folded, and whether it is a query without rows."""
    if level.shown.startswith("TRUE OR "):
        return "TRUE", False
    plain = _Level(level.shown.removeprefix("FALSE OR "), level.groups)
    parts = [_part(part, empty) for part in plain.parts()]
    kept = [text for text, idle in parts if not idle]
    # The first part names the columns.
    return _UNION.join([parts[0][0], *kept] if parts[0][1] else kept), not kept


def _part(part: _Level, empty: frozenset[str]) -> tuple[str, bool]:
    """Return one part's text, and whether it has no rows because what it reads has none."""
    groups = [(group, False) if isinstance(group, str) else _folded(group, empty) for group in part.groups]
    idle = False
    if part.shown.startswith("SELECT ") and not _ROWS_ANYWAY.search(part.shown):
        for read in _READS.finditer(part.shown):
            inside = read["group"] and groups[part.shown.count(_HOLE, 0, read.start("group"))][1]
            idle = idle or bool(not read["outer"] and (inside or read["source"] in empty))
    return _put_in(part, groups), idle


def _put_in(part: _Level, groups: list[tuple[str, bool]]) -> str:
    """Return a part's text with its groups in it, and without EXISTS of what has no rows."""
    left = iter(zip(part.groups, groups, strict=True))
    found: list[str] = []
    for piece in _PIECES.split(part.shown):
        if not piece.endswith(_HOLE):
            found.append(piece)
            continue
        was, (text, idle) = next(left)
        if piece == _HOLE or not idle:
            found.append(piece.replace(_HOLE, text if isinstance(was, str) else f"({text})"))
        elif not piece.startswith(" OR "):
            found.append("FALSE")
    return "".join(found)


# Columns and joins


def _selecting(query: _Level, names: frozenset[str]) -> str:
    """Return a query with the columns *names* alone, as far as it is plain to see that the others are idle."""
    parts = query.parts()
    lists = [_items(_Level(part.shown.partition(" FROM ")[0].removeprefix("SELECT "), part.groups)) for part in parts]
    if any(_KEPT_WHOLE.search(part.shown) or not part.shown.startswith("SELECT ") for part in parts):
        return query.text
    if any(len(items) != len(lists[0]) for items in lists):
        return query.text
    places = [place for place, item in enumerate(lists[0]) if _name(item) in names] or [0]
    places = sorted({*places, *(place for items in lists for place, item in enumerate(items) if _SETS.search(item))})
    return _UNION.join(_chosen(part, items, places) for part, items in zip(parts, lists, strict=True))


def _chosen(part: _Level, items: list[str], places: list[int]) -> str:
    """Return one part with the items at *places*, and without the joins that only others needed."""
    head, word, tail = part.shown.partition(" FROM ")
    kept = [items[place] for place in places]
    rest = _without_all(_Level(tail, part.groups[head.count(_HOLE) :]), kept)
    tail = rest.shown
    for join in _FEW.finditer(tail):
        source, alias, left, key, _ = join.groups()
        less = tail.replace(join[0], "", 1)
        if left == alias and (source, key) in _ONE_ROW and not _uses(_Level(less, rest.groups), kept, alias):
            tail = less
    return f"SELECT {', '.join(kept)}{word}{_filled(tail, rest.groups)}"


def _without_all(rest: _Level, kept: list[str]) -> _Level:
    """Return what follows FROM without a join with all relations, where nothing is read of these."""
    join = _THERE.search(rest.shown)
    if join is None:
        return rest
    place = rest.shown.count(_HOLE, 0, join.start())
    less = _Level(
        f"{rest.shown[: join.start()]}{rest.shown[join.end() :]}", rest.groups[:place] + rest.groups[place + 1 :]
    )
    return less if _text(rest.groups[place]) in _ALL and not _uses(less, kept, "r") else rest


def _uses(rest: _Level, kept: list[str], alias: str) -> bool:
    return re.search(rf"\b{alias}\.", " ".join((rest.shown, *kept, *map(_text, rest.groups)))) is not None


def _text(group: "_Level | str") -> str:
    return group if isinstance(group, str) else group.text


def _items(head: _Level) -> list[str]:
    """Return the items of a select list."""
    items: list[str] = []
    left = head.groups
    for shown in head.shown.split(", "):
        count = shown.count(_HOLE)
        items.append(_filled(shown, left[:count]))
        left = left[count:]
    return items


def _name(item: str) -> str:
    found = _NAMED.search(item)
    return "" if found is None else found[1] or found[2]
