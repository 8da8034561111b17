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


LISTED = """
    select trim(application_name) as a, trim(remotehost) as b, remoteport ~ '^[0-9]+$' as c, trim(authmethod) as d,
           trim(username) as e, trim(dbname) as f, left(trim(sslversion), 4) as g, sslcipher like 'TLS%' as h,
           trim(driver_version) as i, trim(os_version) as k, trim(plugin_name) as l, protocol_version as m,
           (select count(*) from stv_sessions where process = pg_backend_pid()) as n,
           (select count(*) from sys_connection_log where session_id = pg_backend_pid() and event in ('authenticated', 'initiating session')) as o,
           (select count(*) from sys_session_history where session_id = pg_backend_pid() and status = 'active') as p
    from stl_connection_log where pid = pg_backend_pid() and event = 'initiating session'"""


def listed(rows, application, driver="", system="", plugin="", level=0, tls=True):
    """Fail unless *rows*, the answer to ``LISTED`` in a connection of *application*, are what became of it."""
    (found,) = (tuple(row) for row in rows)
    connection = (application, "127.0.0.1", True, "password", USER, DATABASE, "TLSv" if tls else "", tls)
    assert found[:8] == connection, found
    assert driver in found[8] and bool(driver) == bool(found[8]), found
    assert system in found[9] and bool(system) == bool(found[9]), found
    assert found[10:] == (plugin, level, 1, 2, 1), found


def raises(kind, function, *arguments):
    """Return the exception of *kind* that calling *function* raises."""
    try:
        function(*arguments)
    except kind as error:
        return error
    raise AssertionError(f"{function} raised nothing")
