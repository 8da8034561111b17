"""Hidden rows leave no trace: a guarded table answers as one that never held them, errors included.

The same of masked columns: a table answers as one that holds what is shown. Every probe runs on a table whose rows a policy hides, and on a twin that holds only what may be seen. An expression
that fails on a hidden row, a predicate that counts it, a plan that looks at it early would make the two differ.
"""

import re
from collections.abc import Iterator

import psycopg
import pytest

from tests.security.conftest import PASSWORD, Connect

GUARDED = ("secret_table", "secret_view", "secret_late", "secret_kept", "secret_lookup")
"""How the rows are guarded: the table by a plain condition, a view over it, its own policy on a view, a materialized
view, a condition with a lookup table."""

PROBES = (
    "SELECT count(*), sum(id), min(note), max(amount) FROM {t}",
    "SELECT id FROM {t} ORDER BY id",
    # Casts, divisions and functions that fail on what is hidden.
    "SELECT id FROM {t} WHERE CAST(note AS int) > 0 ORDER BY 1",
    "SELECT id FROM {t} WHERE note::int = 7 OR id = 1 ORDER BY 1",
    "SELECT id FROM {t} WHERE 100 / (id - 3) > -1000 ORDER BY 1",
    "SELECT id FROM {t} WHERE 100 / amount > 0 ORDER BY 1",
    "SELECT CAST(note AS int) FROM {t} ORDER BY 1",
    "SELECT sum(CAST(note AS int)) FROM {t}",
    "SELECT note::int, count(*) FROM {t} GROUP BY 1 ORDER BY 1",
    "SELECT kind FROM {t} GROUP BY kind HAVING max(note::int) > 0 ORDER BY 1",
    "SELECT id, row_number() OVER (ORDER BY note::int) FROM {t} ORDER BY 1",
    "SELECT id FROM {t} QUALIFY row_number() OVER (PARTITION BY kind ORDER BY 1 / amount) = 1 ORDER BY 1",
    "SELECT id FROM {t} ORDER BY note::int LIMIT 1",
    "SELECT DISTINCT note::int FROM {t} ORDER BY 1",
    "SELECT CASE WHEN id = 3 THEN 1 / 0 ELSE id END FROM {t} ORDER BY 1",
    "SELECT id FROM {t} WHERE CASE WHEN note = 'hidden' THEN 1 / 0 ELSE 1 END = 1 ORDER BY 1",
    "SELECT id FROM {t} WHERE coalesce(1 / nullif(amount, 5), 1) = 1 / 0",
    "SELECT count(*) FROM {t} WHERE 1 / (id * 0) = 1 AND kind = 'nothing'",
    "SELECT to_date(note, 'YYYY-MM-DD') FROM {t} WHERE id > 2",
    "SELECT id FROM {t} WHERE json_extract_path_text(note, 'a') = 'x'",
    "SELECT json_parse(note) FROM {t}",
    "SELECT id FROM {t} WHERE regexp_substr(note, repeat('(', id - 2)) <> ''",
    "SELECT id FROM {t} WHERE chr(CASE WHEN kind = 'h' THEN -5 ELSE 65 END) = 'A' ORDER BY 1",
    "SELECT id FROM {t} WHERE chr(65 - CASE WHEN note LIKE 'hid%' THEN 70 ELSE 0 END) = 'A' ORDER BY 1",
    "SELECT k.n FROM channel_keys k JOIN {t} t ON chr(CASE WHEN t.kind = 'h' THEN -5 ELSE 65 END) = 'A' ORDER BY 1",
    # Predicates that would tell what is there.
    "SELECT count(*) FROM {t} WHERE note LIKE 'hid%'",
    "SELECT count(*) FROM {t} WHERE note LIKE '%' OR CAST(note AS int) > 0",
    "SELECT count(*) FROM {t} WHERE note IN ('hidden', '7')",
    "SELECT EXISTS (SELECT 1 FROM {t} WHERE id = 3)",
    # Joins, subqueries, set operations, CTEs.
    "SELECT a.id, b.id FROM {t} a JOIN {t} b ON a.note::int = b.note::int ORDER BY 1, 2",
    "SELECT k.n, t.id FROM channel_keys k LEFT JOIN {t} t ON CAST(t.note AS int) = k.n ORDER BY 1, 2",
    "SELECT k.n FROM channel_keys k RIGHT JOIN {t} t ON t.note::int = k.n ORDER BY 1",
    "SELECT k.n FROM channel_keys k FULL JOIN {t} t ON t.id = k.n WHERE t.note::int > 0 OR k.n > 0 ORDER BY 1",
    "SELECT n FROM channel_keys WHERE n IN (SELECT CAST(note AS int) FROM {t}) ORDER BY 1",
    "SELECT n FROM channel_keys WHERE n NOT IN (SELECT note::int FROM {t}) ORDER BY 1",
    "SELECT n FROM channel_keys k WHERE EXISTS (SELECT 1 FROM {t} t WHERE t.note::int = k.n) ORDER BY 1",
    "SELECT n, (SELECT max(t.note::int) FROM {t} t WHERE t.id <= k.n) FROM channel_keys k ORDER BY 1",
    "SELECT id FROM {t} t WHERE (SELECT max(n) FROM channel_keys WHERE n = t.note::int) = 7 ORDER BY 1",
    "SELECT id FROM {t} t WHERE t.note::int IN (SELECT n FROM channel_keys) ORDER BY 1",
    "SELECT id FROM {t} t WHERE 1 / t.amount IN (SELECT n FROM channel_keys) ORDER BY 1",
    "WITH c AS (SELECT * FROM {t}) SELECT id FROM c WHERE note::int > 0 ORDER BY 1",
    "WITH c AS (SELECT id, note::int AS v FROM {t}) SELECT a.v FROM c a, c b WHERE a.id = b.id ORDER BY 1",
    "SELECT id FROM (SELECT * FROM {t} ORDER BY id LIMIT 10) q WHERE note::int > 0 ORDER BY 1",
    "SELECT v FROM (SELECT note::int AS v FROM {t} UNION ALL SELECT n FROM channel_keys) q ORDER BY 1",
    "SELECT note::int FROM {t} EXCEPT SELECT n FROM channel_keys ORDER BY 1",
    "SELECT note::int FROM {t} INTERSECT SELECT n FROM channel_keys ORDER BY 1",
    "SELECT * FROM (SELECT kind, amount FROM {t}) PIVOT (sum(amount) FOR kind IN ('a', 'b'))",
    "SELECT id FROM {t} START WITH id = 1 CONNECT BY PRIOR id = id - 1 ORDER BY 1",
    "SELECT listagg(note, ',') WITHIN GROUP (ORDER BY note::int) FROM {t}",
    "SELECT median(note::int), approximate count(DISTINCT note::int) FROM {t}",
    # Through what a user may make of it.
    "EXPLAIN ANALYZE SELECT 1 / 0 FROM {t} WHERE id = 3",
    "SELECT channel_int(note) FROM {t} ORDER BY 1",
    "SELECT id FROM {t} WHERE channel_int(note) > 0 ORDER BY 1",
)
CHANGES = (
    "UPDATE {t} SET amount = 1 WHERE CAST(note AS int) > 0",
    "UPDATE {t} SET amount = note::int",
    "UPDATE {t} SET amount = 1 / amount",
    "UPDATE {t} SET amount = 2 WHERE 1 / (id - 3) < 10",
    "UPDATE {t} SET note = k.n FROM channel_keys k WHERE k.n = {t}.note::int",
    "UPDATE {t} SET amount = (SELECT max(n) FROM channel_keys WHERE n = {t}.note::int)",
    "UPDATE {t} SET amount = 3 WHERE EXISTS (SELECT 1 FROM channel_keys WHERE n = {t}.note::int)",
    "DELETE FROM {t} WHERE note::int = 7",
    "DELETE FROM {t} WHERE 1 / amount = 1",
    "DELETE FROM {t} USING channel_keys k WHERE k.n = {t}.note::int",
    "DELETE FROM {t}",
)
MERGES = (
    "MERGE INTO {t} USING channel_keys k ON {t}.note::int = k.n WHEN MATCHED THEN UPDATE SET amount = k.n"
    " WHEN NOT MATCHED THEN INSERT (id, note, kind) VALUES (k.n, '0', 'a')",
    "MERGE INTO {t} USING channel_keys k ON {t}.id = k.n WHEN MATCHED THEN UPDATE SET amount = {t}.note::int"
    " WHEN NOT MATCHED THEN INSERT (id, note, kind) VALUES (k.n, '0', 'a')",
    "MERGE INTO {t} USING channel_keys k ON {t}.id = k.n AND 1 / {t}.amount > 0 WHEN MATCHED THEN DELETE"
    " WHEN NOT MATCHED THEN INSERT (id, note, kind) VALUES (k.n, '0', 'a')",
)

_ROWS = "(1, '7', 'a', 1), (2, '12', 'b', 2), (3, 'hidden', 'h', 0), (4, '2020-13-45', 'h', 0)"
_MASKED = "(1, '7', 'a', 1), (2, '12', 'b', 2), (3, '9', 'b', 1), (4, '9', 'b', 1)"
_SEEN = "(1, '7', 'a', 1), (2, '12', 'b', 2)"
_SETUP = f"""
CREATE USER channel_eve PASSWORD '{PASSWORD}';
CREATE SCHEMA channels;
GRANT USAGE, CREATE ON SCHEMA channels TO channel_eve;
SET search_path TO channels, public;
CREATE TABLE channel_keys (n int); INSERT INTO channel_keys VALUES (1), (7), (9);
CREATE TABLE lookup (kind varchar(5)); INSERT INTO lookup VALUES ('a'), ('b');
CREATE TABLE twin (id int, note varchar(20), kind varchar(5), amount int); INSERT INTO twin VALUES {_SEEN};
CREATE TABLE secret_table (LIKE twin); INSERT INTO secret_table VALUES {_ROWS};
CREATE TABLE secret_lookup (LIKE twin); INSERT INTO secret_lookup VALUES {_ROWS};
CREATE TABLE base (LIKE twin); INSERT INTO base VALUES {_ROWS};
CREATE VIEW secret_view AS SELECT * FROM secret_table;
CREATE VIEW secret_late AS SELECT * FROM channels.base WITH NO SCHEMA BINDING;
CREATE MATERIALIZED VIEW secret_kept AS SELECT * FROM base;
GRANT ALL ON ALL TABLES IN SCHEMA channels TO channel_eve;
CREATE TABLE masked (LIKE twin); INSERT INTO masked VALUES {_ROWS};
CREATE TABLE masked_twin (LIKE twin); INSERT INTO masked_twin VALUES {_MASKED};
GRANT ALL ON masked, masked_twin TO channel_eve;
CREATE MASKING POLICY channel_note WITH (note varchar(20), kind varchar(5), amount int)
    USING (CASE WHEN kind = 'h' THEN '9' ELSE note END, CASE kind WHEN 'h' THEN 'b' ELSE kind END, greatest(amount, 1));
ATTACH MASKING POLICY channel_note ON masked (note, kind, amount) TO channel_eve;
CREATE FUNCTION channel_int (varchar) RETURNS int IMMUTABLE AS $$ SELECT $1::int $$ LANGUAGE sql;
CREATE RLS POLICY channel_plain WITH (kind varchar(5)) USING (kind <> 'h');
CREATE RLS POLICY channel_lookup WITH (kind varchar(5)) USING (kind IN (SELECT kind FROM lookup));
CREATE TABLE secret_big (LIKE twin);
INSERT INTO secret_big SELECT n, 'word', 'a', n FROM generate_series(1, 500) n;
INSERT INTO secret_big VALUES (900, 'x', 'h', 900000), (901, 'x', 'h', -900000);
CREATE TABLE masked_big AS SELECT * FROM secret_big;
ANALYZE secret_big;
GRANT ALL ON secret_big, masked_big TO channel_eve;
ATTACH RLS POLICY channel_plain ON secret_big TO channel_eve;
ALTER TABLE secret_big ROW LEVEL SECURITY ON;
CREATE MASKING POLICY channel_amount WITH (amount int) USING (CASE WHEN abs(amount) > 1000 THEN 1 ELSE amount END);
ATTACH MASKING POLICY channel_amount ON masked_big (amount) TO channel_eve;
ATTACH RLS POLICY channel_plain ON secret_table, secret_late, secret_kept TO channel_eve;
ATTACH RLS POLICY channel_lookup ON secret_lookup TO channel_eve;
ALTER TABLE secret_table ROW LEVEL SECURITY ON;
ALTER TABLE secret_late ROW LEVEL SECURITY ON;
ALTER TABLE secret_lookup ROW LEVEL SECURITY ON;
ALTER MATERIALIZED VIEW secret_kept ROW LEVEL SECURITY ON
"""
_CLEAR = """
DROP MASKING POLICY channel_note CASCADE;
DROP MASKING POLICY channel_amount CASCADE;
DROP RLS POLICY channel_plain CASCADE;
DROP RLS POLICY channel_lookup CASCADE;
DROP SCHEMA channels CASCADE
"""


@pytest.fixture(scope="module")
def eve(admin: psycopg.Connection, as_user: Connect) -> Iterator[psycopg.Connection]:
    for statement in _SETUP.split(";"):
        admin.execute(statement)
    connection = as_user("channel_eve")
    connection.execute("SET search_path TO channels, public")
    yield connection
    for statement in _CLEAR.split(";"):
        admin.execute(statement)
    admin.execute("RESET search_path")


def outcome(connection: psycopg.Connection, sql: str) -> object:
    """Return all that can be seen of a statement: rows or count, or the error."""
    try:
        cursor = connection.execute(sql)
    except psycopg.Error as error:
        return error.sqlstate, error.diag.message_primary, error.diag.message_detail
    if cursor.description is None:
        return cursor.statusmessage
    rows = cursor.fetchall()
    return [name.name for name in cursor.description], [] if sql.startswith("EXPLAIN") else rows


@pytest.mark.parametrize("guarded", GUARDED)
@pytest.mark.parametrize("probe", PROBES)
def test_a_query_meets_nothing_hidden(eve: psycopg.Connection, probe: str, guarded: str) -> None:
    assert outcome(eve, probe.format(t=guarded)) == outcome(eve, probe.format(t="twin"))


@pytest.mark.parametrize("probe", PROBES)
def test_a_query_meets_what_is_shown(eve: psycopg.Connection, probe: str) -> None:
    assert outcome(eve, probe.format(t="masked")) == outcome(eve, probe.format(t="masked_twin"))


@pytest.mark.parametrize("guarded", ["secret_table", "secret_lookup"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_meets_nothing_hidden(eve: psycopg.Connection, change: str, guarded: str) -> None:
    seen = []
    for table in (guarded, "twin"):
        eve.execute("BEGIN")
        result = outcome(eve, change.format(t=table))
        rows = [] if isinstance(result, tuple) else outcome(eve, f"SELECT * FROM {table} ORDER BY 1, 2")
        seen.append((result, rows))
        eve.execute("ROLLBACK")
    assert seen[0] == seen[1]


@pytest.mark.parametrize("guarded", ["secret_table", "secret_lookup"])
@pytest.mark.parametrize("merge", MERGES)
def test_a_merge_meets_nothing_hidden(eve: psycopg.Connection, merge: str, guarded: str) -> None:
    test_a_change_meets_nothing_hidden(eve, merge, guarded)


def test_hidden_rows_outlive_every_change(admin: psycopg.Connection, eve: psycopg.Connection) -> None:
    eve.execute("BEGIN")
    eve.execute("UPDATE secret_table SET note = 'spoiled'")
    eve.execute("DELETE FROM secret_table")
    eve.execute("COMMIT")
    rows = admin.execute("SELECT * FROM channels.secret_table ORDER BY 1").fetchall()
    assert rows == [(3, "hidden", "h", 0), (4, "2020-13-45", "h", 0)]
    admin.execute(f"INSERT INTO channels.secret_table VALUES {_SEEN}")


def test_a_plan_does_not_tell_the_policy(admin: psycopg.Connection, eve: psycopg.Connection) -> None:
    for guarded in GUARDED:
        text = "\n".join(row[0] for row in eve.execute(f"EXPLAIN SELECT id FROM {guarded} WHERE amount = 1").fetchall())
        assert "RLS SecureScan" in text
        assert "kind" not in text
        assert "lookup" not in text.replace("secret_lookup", "")
    admin.execute("CREATE ROLE channel_planner")
    admin.execute("GRANT EXPLAIN RLS TO ROLE channel_planner")
    admin.execute("GRANT ROLE channel_planner TO channel_eve")
    text = "\n".join(row[0] for row in eve.execute("EXPLAIN SELECT id FROM secret_table WHERE amount = 1").fetchall())
    assert "XN RLS SecureScan secret_table" in text
    assert "XN Seq Scan on secret_table" in text
    assert "kind" in text
    admin.execute("DROP ROLE channel_planner FORCE")


@pytest.mark.parametrize("table", ["secret_big", "masked_big"])
def test_statistics_of_hidden_values_decide_nothing(eve: psycopg.Connection, table: str) -> None:
    """A condition beyond all values is dropped by the engine, and what it guards: not where hidden values reach."""
    for beyond in ("amount > {}", "amount < -{}", "amount = {}", "amount BETWEEN {0} AND {0} + 9"):
        plans = [
            [re.sub(r"\d+", "", row[0]) for row in eve.execute(f"EXPLAIN SELECT id FROM {table} WHERE {condition}").fetchall()]
            for condition in (beyond.format(80_000), beyond.format(2_000_000))
        ]
        assert plans[0] == plans[1], beyond
        told = [
            outcome(eve, f"SELECT id FROM {table} WHERE CAST(note AS int) > 0 AND {condition}")
            for condition in (beyond.format(80_000), beyond.format(2_000_000))
        ]
        assert told[0] == told[1], beyond


def test_a_plan_does_not_tell_the_mask(eve: psycopg.Connection) -> None:
    for word in ("", " ANALYZE"):
        rows = eve.execute(f"EXPLAIN{word} SELECT id FROM masked WHERE note = '9' AND amount > 0").fetchall()
        text = "\n".join(row[0] for row in rows)
        assert "DDM SecureScan" in text
        assert "kind" not in text
        assert "greatest" not in text.lower()


def test_settings_of_the_reader_do_not_change_a_policy(admin: psycopg.Connection, eve: psycopg.Connection) -> None:
    admin.execute("SET search_path TO channels, public")
    admin.execute("CREATE TABLE documents (id int, doc super)")
    admin.execute("INSERT INTO documents SELECT 1, json_parse('{\"Level\": \"open\"}')")
    admin.execute("INSERT INTO documents SELECT 2, json_parse('{\"Level\": \"closed\"}')")
    admin.execute("GRANT SELECT ON documents TO channel_eve")
    admin.execute("SET enable_case_sensitive_identifier TO true")
    admin.execute("""CREATE RLS POLICY channel_level WITH (doc super) USING (doc."Level" IS NULL OR doc."Level" = 'open')""")
    admin.execute("RESET enable_case_sensitive_identifier")
    admin.execute("ATTACH RLS POLICY channel_level ON documents TO PUBLIC")
    admin.execute("ALTER TABLE documents ROW LEVEL SECURITY ON")
    try:
        for setting in (
            "SET enable_case_sensitive_identifier TO false", "SET enable_case_sensitive_identifier TO true",
            "SET enable_case_sensitive_super_attribute TO true", "SET downcase_delimited_identifier TO off",
            "SET search_path TO public",
        ):  # fmt: skip
            eve.execute(setting)
            assert eve.execute("SELECT id FROM channels.documents").fetchall() == [(1,)], setting
    finally:
        eve.execute("RESET ALL")
        eve.execute("SET search_path TO channels, public")
        admin.execute("DROP RLS POLICY channel_level CASCADE")
