"""The clients that tests run as their users do: tests/clients/clients.toml, a table a client.

A test belongs to a client by ``@pytest.mark.client("<its table's name>")``. ``make clients`` counts by that mark.
"""

import importlib.metadata
import json
import re
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.environments import jar_of, modules_of, python_of

FOLDER: Final = Path(__file__).resolve().parents[1] / "clients"
_NUMBER: Final = re.compile(r"\d+(?:\.\w+)+")
_TIMEOUT_S: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One client, as the page about clients tells of it."""

    name: str
    title: str
    version: Mapping[str, str]
    """Where its version is found: ``distribution`` (in ``environment``, else here), ``npm`` and ``environment``, a
    ``jar`` of an environment, ``debian`` package, ``program`` that answers --version, or ``fixed``."""
    connect: str
    """What its user writes to connect."""
    tested: str
    limits: str = ""
    apart: bool = False
    """Whether only ``make clients`` runs its tests: what they need is large, or they take long."""
    application: str = ""
    """The application_name that it gives where its user gives none."""


def clients() -> tuple[Client, ...]:
    """Return all clients, in the order of the file."""
    found = tomllib.loads((FOLDER / "clients.toml").read_text(encoding="utf-8"))
    return tuple(Client(name=name, **row) for name, row in found.items())


def version_of(client: Client) -> str:
    """Return the version of what is installed; fails where it is not."""
    source = dict(client.version)
    environment = source.pop("environment", "")
    ((kind, name),) = source.items()
    if kind == "fixed":
        return name
    if kind == "distribution" and not environment:
        return importlib.metadata.version(name)
    if kind == "jar":
        return _number(jar_of(name).stem)
    if kind == "npm":
        package = modules_of(environment) / name / "package.json"
        return str(json.loads(package.read_text(encoding="utf-8"))["version"])
    commands = {
        "distribution": lambda: [
            str(python_of(environment)), "-c",
            f"import importlib.metadata as m; print(m.version({name!r}))",
        ],
        "debian": lambda: ["dpkg-query", "-W", "-f", "${Version}", name],
        "program": lambda: [name, "--version"],
    }  # fmt: skip
    done = subprocess.run(commands[kind](), capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
    return _number(done.stdout)


def _number(text: str) -> str:
    found = _NUMBER.search(text)
    return found[0] if found else text.strip()


def listings(connection: Any, application: str) -> dict[str, int]:
    """Return how many connections of *application* each system table lists, as *connection* (psycopg) sees them."""
    query = """
        select 'stv_sessions', count(*) from stv_sessions where process in
            (select pid from stl_connection_log where application_name = %(name)s)
        union all select 'stl_connection_log', count(*) from stl_connection_log
            where application_name = %(name)s and event = 'initiating session'
        union all select 'sys_connection_log', count(*) from sys_connection_log
            where application_name = %(name)s and event = 'initiating session'
        union all select 'sys_session_history', count(*) from sys_session_history where session_id in
            (select pid from stl_connection_log where application_name = %(name)s)"""
    return dict(connection.execute(query, {"name": application}).fetchall())
