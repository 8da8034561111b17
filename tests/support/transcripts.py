"""Runs ``.pgt`` files: conversations over the wire, each held twice, in whole messages and byte by byte.

A file is blocks divided by blank lines; ``#`` starts a comment. A block is a command, its input, ``----``
and what is expected:

    only duckshift|postgres     in front of everything: the file is for that server alone
    raw                         in front of everything: no start-up and authentication is done
    send                        lines ``Type``, ``Type {json}`` or hexadecimal; nothing is expected
    until [ignore=A,B] TYPE     everything up to the next TYPE; fields left out of the expectation are not
                                compared, messages named after ``ignore=`` are dropped
    receive BYTES               so many bytes, expected in hexadecimal
    closed [ignore=A,B]         everything up to the connection's end, which must come

``pytest tests/wire --addr HOST:PORT [--addr-user U --addr-password P --addr-database D]`` runs the files
against that server, a PostgreSQL unless its server_version is Redshift's. ``--rewrite`` stores what came.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server
from tests.support.wire import Closed, Message, Wire

ALWAYS_IGNORED = {"NoticeResponse"}


@dataclass
class Block:
    """One command of a transcript."""

    line: int
    command: str
    arguments: list[str]
    given: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Address:
    """Where to run a transcript."""

    host: str
    port: int
    user: str
    password: str
    database: str
    kind: str


def read_blocks(text: str) -> list[Block]:
    """Return a transcript's blocks."""
    blocks: list[Block] = []
    current: Block | None = None
    answering = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            continue
        if not line.strip():
            current, answering = None, False
        elif current is None:
            command, *arguments = line.split()
            current = Block(number, command, arguments)
            blocks.append(current)
        elif line == "----":
            answering = True
        else:
            (current.expected if answering else current.given).append(line)
    return blocks


class TranscriptFile(pytest.File):
    """A ``.pgt`` file."""

    def collect(self) -> Iterator[pytest.Item]:
        for name, chop in (("whole", False), ("bytes", True)):
            yield TranscriptItem.from_parent(self, name=name, chop=chop)


class Mismatch(Exception):
    """What came is not what was expected."""


class TranscriptItem(pytest.Item):
    """One way to run a file."""

    def __init__(self, *, chop: bool, **given: Any) -> None:
        super().__init__(**given)
        self._chop = chop

    def runtest(self) -> None:
        address = _address(self.config)
        blocks = read_blocks(self.path.read_text())
        heads = {block.command: block for block in blocks if block.command in {"only", "raw"}}
        if "only" in heads and heads["only"].arguments != [address.kind]:
            pytest.skip(f"for {heads['only'].arguments[0]} alone")
        with Wire(address.host, address.port, chop=self._chop) as wire:
            if "raw" not in heads:
                wire.login(address.user, address.password, address.database)
            for block in blocks:
                if block.command not in heads:
                    self._run(wire, block)

    def _run(self, wire: Wire, block: Block) -> None:
        if block.command == "send":
            wire.send(*block.given)
            return
        got = _COMMANDS[block.command](wire, block)
        if not _same(got, block.expected):
            if self.config.getoption("--rewrite") and not self._chop:
                _rewrite(self.path, block, got)
                return
            raise Mismatch(
                f"{self.path.name}:{block.line}: {block.command} {' '.join(block.arguments)}\nexpected:\n  "
                + "\n  ".join(block.expected)
                + "\ngot:\n  "
                + "\n  ".join(got)
            )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, Mismatch):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.name} [{self.name}]"


def _ignored(block: Block) -> set[str]:
    named = next((word[7:].split(",") for word in block.arguments if word.startswith("ignore=")), [])
    return ALWAYS_IGNORED | set(named)


def _until(wire: Wire, block: Block) -> list[str]:
    ignored, last = _ignored(block), block.arguments[-1]
    got: list[str] = []
    try:
        while True:
            message = wire.receive()
            if message.name not in ignored or message.name == last:
                got.append(str(message))
            if message.name == last:
                return got
    except Closed:
        return [*got, "(closed)"]


def _receive(wire: Wire, block: Block) -> list[str]:
    try:
        return [wire.receive_bytes(int(block.arguments[0])).hex()]
    except Closed:
        return ["(closed)"]


def _closed(wire: Wire, block: Block) -> list[str]:
    got: list[str] = []
    try:
        while True:
            message = wire.receive()
            if message.name not in _ignored(block):
                got.append(str(message))
    except Closed:
        return got


_COMMANDS = {"until": _until, "receive": _receive, "closed": _closed}


def _message(line: str) -> Message:
    name, _, rest = line.partition(" ")
    return Message(name, json.loads(rest) if rest else {})


def _same(got: list[str], expected: list[str]) -> bool:
    if len(got) != len(expected):
        return False
    for left, right in zip(got, expected, strict=True):
        if left == right:
            continue
        if "{" not in right or not _covers(_message(left), _message(right)):
            return False
    return True


def _covers(got: Message, expected: Message) -> bool:
    return got.name == expected.name and _within(expected.fields, got.fields)


def _within(expected: Any, got: Any) -> bool:
    if isinstance(expected, dict) and isinstance(got, dict):
        return all(name in got and _within(value, got[name]) for name, value in expected.items())
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(map(_within, expected, got))
    return bool(expected == got)


def _rewrite(path: Path, block: Block, got: list[str]) -> None:
    lines = path.read_text().splitlines()
    start = block.line - 1
    while lines[start] != "----":
        start += 1
    end = start + 1
    while end < len(lines) and lines[end].strip():
        end += 1
    path.write_text("\n".join([*lines[: start + 1], *got, *lines[end:]]) + "\n")


_STARTED = pytest.StashKey[Address]()


def _address(config: pytest.Config) -> Address:
    """Return the server given on the command line, or one that is started for the whole run."""
    if _STARTED in config.stash:
        return config.stash[_STARTED]
    if given := config.getoption("--addr"):
        host, _, port = given.rpartition(":")
        user, password, database = (config.getoption(f"--addr-{name}") for name in ("user", "password", "database"))
        with Wire(host, int(port)) as wire:
            wire.login(user, password, database)
            kind = "duckshift" if wire.parameters["server_version"].startswith("8.0.2") else "postgres"
        address = Address(host, int(port), user, password, database, kind)
    else:
        factory = pytest.TempPathFactory.from_config(config, _ispytest=True)
        server = Server(factory.mktemp("transcripts") / "data").start()
        config.add_cleanup(lambda: server.stop() and None)
        address = Address(server.host, server.port, server.user, server.password, server.database, "duckshift")
    config.stash[_STARTED] = address
    return address


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that choose where transcripts run."""
    group = parser.getgroup("duckshift")
    group.addoption("--addr", help="HOST:PORT of the server that .pgt files are run against")
    group.addoption("--addr-user", default="postgres")
    group.addoption("--addr-password", default="")
    group.addoption("--addr-database", default="postgres")
    group.addoption("--rewrite", action="store_true", help="store what came instead of comparing")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take .pgt files for tests."""
    return TranscriptFile.from_parent(parent, path=file_path) if file_path.suffix == ".pgt" else None
