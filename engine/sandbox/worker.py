"""The process that runs users' Python functions: batches come in by a pipe, results go out by another.

A message is four bytes of length and JSON. The first one says what the process may have; every other one is a batch
for a function, with the function's text where it is new here. Imports the standard library only.
"""

import datetime
import decimal
import json
import os
import struct
import sys
import sysconfig
from collections.abc import Callable
from typing import Any, Final

from engine.sandbox.confinement import Unconfined, confine, limit

_LENGTH: Final = struct.Struct(">I")
_LIBRARIES: Final = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo")
_SHOWN: Final = 1_000
"""Characters of an error's text that go out."""


def main() -> None:
    """Serve until the pipe ends."""
    source, target = os.dup(0), os.dup(1)
    # What a function prints goes nowhere.
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.close(null)
    settings = _read(source)
    if settings is None:
        return
    _write(target, _restrained(settings))
    functions: dict[str, Callable[..., Any]] = {}
    while (batch := _read(source)) is not None:
        _write(target, _answer(batch, functions))


def _restrained(settings: dict[str, Any]) -> dict[str, Any]:
    # The first is ours, for the import above; what lies beside us is none of a function's business.
    del sys.path[0]
    folders = {folder for folder in sys.path if folder} | {sysconfig.get_path("stdlib"), *_LIBRARIES}
    try:
        limit(settings["memory_bytes"])
        if settings["confined"]:
            confine(folders)
    except Unconfined as error:
        return {"error": str(error)}
    return {"ready": True}


def _answer(batch: dict[str, Any], functions: dict[str, Callable[..., Any]]) -> dict[str, Any]:
    try:
        key = batch["key"]
        if key not in functions:
            functions[key] = _compiled(batch["code"], batch["names"])
        read = [_READERS[kind] for kind in batch["kinds"]]
        columns = [[None if item is None else get(item) for item in column]
                   for get, column in zip(read, batch["columns"], strict=True)]  # fmt: skip
        call, put = functions[key], _WRITERS[batch["result"]]
        rows = zip(*columns, strict=True) if columns else ((),) * batch["rows"]
        found = [call(*row) for row in rows]
        return {"values": [None if item is None else put(item) for item in found]}
    except MemoryError:
        return {"error": "MemoryError"}
    except BaseException as error:  # noqa: BLE001 - whatever a function throws is its answer
        return {"error": f"{type(error).__name__}: {error}"[:_SHOWN]}


def _compiled(code: str, names: list[str]) -> Callable[..., Any]:
    """Return the function whose body is *code*, as PL/Python makes it."""
    body = "".join(f"\n\t{line}" for line in code.replace("\r\n", "\n").split("\n"))
    space: dict[str, Any] = {"__name__": "__udf__"}
    exec(compile(f"def udf({', '.join(names)}):{body}\n", "<udf>", "exec"), space)  # noqa: S102 - what this process is for
    function: Callable[..., Any] = space["udf"]
    return function


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _whole(value: Any) -> int:
    return int(value)


def _moment(value: Any) -> str:
    return value.isoformat(sep=" ") if isinstance(value, datetime.datetime) else str(value)


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "int": int,
    "float": float,
    "bool": bool,
    "text": str,
    "decimal": decimal.Decimal,
    "date": datetime.date.fromisoformat,
    "timestamp": datetime.datetime.fromisoformat,
}
_WRITERS: Final[dict[str, Callable[[Any], Any]]] = {
    "int": _whole,
    "float": float,
    "bool": bool,
    "text": _text,
    "decimal": lambda value: str(decimal.Decimal(value) if isinstance(value, int | str) else value),
    "date": lambda value: (value.date() if isinstance(value, datetime.datetime) else value).isoformat(),
    "timestamp": _moment,
}


def _read(source: int) -> dict[str, Any] | None:
    head = _exactly(source, _LENGTH.size)
    if head is None:
        return None
    body = _exactly(source, _LENGTH.unpack(head)[0])
    found: dict[str, Any] | None = None if body is None else json.loads(body)
    return found


def _exactly(source: int, count: int) -> bytes | None:
    parts = []
    while count:
        part = os.read(source, min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _write(target: int, message: dict[str, Any]) -> None:
    body = json.dumps(message).encode()
    data = memoryview(_LENGTH.pack(len(body)) + body)
    while data:
        data = data[os.write(target, data) :]

