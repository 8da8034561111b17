"""What the Python programs beside this file share: they run in the clients' own environments, with nothing of ours.

A program's functions ``case_<name>`` are its cases; each says in a line of JSON whether it went well.
"""

import json
import os
import sys
import traceback
import warnings

HOST, PORT, USER = os.environ["PGHOST"], int(os.environ["PGPORT"]), os.environ["PGUSER"]
PASSWORD, DATABASE, CERTIFICATE = os.environ["PGPASSWORD"], os.environ["PGDATABASE"], os.environ["SERVER_CERTIFICATE"]


def run(module):
    """Run the cases of a module's namespace."""
    warnings.simplefilter("ignore")
    for name, case in list(module.items()):
        if not name.startswith("case_"):
            continue
        error = None
        try:
            case()
        except Exception:
            error = traceback.format_exc()
        print(json.dumps({"case": name.removeprefix("case_"), "error": error}), flush=True)
    sys.stdout.flush()
    # Connections that a failed case left open need no farewell.
    os._exit(0)


def raises(kind, function, *arguments):
    """Return the exception of *kind* that calling *function* raises."""
    try:
        function(*arguments)
    except kind as error:
        return error
    raise AssertionError(f"{function} raised nothing")
