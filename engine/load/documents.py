"""JSON data files taken apart: one document a record, its values as the text that columns convert.

Redshift, "COPY from JSON format": documents stand one after another, separated by white space or nothing,
also over several lines. ``auto`` matches keys to column names, JSONPaths name a value for each column.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import IO, Any, Final

from core.errors import SqlError
from core.sqlstate import SqlState
from engine.load.plan import Fault, Layout, LoadColumn
from engine.load.records import INVALID, Field, Record, invalid, shown, with_replacements

_PIECE_BYTES: Final = 1 << 20
_DOCUMENT_CHARS: Final = 4 << 20
"""Redshift: a single JSON object may have 4 MB."""
_SPACE: Final = re.compile(r"[\s\ufeff]*")
_STEP: Final = re.compile(r"\.([A-Za-z_][\w$-]*)|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]|\[([0-9]+)\]")


class _Number(str):
    """A number as it was written, so that no digit is lost on the way to NUMERIC."""

    __slots__ = ()


_DECODER: Final = json.JSONDecoder(parse_float=_Number, parse_int=_Number, parse_constant=_Number)
Step = str | int


def documents(stream: IO[bytes], layout: Layout, columns: tuple[LoadColumn, ...]) -> Iterator[Record]:
    """Yield a record for every document of *stream*, its fields in the order of *columns*."""
    pick = _picker(layout, columns)
    for line, raw, document in _parsed(stream):
        if isinstance(document, Fault):
            yield Record(line, shown(raw), [], document)
            continue
        if layout.json_whole:
            yield Record(line, raw, [raw]) if raw.isascii() else _checked(line, raw, [raw], layout)
            continue
        fields = pick(document)
        if isinstance(fields, Fault):
            yield Record(line, raw, [], fields)
            continue
        yield Record(line, raw, fields) if raw.isascii() else _checked(line, raw, fields, layout)


def _checked(line: int, raw: str, fields: list[Field], layout: Layout) -> Record:
    """Return a record that may hold bytes which are no UTF-8: they are replaced, or the record is refused."""
    bad = INVALID.search(raw)
    if bad is None or layout.replace_invalid is not None:
        return with_replacements(line, raw, fields, layout)
    return Record(line, shown(raw), [], invalid(bad[0].encode(errors="surrogateescape"), bad.start()))


def _parsed(stream: IO[bytes]) -> Iterator[tuple[int, str, Any]]:
    decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
    text, line, ended = "", 1, False
    while True:
        space = _SPACE.match(text)
        if space is not None and space.end():
            line += text.count("\n", 0, space.end())
            text = text[space.end() :]
        start = 0
        # Many documents a piece: move through the text, and cut it once a piece.
        while start < len(text):
            found = _one(text, start, ended)
            if found is None:
                break
            document, end = found
            yield line, text[start:end], document
            if isinstance(document, Fault):
                # Nothing says where the next document begins but a line's end.
                cut = text.find("\n", end)
                end = len(text) if cut < 0 else cut
            following = _SPACE.match(text, end)
            end = following.end() if following else end
            line += text.count("\n", start, end)
            start = end
        text = text[start:]
        if ended:
            return
        piece = stream.read(_PIECE_BYTES)
        ended = not piece
        text += decoder.decode(piece, final=ended)


def _one(text: str, start: int, ended: bool) -> tuple[Any, int] | None:
    """Return the document at *start* and its end, None where more text is needed."""
    try:
        document, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        if not ended and len(text) - start <= _DOCUMENT_CHARS:
            return None
        fault = Fault(code=1224, reason="Invalid JSON format", position=error.pos - start)
        return fault, min(error.pos + 1, len(text))
    except RecursionError:
        return Fault(code=1224, reason="Invalid JSON format: nested too deeply"), start + 1
    if end - start > _DOCUMENT_CHARS:
        return Fault(code=1216, reason="Invalid input line: a JSON object is longer than 4 MB"), end
    return document, end


def _picker(layout: Layout, columns: tuple[LoadColumn, ...]) -> Callable[[Any], list[Field] | Fault]:
    if layout.json_paths is not None:
        return _by_path(tuple(steps(path) for path in layout.json_paths), columns)
    readers = [(column.name, _reader(column)) for column in columns]

    def auto(document: Any) -> list[Field] | Fault:
        if not isinstance(document, dict):
            return Fault(code=1224, reason="Invalid JSON format: a top-level object is expected")
        if layout.json_ignore_case:
            document = {key.lower(): value for key, value in document.items()}
        return [read(document.get(name)) for name, read in readers]

    return auto


def _reader(column: LoadColumn) -> Callable[[Any], Field]:
    """Return what makes a field of a value: SUPER reads JSON, so a string keeps its quotes there."""
    return _nested if column.type.type.name == "super" else _text


def _by_path(
    paths: tuple[tuple[Step, ...], ...], columns: tuple[LoadColumn, ...]
) -> Callable[[Any], list[Field] | Fault]:
    readers = [_reader(column) for column in columns]

    def pick(document: Any) -> list[Field] | Fault:
        fields: list[Field] = []
        for path, read in zip(paths, readers, strict=False):
            found = _follow(document, path)
            if isinstance(found, Fault):
                return found
            fields.append(read(found))
        return fields

    return pick


def _follow(value: Any, path: tuple[Step, ...]) -> Any:
    for step in path:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return Fault(
                    code=1224, reason="Invalid JSONPath format: Not an array or index out of range."
                )
            value = value[step]
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def steps(path: str) -> tuple[Step, ...]:
    """Return a JSONPath expression (dot or bracket notation, no wildcards) as keys and indexes."""
    place, found = 1, []
    while path.startswith("$") and place < len(path):
        step = _STEP.match(path, place)
        if step is None:
            break
        name = next((part for part in step.groups()[:3] if part is not None), None)
        found.append(int(step[4]) if name is None else re.sub(r"\\(.)", r"\1", name))
        place = step.end()
    if not path.startswith("$") or place < len(path) or not found:
        raise SqlError(SqlState.INTERNAL_ERROR, f"Invalid JSONPath format: {path}")
    return tuple(found)


def _text(value: Any) -> Field:
    if value is None:
        return None
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return _written(value)


def _nested(value: Any) -> Field:
    return None if value is None else _written(value)


def _written(value: Any) -> str:
    """Return a nested value as JSON text, its numbers as they were."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        members = (f"{json.dumps(key, ensure_ascii=False)}:{_written(item)}" for key, item in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
