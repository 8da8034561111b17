"""What the server writes to stderr: one line an event, for people or for machines.

Owns the form of a line only. Call sites use ``logging`` with a fixed message and pass what varies as
``extra={"peer": peer}``; nobody passes passwords, parameters or statement texts (docs/security.md).
"""

import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, TextIO

from core.config import LogOptions

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; the rest came by ``extra``."""
# A line break in a value would let a client write log lines of its own.
_QUOTED: Final = frozenset(' "=\\')


class TextFormatter(logging.Formatter):
    """``2026-01-31T12:00:00.000Z INFO server.listener connection refused peer=10.0.0.1``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of *record*; an exception's traceback follows on lines of its own, indented."""
        words = [_moment(record), record.levelname, record.name, _flat(record.getMessage())]
        words += [f"{name}={_quoted(value)}" for name, value in _facts(record).items()]
        line = " ".join(words)
        if record.exc_info:
            line += "\n" + "\n".join("    " + row for row in self.formatException(record.exc_info).splitlines())
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time``, ``level``, ``logger``, ``message``, and the facts."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of *record*."""
        line: dict[str, object] = {
            "time": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in _facts(record).items():
            line.setdefault(name, value)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def start(options: LogOptions, stream: TextIO) -> None:
    """Send what the program logs to *stream* in the form and from the level of *options*."""
    sink = logging.StreamHandler(stream)
    sink.setFormatter(FORMATTERS[options.format]())
    root = logging.getLogger()
    root.handlers[:] = [sink]
    root.setLevel(options.level.upper())
    # What our libraries say in detail is for their own developers, and botocore's debug lines hold requests.
    for library in ("asyncio", "boto3", "botocore", "s3transfer", "sqlglot", "urllib3"):
        logging.getLogger(library).setLevel(logging.WARNING)


def _facts(record: logging.LogRecord) -> Mapping[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _quoted(value: object) -> str:
    text = str(value)
    plain = text != "" and text.isprintable() and _QUOTED.isdisjoint(text)
    return text if plain else json.dumps(text, ensure_ascii=False)


def _flat(text: str) -> str:
    return text if text.isprintable() else json.dumps(text, ensure_ascii=False)[1:-1]


FORMATTERS: Final[Mapping[str, type[logging.Formatter]]] = {"text": TextFormatter, "json": JsonFormatter}


def end_now(status: int = 1) -> None:
    """End the process as it is, once what it said is out: what is committed is on disk, the next start reads it."""
    logging.shutdown()
    sys.stderr.flush()
    os._exit(status)
