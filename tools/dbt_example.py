"""Builds examples/dbt from nothing: a fresh server, then everything that dbt's user does, in order.

    python -m tools.dbt_example [--keep FOLDER]

``make dbt``. dbt runs with its default settings in its own environment (``scripts/clients dbt``): over TLS, and it checks
the server's certificate, which SSL_CERT_FILE names. Exits with 0 only if every command went well; with --keep the
server's data and dbt's documentation stay in FOLDER.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import psycopg

from tests.support.environments import program_of
from tests.support.server import Server

_PROJECT: Final = Path(__file__).parents[1] / "examples" / "dbt"
_MONTHS: Final = ("--event-time-start", "2008-01-01", "--event-time-end", "2009-01-01")
_STEPS: Final = (
    ("debug",),
    ("seed",),
    ("run-operation", "load_clicks"),
    ("source", "freshness"),
    ("build", "--exclude-resource-type", "seed", *_MONTHS),
    # What came since is added: the second time is the one that happens every night.
    ("run-operation", "load_clicks"),
    ("build", "--exclude-resource-type", "seed", *_MONTHS),
    ("docs", "generate"),
)
_REPORT: Final = """
    SELECT to_char(month, 'YYYY-MM') AS month, sales, revenue FROM tickets_marts.monthly_revenue ORDER BY 1
"""


def build(folder: Path) -> int:
    """Play all steps in *folder*; return the exit code of the first that failed, 0 for none."""
    with Server(folder / "data") as server:
        environment = os.environ | _variables(server, folder)
        for step in _STEPS:
            print(f"\n$ dbt {' '.join(step)}", flush=True)
            done = subprocess.run([str(program_of("dbt", "dbt")), *step], env=environment, check=False)
            if done.returncode:
                return done.returncode
        with psycopg.connect(server.dsn) as connection:
            print("\ntickets_marts.monthly_revenue:")
            for row in connection.execute(_REPORT):
                print("  " + "  ".join(f"{value!s:>12}" for value in row))
    return 0


def _variables(server: Server, folder: Path) -> Mapping[str, str]:
    return {
        "DUCKSHIFT_HOST": server.host,
        "DUCKSHIFT_PORT": str(server.port),
        "DUCKSHIFT_USER": server.user,
        "DBT_ENV_SECRET_DUCKSHIFT_PASSWORD": server.password,
        "SSL_CERT_FILE": f"{server.data}/tls/server.crt",
        "DBT_PROJECT_DIR": str(_PROJECT),
        "DBT_PROFILES_DIR": str(_PROJECT),
        "DBT_TARGET_PATH": str(folder / "target"),
        "DBT_LOG_PATH": str(folder / "logs"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


@contextlib.contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def main() -> int:
    """Read the arguments and build."""
    parser = argparse.ArgumentParser(description="Build examples/dbt on a fresh server.")
    parser.add_argument("--keep", type=Path, help="keep data and documentation in this folder")
    with _folder(parser.parse_args().keep) as folder:
        return build(folder)


if __name__ == "__main__":
    sys.exit(main())
