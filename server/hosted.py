"""A server that another one hosts (``duckshift serve --hosted``), as it sees that other one.

Standard input begins with a line of JSON: the configuration and what else it has to know. It stays open for as long as
the other server lives, and ends with it. Standard output takes one line of JSON once this server listens.
"""

import asyncio
import json
import sys
import threading
from dataclasses import dataclass, field
from typing import BinaryIO

from core.config import ConfigError, Options, stated


@dataclass(frozen=True, slots=True)
class Terms:
    """What a hosted server is told."""

    options: Options
    token: str = field(repr=False)
    """What the other server shows with requests that it hands on."""
    verifier: str = field(repr=False)
    """Of the first superuser's password."""

    def line(self) -> bytes:
        """Return what stands for it on standard input."""
        told = {"options": dict(self.options.document), "token": self.token, "verifier": self.verifier}
        return json.dumps(told).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Doors:
    """Where a hosted server listens."""

    port: int
    interfaces: int
    """The port of its interfaces over HTTP."""


def read(source: BinaryIO) -> Terms:
    """Return what the first line of *source* tells; raises ``ConfigError``."""
    try:
        told = json.loads(source.readline())
        return Terms(stated(told["options"], "the hosting server"), told["token"], told["verifier"])
    except (ValueError, KeyError, TypeError):
        raise ConfigError("--hosted is for servers that another one starts") from None


def announce(doors: Doors) -> None:
    """Tell the other server where this one listens."""
    sys.stdout.write(json.dumps({"port": doors.port, "interfaces": doors.interfaces}) + "\n")
    sys.stdout.flush()


def announced(line: bytes) -> Doors:
    """Return where the server listens that has written *line*; raises ValueError."""
    told = json.loads(line)
    return Doors(told["port"], told["interfaces"])


def end_with_host(stop: asyncio.Event) -> None:
    """Set *stop* when the other server has gone."""
    loop = asyncio.get_running_loop()

    def wait() -> None:
        while sys.stdin.buffer.read(1):
            pass
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait, name="duckshift-host", daemon=True).start()
