"""Sends mutated protocol messages to a fresh server and tells whether it served on: ``make fuzz``.

The messages are those of the transcripts in tests/wire, changed: bits, lengths, counts, tags, cuts, repeats, other messages'
parts. They are sent before and after logging in, as a user who may do little. A run is told by its seed.
"""

import argparse
import random
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from tests.support.server import ROOT, Server
from tests.support.transcripts import read_blocks
from tests.support.wire import FRONTEND, Closed, Wire, encode

_USER: Final = "fuzzer"
_PASSWORD: Final = "Mutate4ever"
_BATCH: Final = 20
"""Messages of one connection."""
_FRAMED: Final = 0.9
"""Share of the messages whose length is true: a wrong one ends the connection, and nothing after it is read."""
_BEFORE: Final = 0.1
"""Share of the connections that send them before they have logged in."""
_SILENCE_S: Final = 20
_MEMORY_KB: Final = 2_000_000
_NUMBERS: Final = (0, 1, 4, 5, 7, 8, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF)
_TAGS: Final = b"BCDEFHPQSXcdfpir\0\xff"
_COMPLAINTS: Final = ("internal error", "ended badly", "Traceback")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    messages: int
    connections: int
    seconds: float
    problems: tuple[str, ...]


def main(arguments: list[str]) -> int:
    """Run as the command line asks; return the exit status."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    given = parser.parse_args(arguments)
    print(f"seed {given.seed}")
    with tempfile.TemporaryDirectory(prefix="duckshift-fuzz-") as folder, Server(Path(folder) / "data") as server:
        found = fuzz(server, messages=given.messages, seed=given.seed)
    print(f"{found.messages:,} messages over {found.connections:,} connections in {found.seconds:.0f} s")
    print(*(found.problems or ("the server served on",)), sep="\n")
    return 1 if found.problems else 0


def fuzz(server: Server, *, messages: int, seed: int) -> Outcome:
    """Send *messages* mutated messages to *server* and return what came of it."""
    chance = random.Random(seed)
    seeds = seed_messages()
    begun, before, sent, connections = time.monotonic(), len(server.log), 0, 0
    with psycopg.connect(server.dsn, autocommit=True) as bystander:
        bystander.execute(f"CREATE USER {_USER} PASSWORD '{_PASSWORD}'")
        while sent < messages:
            batch = [mutated(chance, seeds) for _ in range(min(_BATCH, messages - sent))]
            converse(server, batch, login=chance.random() >= _BEFORE)
            sent += len(batch)
            connections += 1
            if connections % _BATCH == 0 and not _serves(bystander):
                return Outcome(sent, connections, time.monotonic() - begun, ("a bystander was not answered",))
        problems = [*_complaints(server.log[before:]), *_memory(server)]
        if not _serves(bystander) or not _serves_newcomers(server):
            problems.append("the server does not serve any more")
    return Outcome(sent, connections, time.monotonic() - begun, tuple(problems))


def seed_messages() -> list[bytes]:
    """Return the messages that transcripts send."""
    lines = {
        line
        for path in sorted((ROOT / "tests" / "wire").glob("*.pgt"))
        for block in read_blocks(path.read_text(encoding="utf-8"))
        if block.command == "send"
        for line in block.given
    }
    return [encode(line) for line in sorted(lines) if line.partition(" ")[0] in FRONTEND]


def mutated(chance: random.Random, seeds: list[bytes]) -> bytes:
    """Return a message with up to four changes; now and then none, so that conversations get somewhere."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((0, 1, 1, 2, 4))):
        chance.choice(_CHANGES)(chance, data, seeds)
    if chance.random() < _FRAMED:
        _settle(data)
    return bytes(data)


def converse(server: Server, batch: list[bytes], *, login: bool) -> None:
    """Send *batch* over a connection of its own and listen until the server ends it."""
    with Wire(server.host, server.port, timeout_s=_SILENCE_S) as wire:
        if login:
            wire.login(_USER, _PASSWORD, server.database)
        wire.send_bytes(b"".join(batch))
        with suppress(OSError):
            wire.socket.shutdown(socket.SHUT_WR)
        with suppress(Closed, OSError):
            while True:
                wire.receive_bytes(1)


def _flip(chance: random.Random, data: bytearray, _: list[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _scribble(chance: random.Random, data: bytearray, _: list[bytes]) -> None:
    place = chance.randrange(len(data) + 1)
    data[place : place + chance.randrange(4)] = chance.randbytes(chance.randrange(9))


def _cut(chance: random.Random, data: bytearray, _: list[bytes]) -> None:
    del data[chance.randrange(len(data) + 1) :]


def _repeat(chance: random.Random, data: bytearray, _: list[bytes]) -> None:
    place = chance.randrange(len(data) + 1)
    data[place:place] = data[: chance.randrange(len(data) + 1)] * chance.choice((1, 2, 50))


def _tag(chance: random.Random, data: bytearray, _: list[bytes]) -> None:
    data[:1] = bytes([chance.choice(_TAGS)])


def _number(chance: random.Random, data: bytearray, _: list[bytes]) -> None:
    shape = chance.choice(("!H", "!I"))
    place = chance.randrange(max(1, len(data)))
    size = struct.calcsize(shape)
    data[place : place + size] = struct.pack(shape, chance.choice(_NUMBERS) % (1 << 8 * size))


def _length(chance: random.Random, data: bytearray, _: list[bytes]) -> None:
    data[1:5] = struct.pack("!I", chance.choice((*_NUMBERS, max(0, len(data) - 1 + chance.randrange(-3, 4)))))


def _splice(chance: random.Random, data: bytearray, seeds: list[bytes]) -> None:
    other = chance.choice(seeds)
    data[chance.randrange(len(data) + 1) :] = other[chance.randrange(len(other)) :]


def _settle(data: bytearray) -> None:
    """Give the message the length that it has, so that what was done to its inside is read, and what comes after."""
    if len(data) > struct.calcsize("!cI"):
        data[1:5] = struct.pack("!I", len(data) - 1)


_CHANGES: Final = (_flip, _scribble, _cut, _repeat, _tag, _number, _length, _splice)


def _complaints(lines: list[str]) -> Iterator[str]:
    yield from (line.rstrip() for line in lines if any(complaint in line for complaint in _COMPLAINTS))


def _memory(server: Server) -> Iterator[str]:
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    used = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    if used > _MEMORY_KB:
        yield f"the server holds {used // 1000} MB"


def _serves(connection: psycopg.Connection) -> bool:
    with suppress(psycopg.Error):
        return connection.execute("SELECT 1").fetchone() == (1,)
    return False


def _serves_newcomers(server: Server) -> bool:
    with suppress(psycopg.Error), psycopg.connect(server.dsn, connect_timeout=_SILENCE_S) as connection:
        return _serves(connection)
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
