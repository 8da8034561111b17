"""The command line: ``duckshift serve``, ``health``, ``snapshot``, ``rotate-keys``, ``--version``.

Reads flags, environment and file into ``Options`` and hands them to ``server.app``; decides nothing else.
"""

import argparse
import importlib.metadata
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from core.config import CONFIG_VARIABLE, ConfigError, Options, load
from core.options import BY_FLAG
from server import collector, hosted, log
from server.health import is_away, is_healthy

EXIT_FAILURE: Final = 1
EXIT_USAGE: Final = 2
_LOCAL: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1", "*": "127.0.0.1"}  # noqa: S104 - not bound here


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that *arguments* ask for and return the exit status."""
    given = _parser().parse_args(arguments)
    terms = None
    try:
        if given.command == "serve" and given.hosted:
            terms = hosted.read(sys.stdin.buffer)
        options = terms.options if terms is not None else _options(given, os.environ)
    except ConfigError as error:
        print(f"duckshift: {error}", file=sys.stderr)
        return EXIT_USAGE
    if given.command == "health":
        return _health(options)
    if given.command == "rotate-keys":
        return _rotate_keys(options)
    if given.command == "snapshot":
        return _snapshot(options, given)
    log.start(options.log, sys.stderr)
    collector.hold()
    # Imported here: a wrong flag is reported, and health asked, without loading DuckDB.
    from server.opening import begin

    database = begin(options)
    from server.app import serve

    return serve(options, database, terms)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="duckshift",
        description="A server that Amazon Redshift's users point their tools at.",
        epilog="Every setting of config/duckshift.toml can be set by a variable DUCKSHIFT_<SECTION>_<KEY>.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"duckshift {importlib.metadata.version('duckshift')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command, flags, text in _COMMANDS:
        added = commands.add_parser(command, help=text, description=text, allow_abbrev=False)
        added.add_argument("--config", metavar="FILE", help=f"TOML file with settings (or {CONFIG_VARIABLE})")
        for flag in flags:
            option = BY_FLAG[flag]
            help_text = f"{option.doc} (default {option.default}, or {option.variable})".replace("%", "%%")
            added.add_argument(flag, metavar=flag.strip("-").upper(), help=help_text)
        if command == "serve":
            added.add_argument("--hosted", action="store_true", help=_HOSTED)
        if command == "snapshot":
            added.add_argument("action", choices=("create", "list", "delete", "verify", "restore"))
            added.add_argument("name", nargs="?", default="", metavar="NAME")
            added.add_argument("--at", default="", metavar="TIME", help="restore as it was then, before the snapshot")
            table = "restore only this table (database.schema.table), into the running server"
            added.add_argument("--table", default="", metavar="TABLE", help=table)
            added.add_argument("--to", default="", metavar="TABLE", help="the restored table's name")
            added.add_argument("--copy", action="store_true", help="look at the second place, snapshots.copy_to")
    return parser


_HOSTED: Final = "serve a cluster of another server, which says everything else on standard input"
_COMMANDS: Final = (
    ("serve", ("--data", "--host", "--port"), "Start the server."),
    ("health", ("--host", "--port"), "Exit with 0 if a server answers, with 1 if not."),
    ("snapshot", ("--data",), "Look after snapshots; restore one into a new data folder (--data)."),
    ("rotate-keys", ("--data",), "Encrypt a stopped server's data folder with a new data key."),
)


def _options(given: argparse.Namespace, environment: Mapping[str, str]) -> Options:
    file = given.config or environment.get(CONFIG_VARIABLE)
    flags = {flag: getattr(given, flag.strip("-"), None) for flag in BY_FLAG}
    return load(Path(file) if file else None, environment, flags)


def _health(options: Options) -> int:
    host, port = _LOCAL.get(options.server.host, options.server.host), options.server.port
    healthy, away = is_healthy(host, port), is_away(options.storage.state_folder)
    if healthy and not away:
        return 0
    if healthy:
        print(f"duckshift: the catalogue's PostgreSQL does not answer the server at {host}:{port}", file=sys.stderr)
    else:
        waits = ", which waits for the catalogue's PostgreSQL" if away else ""
        print(f"duckshift: no server answers at {host}:{port}{waits}", file=sys.stderr)
    return EXIT_FAILURE


def _snapshot(options: Options, given: argparse.Namespace) -> int:
    from core.errors import SqlError
    from server.snapshots import Asked, command
    from storage.database import WarehouseError

    try:
        return command(
            options,
            Asked(
                action=given.action, name=given.name, at=given.at, table=given.table, to=given.to, copy=given.copy
            ),
        )
    except SqlError as error:
        print(f"duckshift: {error.message}", file=sys.stderr)
    except (ConfigError, WarehouseError, OSError) as error:
        print(f"duckshift: {error}", file=sys.stderr)
    return EXIT_FAILURE


def _rotate_keys(options: Options) -> int:
    from server.keyring import rotate_keys
    from storage.database import WarehouseError

    try:
        rotate_keys(options)
    except (ConfigError, WarehouseError, OSError) as error:
        print(f"duckshift: {error}", file=sys.stderr)
        return EXIT_FAILURE
    print("duckshift: the data folder has a new key", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
