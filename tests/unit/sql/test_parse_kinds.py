"""Telling kinds apart, tags, transaction rules, and errors with their positions."""

import re

import pytest

from core.errors import SqlError
from sql.parse import parse_statement, split
from sql.statement import KINDS, QUERIES, RULES, Kind


def parse(text, **options):
    (fragment,) = split(text)
    return parse_statement(fragment, **options)


KINDS_OF = [
    ("select 1", "SELECT", "SELECT"),
    ("SELECT\n1", "SELECT", "SELECT"),
    ("/* a /* b */ */ -- c\n select 1", "SELECT", "SELECT"),
    ("(select 1) union (select 2)", "SELECT", "SELECT"),
    ("((select 1))", "SELECT", "SELECT"),
    ("values (1)", "SELECT", "SELECT"),
    ("table t", "SELECT", "SELECT"),
    ("with a as (select 1) select * from a", "SELECT", "SELECT"),
    ("with a as (select ')' from b) insert into t select * from a", "INSERT", "INSERT 0"),
    ("with recursive a(n) as (select 1), b as (select 2) select * from b", "SELECT", "SELECT"),
    ("with a(n, m) as (select 1, 2) update t set x = n from a", "UPDATE", "UPDATE"),
    ('with "delete" as (select 1) select 1', "SELECT", "SELECT"),
    ("with delete_me as (select 1), x as (select 2) delete from t using x", "DELETE", "DELETE"),
    ("with a as (select 1) /* ) */ (select 1)", "SELECT", "SELECT"),
    ("with a as (select 1) select 'insert into'", "SELECT", "SELECT"),
    ("insert into t values (1)", "INSERT", "INSERT 0"),
    ("update t set a = 1", "UPDATE", "UPDATE"),
    ("delete t", "DELETE", "DELETE"),
    ("merge into t using s on t.a = s.a remove duplicates", "MERGE", "MERGE"),
    ("select 1 into t from u", "CREATE_TABLE_AS", "SELECT"),
    ("select 'into' from t", "SELECT", "SELECT"),
    ("select 1 from (select 1 as into_) a", "SELECT", "SELECT"),
    ("copy t from 's3://b/k' iam_role 'r' csv job create j auto off", "CREATE_COPY_JOB", "COPY JOB CREATE"),
    ("copy job from 's3://b/k' iam_role 'r' csv", "COPY", "COPY"),
    ("copy job run j", "RUN_COPY_JOB", "COPY JOB RUN"),
    ("copy job list", "SHOW_OBJECTS", "SHOW"),
    ("start transaction", "BEGIN", "START TRANSACTION"),
    ("begin", "BEGIN", "BEGIN"),
    ("end", "COMMIT", "COMMIT"),
    ("abort", "ROLLBACK", "ROLLBACK"),
    ("rollback to savepoint a", "SAVEPOINT", "ROLLBACK"),
    ("release a", "SAVEPOINT", "RELEASE"),
    ("drop table t", "DROP", "DROP TABLE"),
    ("drop materialized view t", "DROP", "DROP MATERIALIZED VIEW"),
    ("drop function f(int)", "DROP", "DROP FUNCTION"),
    ("create table t as select 1", "CREATE_TABLE_AS", "SELECT"),
    ("create temp table t (a int)", "CREATE_TABLE", "CREATE TABLE"),
    ("alter table t append from s", "ALTER_TABLE_APPEND", "ALTER TABLE APPEND"),
    ("alter view v owner to a", "ALTER_TABLE", "ALTER VIEW"),
    ("alter procedure p(int) owner to a", "ALTER_ROUTINE", "ALTER PROCEDURE"),
    ("reset use", "USE", "USE"),
    ("reset session authorization", "SET_SESSION_AUTHORIZATION", "SET"),
    ("discard temporary", "DISCARD", "DISCARD TEMP"),
    ("unlisten *", "NOTIFICATION", "UNLISTEN"),
    ("grant role a to b", "GRANT", "GRANT"),
    ("create masking policy p with (a int) using (0)", "CREATE_MASKING_POLICY", "CREATE MASKING POLICY"),
    ("attach rls policy p on t to public", "ATTACH_RLS_POLICY", "ATTACH RLS POLICY"),
    ("detach rls policy p on t from public", "ATTACH_RLS_POLICY", "DETACH RLS POLICY"),
    ("drop masking policy p", "DROP_POLICY", "DROP MASKING POLICY"),
    ("copy t from stdin", "COPY_STDIN", "COPY"),
    ("copy t to stdout", "COPY_STDOUT", "COPY"),
    ("copy t from 's3://b' iam_role default", "COPY", "COPY"),
]


@pytest.mark.parametrize(("text", "kind", "tag"), KINDS_OF)
def test_kind_and_tag(text, kind, tag):
    statement = parse(text)
    assert (statement.kind, statement.tag) == (Kind[kind], tag)
    assert (statement.command is None) == (statement.kind in QUERIES)
    assert statement.text == text


UNSUPPORTED = [
    ("create or replace library l language plpythonu from 's3://b/l.zip'", "CREATE LIBRARY"),
    (
        "create or replace external function f(int) returns int volatile lambda 'x' iam_role default",
        "CREATE EXTERNAL FUNCTION",
    ),
    ("create model m from t target y function f iam_role default", "CREATE MODEL"),
    ("alter system set metadata_security = true", "ALTER SYSTEM"),
]


@pytest.mark.parametrize(("text", "feature"), UNSUPPORTED)
def test_known_and_absent(text, feature):
    statement = parse(text)
    assert statement.kind is Kind.UNSUPPORTED
    assert statement.command.feature == feature


# ^ stands before the token that the position must point at.
ERRORS = [
    ("^foo bar", 'syntax error at or near "foo"'),
    ("^42", 'syntax error at or near "42"'),
    ("^from t select 1", 'syntax error at or near "from"'),
    ("^attach 'x.db' as y", 'syntax error at or near "attach"'),
    ("^pragma version", 'syntax error at or near "pragma"'),
    ("create ^indexes i on t (a)", 'syntax error at or near "indexes"'),
    ("create or replace ^table t (a int)", 'syntax error at or near "table"'),
    ("create table t (^)", 'syntax error at or near ")"'),
    ("create table t (a int^", "syntax error at end of input"),
    ("create table t (a int,^)", 'syntax error at or near ")"'),
    ("create table t (a int ^foo)", 'syntax error at or near "foo"'),
    ("create table ^select (a int)", 'syntax error at or near "select"'),
    ("create table t (a int) ^tablespace x", 'syntax error at or near "tablespace"'),
    ("create table t (a int) diststyle ^hash", 'syntax error at or near "hash"'),
    ("create table a.b.c.^d (a int)", 'syntax error at or near "d"'),
    ("create view v as ^foo", 'syntax error at or near "foo"'),
    ("drop table^", "syntax error at end of input"),
    ("drop table a ^b", 'syntax error at or near "b"'),
    ("drop ^indexes i", 'syntax error at or near "indexes"'),
    ("alter table t ^frobnicate", 'syntax error at or near "frobnicate"'),
    ("alter table t set ^not", None),
    ("begin ^foo", 'syntax error at or near "foo"'),
    ("begin isolation level ^foo", 'syntax error at or near "foo"'),
    ("set x ^1", 'syntax error at or near "1"'),
    ("set x to^", "syntax error at end of input"),
    ("copy t from 's3://b' iam_role default ^frobnicate", 'syntax error at or near "frobnicate"'),
    ("copy t from 's3://b' iam_role default delimiter ^5", 'syntax error at or near "5"'),
    ("unload ('select 1') to 's3://b' iam_role default ^ignoreheader 1", 'syntax error at or near "ignoreheader"'),
    ("explain ^vacuum", 'syntax error at or near "vacuum"'),
    ("prepare p as ^drop table t", 'syntax error at or near "drop"'),
    ("grant select on t ^from u", 'syntax error at or near "from"'),
    ("grant ^on t to u", 'syntax error at or near "on"'),
    ("create user u password ^x", 'syntax error at or near "x"'),
    ("create user u password 'x' ^frobnicate", 'syntax error at or near "frobnicate"'),
    ("vacuum t to 5^", "syntax error at end of input"),
    ("show^", "syntax error at end of input"),
    ("comment on table t is ^5", 'syntax error at or near "5"'),
    ("/* é */ drop ^'x'", "syntax error at or near \"'x'\""),
]


@pytest.mark.parametrize(("text", "message"), ERRORS)
def test_error_positions_count_characters_of_the_whole_text(text, message):
    prefix = "select 'ü'; "
    sent = prefix + text.replace("^", "")
    with pytest.raises(SqlError) as caught:
        parse_statement(split(sent)[1])
    if message is None:
        assert caught.value.state == "42601"
        return
    assert (caught.value.state, caught.value.message) == ("42601", message)
    assert caught.value.position == len(prefix) + text.index("^") + 1


OTHER_ERRORS = [
    ("create table t (a ^nosuchtype)", "42704", 'type "nosuchtype" does not exist'),
    ("create table t (a ^varchar(70000))", "22023", "length for type character varying cannot exceed 65535"),
    ("create table t (a int ^check (a > 0))", "0A000", "CHECK constraint is not supported"),
    ("create table t (a int encode ^foo)", "42704", 'compression encoding "foo" does not exist'),
    ("create user ^public password 'x'", "42939", 'role name "public" is reserved'),
    ("create user u password disable session timeout ^5", "22023", "session timeout must be between 60 and 1728000"),
    ("copy t from 's3://b' iam_role default gzip ^gzip", "42601", "conflicting or redundant options"),
    ("copy t from 's3://b' iam_role default csv ^parquet", "42601", "conflicting or redundant options"),
    (
        "copy t from 's3://b' iam_role default parquet ^maxerror 5",
        "0A000",
        "MAXERROR argument is not supported for PARQUET based COPY",
    ),
    (
        "copy t from 's3://b' iam_role default csv ^removequotes",
        "0A000",
        "CSV is not compatible with REMOVEQUOTES",
    ),
    ("copy t from 's3://b' iam_role default ^ssh", "0A000", "COPY SSH is not supported"),
    ("fetch ^backward 1 from c", "0A000", "fetch direction other than forward is not supported"),
]


@pytest.mark.parametrize(("text", "state", "message"), OTHER_ERRORS)
def test_other_errors(text, state, message):
    with pytest.raises(SqlError) as caught:
        parse(text.replace("^", ""))
    assert (caught.value.state, caught.value.message, caught.value.position) == (state, message, text.index("^") + 1)


def test_quoted_identifiers_fold_unless_case_sensitive():
    text = 'create table "Foo" ("Bar" int, BAZ int)'
    assert parse(text).command.name == ("foo",)
    command = parse(text, case_sensitive=True).command
    assert (command.name, [column.name for column in command.columns]) == (("Foo",), ["Bar", "baz"])


def test_explain_and_prepare_keep_case_sensitivity_in_nested_commands():
    text = 'explain create table "Foo" as select 1'
    assert parse(text, case_sensitive=True).command.statement.command.name == ("Foo",)


def test_offsets_of_nested_statements():
    sent = "select 1; explain verbose select x"
    explain = parse_statement(split(sent)[1]).command
    assert sent[explain.statement.offset :] == explain.statement.text == "select x"


def test_rules_cover_every_kind_once_and_say_something():
    assert [rule.kind for rule in RULES] == list(Kind)
    assert set(KINDS) == set(Kind)
    for rule in RULES:
        assert re.match(r"[A-Z]", rule.description), rule
    refused = {rule.kind for rule in RULES if not rule.in_block}
    assert {Kind.VACUUM, Kind.CREATE_DATABASE, Kind.DROP_DATABASE, Kind.ALTER_TABLE_APPEND} <= refused
    assert KINDS[Kind.TRUNCATE].commits
