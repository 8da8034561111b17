"""Servers that take snapshots, and ``duckshift snapshot``."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg

from tests.support.server import ROOT, Server


def keeping(data: Path, place: str, **variables: str) -> Server:
    quiet = {"DUCKSHIFT_SNAPSHOTS_INTERVAL_HOURS": "0", "DUCKSHIFT_SNAPSHOTS_CHANGED_MB": "0"}
    return Server(data, environment={"DUCKSHIFT_SNAPSHOTS_DESTINATION": place} | quiet | variables)


def run(server: Server, *statements: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def command(place: str, data: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run ``duckshift snapshot``."""
    line = [sys.executable, "-P", "-m", "server.main", "snapshot", *words, "--data", str(data)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "DUCKSHIFT_SNAPSHOTS_DESTINATION": place} | variables
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=100, check=False)


def restored(place: str, name: str, data: Path, *words: str, **variables: str) -> Server:
    """Return a server of what a snapshot was."""
    done = command(place, data, "restore", name, *words, **variables)
    assert done.returncode == 0, done.stderr
    return Server(data, environment=variables)
