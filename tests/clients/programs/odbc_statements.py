"""Runs the statements of a file, a line of Base64 each, over psqlODBC with cursors and says in JSON what each answered."""

import base64
import datetime as dt
import decimal
import json
import os
from pathlib import Path

import cases
import pyodbc

WORDS = {
    "DRIVER": "{PostgreSQL Unicode}", "SERVER": cases.HOST, "PORT": cases.PORT, "DATABASE": cases.DATABASE,
    "UID": cases.USER, "PWD": cases.PASSWORD, "SSLmode": "require", "Protocol": "7.4-1", "UseDeclareFetch": 1, "Fetch": 2,
    "BoolsAsChar": 0, "MaxVarcharSize": 65535, "MaxLongVarcharSize": 65535, "UnknownsAsLongVarchar": 0,
}  # fmt: skip


def shown(value):
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    return str(value) if isinstance(value, dt.datetime | dt.date | int) else repr(value)


def answer(connection, statement):
    try:
        cursor = connection.execute(statement)
        rows = None if cursor.description is None else [[shown(value) for value in row] for row in cursor.fetchall()]
        cursor.close()
    except pyodbc.Error as error:
        return {"state": error.args[0], "message": error.args[-1]}
    return {"rows": rows}


with pyodbc.connect(";".join(f"{name}={value}" for name, value in WORDS.items()), autocommit=True, timeout=60) as CONNECTION:
    for line in Path(os.environ["CASE_STATEMENTS"]).read_text().splitlines():
        print(json.dumps(answer(CONNECTION, base64.b64decode(line).decode())))
