"""Who may do what: every kind of statement under every set of privileges, the refused side and the allowed.

A statement needs certain privileges (``STATEMENTS``). Under each set that is granted it must be let through when it
needs no others, and end in 42501 when it does. Sets are: none, all, each one alone, all but each one; the way they
come to the user is varied: to the user, a group, a role, a role within a role, PUBLIC, scoped permissions.
"""

from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import pq

from tests.security.conftest import PASSWORD, Connect

S, ANYTHING_ELSE = "schema USAGE", "nobody"
GRANTS = {
    S: "USAGE ON SCHEMA matrix",
    "schema CREATE": "CREATE ON SCHEMA matrix",
    "database CREATE": "CREATE ON DATABASE dev",
    **{f"t {word}": f"{word} ON matrix.t" for word in ("SELECT", "INSERT", "UPDATE", "DELETE", "DROP", "ALTER", "TRUNCATE", "REFERENCES")},
    "o SELECT": "SELECT ON matrix.o",
    "c SELECT": "SELECT (a) ON matrix.c",
    "c UPDATE": "UPDATE (a) ON matrix.c",
    "v SELECT": "SELECT ON matrix.v",
    "lv SELECT": "SELECT ON matrix.lv",
    "mv SELECT": "SELECT ON matrix.mv",
    "f EXECUTE": "EXECUTE ON FUNCTION matrix.f (int)",
    "p EXECUTE": "EXECUTE ON PROCEDURE matrix.p ()",
    "d EXECUTE": "EXECUTE ON PROCEDURE matrix.d ()",
}  # fmt: skip
"""What can be granted, and how."""
STATEMENTS = {
    "SELECT * FROM matrix.t": {S, "t SELECT"},
    "SELECT count(*) FROM matrix.t": {S, "t SELECT"},
    "SELECT 1 FROM matrix.t WHERE a > 0": {S, "t SELECT"},
    "WITH x AS (SELECT a FROM matrix.t) SELECT * FROM x": {S, "t SELECT"},
    "SELECT 1 WHERE EXISTS (SELECT 1 FROM matrix.t)": {S, "t SELECT"},
    "SELECT a FROM matrix.t UNION ALL SELECT a FROM matrix.o": {S, "t SELECT", "o SELECT"},
    "SELECT t.a FROM matrix.t JOIN matrix.o ON t.a = o.a": {S, "t SELECT", "o SELECT"},
    "SELECT (SELECT max(a) FROM matrix.o) FROM matrix.t": {S, "t SELECT", "o SELECT"},
    "EXPLAIN SELECT * FROM matrix.t": {S, "t SELECT"},
    "EXPLAIN INSERT INTO matrix.t SELECT * FROM matrix.o": {S, "t INSERT", "o SELECT"},
    "EXPLAIN DELETE FROM matrix.t": {S, "t DELETE"},
    "DECLARE m CURSOR FOR SELECT * FROM matrix.t": {S, "t SELECT"},
    "COPY matrix.t TO STDOUT": {S, "t SELECT"},
    "COPY (SELECT a FROM matrix.t) TO STDOUT": {S, "t SELECT"},
    "COPY matrix.t FROM STDIN": {S, "t INSERT"},
    "COPY matrix.t FROM 's3://nowhere/x' IAM_ROLE default": {S, "t INSERT"},
    "UNLOAD ('SELECT * FROM matrix.t') TO 's3://nowhere/x' IAM_ROLE default": {S, "t SELECT"},
    "SELECT * INTO TEMP made FROM matrix.t": {S, "t SELECT"},
    "CREATE TEMP TABLE made AS SELECT * FROM matrix.t": {S, "t SELECT"},
    "CREATE TABLE matrix.made AS SELECT * FROM matrix.t": {S, "t SELECT", "schema CREATE"},
    "CREATE TABLE matrix.made (a int)": {"schema CREATE"},
    "CREATE VIEW matrix.made AS SELECT * FROM matrix.t": {S, "t SELECT", "schema CREATE"},
    "CREATE MATERIALIZED VIEW matrix.made AS SELECT a FROM matrix.t": {S, "t SELECT", "schema CREATE"},
    "CREATE FUNCTION matrix.made (int) RETURNS int STABLE AS $$ SELECT $1 $$ LANGUAGE sql": {"schema CREATE"},
    "CREATE PROCEDURE matrix.made () AS $$ BEGIN NULL; END $$ LANGUAGE plpgsql": {"schema CREATE"},
    "CREATE SCHEMA matrix_made": {"database CREATE"},
    "INSERT INTO matrix.t VALUES (1, 1)": {S, "t INSERT"},
    "INSERT INTO matrix.t (a) VALUES (1), (2), (3)": {S, "t INSERT"},
    "INSERT INTO matrix.t DEFAULT VALUES": {S, "t INSERT"},
    "INSERT INTO matrix.t SELECT * FROM matrix.o": {S, "t INSERT", "o SELECT"},
    "INSERT INTO matrix.t SELECT * FROM matrix.t": {S, "t INSERT", "t SELECT"},
    "UPDATE matrix.t SET b = 1": {S, "t UPDATE"},
    "UPDATE matrix.t SET b = a": {S, "t UPDATE", "t SELECT"},
    "UPDATE matrix.t SET b = 1 WHERE a = 1": {S, "t UPDATE", "t SELECT"},
    "UPDATE matrix.t SET b = (SELECT max(a) FROM matrix.o)": {S, "t UPDATE", "o SELECT"},
    "UPDATE matrix.t SET b = o.a FROM matrix.o WHERE t.a = o.a": {S, "t UPDATE", "t SELECT", "o SELECT"},
    "DELETE FROM matrix.t": {S, "t DELETE"},
    "DELETE FROM matrix.t WHERE a = 1": {S, "t DELETE", "t SELECT"},
    "DELETE FROM matrix.t USING matrix.o WHERE t.a = o.a": {S, "t DELETE", "t SELECT", "o SELECT"},
    "MERGE INTO matrix.t USING matrix.o ON t.a = o.a WHEN MATCHED THEN UPDATE SET b = 2 WHEN NOT MATCHED THEN"
    " INSERT VALUES (o.a, 1)": {S, "t UPDATE", "t SELECT", "t INSERT", "o SELECT"},
    "MERGE INTO matrix.t USING matrix.o ON t.a = o.a WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (1, 1)":
        {S, "t UPDATE", "t DELETE", "t SELECT", "t INSERT", "o SELECT"},
    "LOCK matrix.t": {S, "t UPDATE"},
    "TRUNCATE matrix.t": {S, "t TRUNCATE"},
    "DROP TABLE matrix.t": {S, "t DROP"},
    "ALTER TABLE matrix.t ADD COLUMN z int": {S, "t ALTER"},
    "ALTER TABLE matrix.t RENAME TO u": {S, "t ALTER"},
    "SHOW TABLE matrix.t": {S, "t SELECT"},
    "SELECT a FROM matrix.c": {S, "c SELECT"},
    "SELECT count(*) FROM matrix.c": {S, "c SELECT"},
    "SELECT b FROM matrix.c": {ANYTHING_ELSE},
    "SELECT * FROM matrix.c": {ANYTHING_ELSE},
    "SELECT a FROM matrix.c WHERE b = 1": {ANYTHING_ELSE},
    "SELECT a FROM matrix.c ORDER BY b": {ANYTHING_ELSE},
    "UPDATE matrix.c SET a = 1": {S, "c UPDATE"},
    "UPDATE matrix.c SET b = 1": {ANYTHING_ELSE},
    "INSERT INTO matrix.c VALUES (1, 1)": {ANYTHING_ELSE},
    "SELECT * FROM matrix.v": {S, "v SELECT"},
    "SELECT * FROM matrix.lv": {S, "lv SELECT"},
    "SELECT * FROM matrix.mv": {S, "mv SELECT"},
    "SELECT * FROM matrix.h": {ANYTHING_ELSE},
    "SELECT * FROM matrix.mv_tbl__mv__0": {ANYTHING_ELSE},
    "SELECT matrix.f(1)": {S, "f EXECUTE"},
    "SELECT matrix.f(a) FROM matrix.t": {S, "f EXECUTE", "t SELECT"},
    "SELECT a FROM matrix.t WHERE matrix.f(a) > 0": {S, "f EXECUTE", "t SELECT"},
    "CALL matrix.p()": {S, "p EXECUTE", "t SELECT"},
    "CALL matrix.d()": {S, "d EXECUTE"},
    "REFRESH MATERIALIZED VIEW matrix.mv": {ANYTHING_ELSE},
    "ALTER TABLE matrix.t OWNER TO matrix_user": {ANYTHING_ELSE},
    "ALTER TABLE matrix.t ROW LEVEL SECURITY OFF": {ANYTHING_ELSE},
    "COMMENT ON TABLE matrix.t IS 'x'": {ANYTHING_ELSE},
    "ANALYZE matrix.t": {ANYTHING_ELSE},
    "GRANT SELECT ON matrix.t TO PUBLIC": {ANYTHING_ELSE},
    "REVOKE SELECT ON matrix.t FROM PUBLIC": {ANYTHING_ELSE},
    "DROP VIEW matrix.v": {ANYTHING_ELSE},
    "DROP MATERIALIZED VIEW matrix.mv": {ANYTHING_ELSE},
    "DROP FUNCTION matrix.f (int)": {ANYTHING_ELSE},
    "DROP PROCEDURE matrix.p ()": {ANYTHING_ELSE},
    "DROP SCHEMA matrix CASCADE": {ANYTHING_ELSE},
    "ALTER SCHEMA matrix RENAME TO other": {ANYTHING_ELSE},
    "CREATE OR REPLACE VIEW matrix.v AS SELECT 1 AS a, 2 AS b": {ANYTHING_ELSE},
    "CREATE USER other_user PASSWORD DISABLE": {ANYTHING_ELSE},
    "CREATE GROUP other_group": {ANYTHING_ELSE},
    "CREATE ROLE other_role": {ANYTHING_ELSE},
    "GRANT ROLE sys:superuser TO matrix_user": {ANYTHING_ELSE},
    "ALTER USER matrix_user CREATEUSER": {ANYTHING_ELSE},
    "SET SESSION AUTHORIZATION awsuser": {ANYTHING_ELSE},
    "CREATE RLS POLICY made USING (true)": {ANYTHING_ELSE},
    "CREATE MASKING POLICY made WITH (a int) USING (a)": {ANYTHING_ELSE},
    "SELECT * FROM svv_rls_applied_policy": {ANYTHING_ELSE},
}  # fmt: skip
"""Statement → what it needs."""

_OBJECTS = """
CREATE USER matrix_user PASSWORD '{password}';
CREATE GROUP matrix_group;
CREATE ROLE matrix_role;
CREATE ROLE matrix_outer;
CREATE SCHEMA matrix;
CREATE TABLE matrix.t (a int, b int);
CREATE TABLE matrix.o (a int, b int);
CREATE TABLE matrix.c (a int, b int);
CREATE TABLE matrix.h (a int, b int);
CREATE VIEW matrix.v AS SELECT * FROM matrix.h;
CREATE VIEW matrix.lv AS SELECT * FROM matrix.h WITH NO SCHEMA BINDING;
CREATE MATERIALIZED VIEW matrix.mv AS SELECT a FROM matrix.h;
CREATE FUNCTION matrix.f (int) RETURNS int STABLE AS $$ SELECT $1 $$ LANGUAGE sql;
REVOKE EXECUTE ON FUNCTION matrix.f (int) FROM PUBLIC;
CREATE PROCEDURE matrix.p () AS $$ DECLARE n int# BEGIN SELECT count(*) INTO n FROM matrix.t# END $$ LANGUAGE plpgsql;
CREATE PROCEDURE matrix.d () AS $$ DECLARE n int# BEGIN SELECT count(*) INTO n FROM matrix.t# END $$ LANGUAGE plpgsql SECURITY DEFINER
"""


@pytest.fixture(scope="module")
def matrix(admin: psycopg.Connection, as_user: Connect) -> Iterator[psycopg.Connection]:
    for statement in _OBJECTS.format(password=PASSWORD).split(";\n"):
        admin.execute(statement.replace("#", ";"))
    yield as_user("matrix_user")
    for statement in ("DROP SCHEMA matrix CASCADE", "DROP ROLE matrix_outer FORCE", "DROP ROLE matrix_role FORCE"):
        admin.execute(statement)


def refused(connection: psycopg.Connection, sql: str) -> bool:
    """Tell whether a statement is refused for want of privileges; what it did is undone."""
    raw = connection.pgconn
    # TRUNCATE commits, which leaves the table as empty as it was.
    raw.exec_(b"BEGIN")
    result = raw.exec_(sql.encode())
    if result.status == pq.ExecStatus.COPY_IN:
        raw.put_copy_end()
        result = raw.get_result() or result
    elif result.status == pq.ExecStatus.COPY_OUT:
        while raw.get_copy_data(0)[0] > 0:
            pass
        result = raw.get_result() or result
    while raw.get_result() is not None:
        pass
    raw.exec_(b"ROLLBACK")
    state = result.error_field(pq.DiagnosticField.SQLSTATE)
    assert state is None or not state.startswith(b"XX"), sql
    # The table was allowed: it is the role, which nobody set up, that is not.
    told = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode()
    return state == b"42501" and "IAM Role" not in told


def _sets() -> Iterator[frozenset[str]]:
    everything = frozenset(GRANTS)
    yield from (frozenset(), everything, everything - {S})
    yield from (frozenset({S, name}) for name in GRANTS)
    yield from (everything - {name} for name in GRANTS if name != S)


def _wrong(connection: psycopg.Connection, held: frozenset[str], varied: frozenset[str] = frozenset()) -> list[str]:
    """Return the statements that *held* does not decide as it should.

    Where *varied* is what a set is about, statements that do not need it are tried a third at a time: another third
    for each set.
    """
    turn = sum(map(len, varied))
    tried = [
        (sql, needed)
        for number, (sql, needed) in enumerate(STATEMENTS.items())
        if not varied or varied & needed or (number + turn) % 3 == 0
    ]
    return [
        f"{'refused' if needed <= held else 'let through'}: {sql}"
        for sql, needed in tried
        if refused(connection, sql) == (needed <= held)
    ]


def _change(admin: psycopg.Connection, word: str, names: frozenset[str], grantee: str) -> None:
    for name in sorted(names):
        admin.execute(f"{word} {GRANTS[name]} {'TO' if word == 'GRANT' else 'FROM'} {grantee}")


@pytest.mark.parametrize("held", list(_sets()), ids=lambda held: f"{len(held)}-{'+'.join(sorted(held)[:2])}")
def test_each_set_of_privileges(admin: psycopg.Connection, matrix: psycopg.Connection, held: frozenset[str]) -> None:
    _change(admin, "GRANT", held, "matrix_user")
    try:
        varied = held - {S} if len(held) < len(GRANTS) / 2 else frozenset(GRANTS) - held
        assert not _wrong(matrix, held, varied)
    finally:
        _change(admin, "REVOKE", held, "matrix_user")


def _member(joined: str, left: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(joined.split("; ")), tuple(left.split("; "))


WAYS: dict[str, tuple[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "group": ("GROUP matrix_group", _member(
        "ALTER GROUP matrix_group ADD USER matrix_user", "ALTER GROUP matrix_group DROP USER matrix_user")),
    "role": ("ROLE matrix_role", _member("GRANT ROLE matrix_role TO matrix_user", "REVOKE ROLE matrix_role FROM matrix_user")),
    "role in a role": ("ROLE matrix_role", _member(
        "GRANT ROLE matrix_role TO ROLE matrix_outer; GRANT ROLE matrix_outer TO matrix_user",
        "REVOKE ROLE matrix_outer FROM matrix_user; REVOKE ROLE matrix_role FROM ROLE matrix_outer")),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_privileges(admin: psycopg.Connection, matrix: psycopg.Connection, way: str) -> None:
    grantee, (joined, left) = WAYS[way]
    # Column privileges are for users and groups in Redshift; the statements that need them are seen above.
    held = frozenset(name for name in GRANTS if not name.startswith("c "))
    _change(admin, "GRANT", held, grantee)
    try:
        assert not _wrong(matrix, frozenset())
        for statement in joined:
            admin.execute(statement)
        assert not _wrong(matrix, held)
        for statement in left:
            admin.execute(statement)
        assert not _wrong(matrix, frozenset())
    finally:
        _change(admin, "REVOKE", held, grantee)


def test_what_public_holds_everybody_does(admin: psycopg.Connection, matrix: psycopg.Connection) -> None:
    held = frozenset(GRANTS) - {"database CREATE"}
    _change(admin, "GRANT", held, "PUBLIC")
    try:
        assert not _wrong(matrix, held)
    finally:
        _change(admin, "REVOKE", held, "PUBLIC")


def test_scoped_permissions(admin: psycopg.Connection, matrix: psycopg.Connection) -> None:
    words = ("SELECT", "INSERT", "UPDATE", "DELETE", "DROP", "ALTER", "TRUNCATE")
    admin.execute("GRANT USAGE, CREATE ON SCHEMA matrix TO matrix_user")
    admin.execute(f"GRANT {', '.join(words)} FOR TABLES IN SCHEMA matrix TO matrix_user")
    held = frozenset({S, "schema CREATE"} | {f"t {word}" for word in words} | {"o SELECT", "v SELECT", "lv SELECT", "mv SELECT"})
    wanted: Callable[[str], bool] = lambda sql: not any(name in sql for name in ("matrix.c", "matrix.h", "matrix.v ", "matrix.mv", "VIEW"))  # noqa: E731
    try:
        assert not [line for line in _wrong(matrix, held) if wanted(line)]
    finally:
        admin.execute(f"REVOKE {', '.join(words)} FOR TABLES IN SCHEMA matrix FROM matrix_user")
        admin.execute("REVOKE USAGE, CREATE ON SCHEMA matrix FROM matrix_user")


def test_superusers_are_never_refused(admin: psycopg.Connection, matrix: psycopg.Connection) -> None:
    admin.execute("GRANT ROLE sys:superuser TO matrix_user")
    try:
        assert not [sql for sql in STATEMENTS if refused(matrix, sql) and "SESSION AUTHORIZATION" not in sql]
    finally:
        admin.execute("REVOKE ROLE sys:superuser FROM matrix_user")
