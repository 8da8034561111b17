"""COPY and UNLOAD as values; Redshift's "COPY parameter reference", "UNLOAD", PostgreSQL's "COPY"."""

import pytest

from core.errors import SqlError
from sql.commands.copy import Copy, CopyFormat, CopyFromStdin, CopyToStdout, Credentials
from sql.commands.unload import Unload
from sql.options import COPY, COPY_OPTIONS, UNLOAD, UNLOAD_OPTIONS, Argument
from sql.parse import parse_statement, split
from sql.statement import Fragment

ROLE = Credentials(iam_roles=("default",))


def parse(text):
    (fragment,) = split(text)
    return parse_statement(fragment).command


def test_copy():
    command = parse("copy s.t (a, b) from 's3://bucket/pre''fix' iam_role default")
    assert command == Copy(table=("s", "t"), columns=("a", "b"), source="s3://bucket/pre'fix", credentials=ROLE)
    assert command.options.format == "text"


PARAMETERS = [
    ("csv", {"csv": True, "format": "csv"}),
    ("format as csv quote as '%'", {"csv": True, "format": "csv", "quote": "%"}),
    ("format csv", {"csv": True, "format": "csv"}),
    ("json", {"json": "auto", "format": "json"}),
    ("json as 's3://b/paths.json' gzip", {"json": "s3://b/paths.json", "format": "json", "gzip": True}),
    ("format as json 'auto ignorecase'", {"json": "auto ignorecase", "format": "json"}),
    ("format parquet serializetojson", {"parquet": True, "format": "parquet", "serializetojson": True}),
    ("fixedwidth 'a:3,b:4'", {"fixedwidth": "a:3,b:4", "format": "fixedwidth"}),
    (r"delimiter '\t'", {"delimiter": "\t"}),
    (r"delimiter '\\t'", {"delimiter": "\t"}),
    (r"delimiter as '\001'", {"delimiter": "\x01"}),
    (r"delimiter '\x01'", {"delimiter": "\x01"}),
    ("delimiter '|' delimiter_ 'x'", None),
    (r"null as '\N'", {"null": r"\N"}),
    (r"null '\\N'", {"null": r"\N"}),
    (r"null as '\000'", {"null": "\0"}),
    ("null ''", {"null": ""}),
    ("ignoreheader 1 maxerror as 10", {"ignoreheader": 1, "maxerror": 10}),
    ("compupdate off statupdate on", {"compupdate": "off", "statupdate": True}),
    ("compupdate preset statupdate false", {"compupdate": "preset", "statupdate": False}),
    ("compupdate statupdate", {"compupdate": "on", "statupdate": True}),
    ("acceptinvchars", {"acceptinvchars": "?"}),
    ("acceptinvchars as '^' truncatecolumns", {"acceptinvchars": "^", "truncatecolumns": True}),
    ("dateformat 'auto' timeformat as 'epochmillisecs'", {"dateformat": "auto", "timeformat": "epochmillisecs"}),
    ("encoding as utf16le", {"encoding": "utf16le"}),
    (
        "region 'eu-west-1' manifest explicit_ids fillrecord escape noload",
        {
            "region": "eu-west-1",
            "manifest": True,
            "explicit_ids": True,
            "fillrecord": True,
            "escape": True,
            "noload": True,
        },
    ),
]


@pytest.mark.parametrize(("written", "expected"), PARAMETERS)
def test_copy_parameters_before_and_after_credentials(written, expected):
    for text in (
        f"copy t from 's3://b' iam_role default {written}",
        f"copy t from 's3://b' {written} iam_role default",
    ):
        if expected is None:
            with pytest.raises(SqlError, match="syntax error at or near"):
                parse(text)
            continue
        command = parse(text)
        assert dict(command.options) == expected
        assert command.credentials == ROLE


CREDENTIALS = [
    (
        "iam_role 'arn:aws:iam::1:role/a,arn:aws:iam::2:role/b'",
        Credentials(iam_roles=("arn:aws:iam::1:role/a", "arn:aws:iam::2:role/b")),
    ),
    ("credentials 'aws_iam_role=arn:aws:iam::1:role/a'", Credentials(iam_roles=("arn:aws:iam::1:role/a",))),
    (
        "with credentials as 'aws_access_key_id=A;aws_secret_access_key=B=;token=C'",
        Credentials(access_key_id="A", secret_access_key="B=", session_token="C"),
    ),
    (
        "credentials 'aws_access_key_id=A;\n aws_secret_access_key=B'",
        Credentials(access_key_id="A", secret_access_key="B"),
    ),
    (
        "access_key_id 'A' secret_access_key 'B' session_token 'C'",
        Credentials(access_key_id="A", secret_access_key="B", session_token="C"),
    ),
]


@pytest.mark.parametrize(("written", "expected"), CREDENTIALS)
def test_credentials(written, expected):
    assert parse(f"copy t from 's3://b' {written}").credentials == expected
    assert parse(f"unload ('select 1') to 's3://b' {written}").credentials == expected


@pytest.mark.parametrize(
    "written",
    [
        "credentials 'foo=bar'",
        "credentials 'x'",
        "access_key_id 'A'",
        "iam_role default access_key_id 'A' secret_access_key 'B'",
        "iam_role default session_token 'C'",
        "iam_role default credentials 'aws_iam_role=arn:aws:iam::1:role/a'",
        "access_key_id 'A' secret_access_key 'B' credentials 'aws_iam_role=arn:aws:iam::1:role/a'",
        "credentials 'aws_access_key_id=A;aws_secret_access_key=B' session_token 'C'",
        "credentials 'aws_access_key_id=A;aws_secret_access_key=B;aws_iam_role=arn:aws:iam::1:role/a'",
        "session_token 'C'",
    ],
)
def test_credentials_that_make_no_sense(written):
    with pytest.raises(SqlError) as caught:
        parse(f"copy t from 's3://b' {written}")
    assert caught.value.state == "22023"


STREAMS = [
    ("copy t from stdin", CopyFromStdin(table=("t",))),
    ("copy t from stdout", CopyFromStdin(table=("t",))),
    ("copy t to stdin", CopyToStdout(table=("t",))),
    (
        "copy s.t (a, b) from stdin with csv header quote as '%' null 'x'",
        CopyFromStdin(
            table=("s", "t"), columns=("a", "b"), format=CopyFormat(format="csv", header=True, quote="%", null="x")
        ),
    ),
    (
        "copy t from stdin with delimiter as ',' null as ''",
        CopyFromStdin(table=("t",), format=CopyFormat(delimiter=",", null="")),
    ),
    (
        "copy t from stdin (format csv, header true, delimiter ';', force_not_null (a))",
        CopyFromStdin(table=("t",), format=CopyFormat(format="csv", header=True, delimiter=";", force_not_null=("a",))),
    ),
    ("copy t from stdin with (format binary)", CopyFromStdin(table=("t",), format=CopyFormat(format="binary"))),
    ("copy t from stdin binary", CopyFromStdin(table=("t",), format=CopyFormat(format="binary"))),
    ("copy t to stdout", CopyToStdout(table=("t",))),
    (
        "copy (select ')' from t) to stdout with (format 'csv', header, force_quote *)",
        CopyToStdout(
            query=Fragment("select ')' from t", 6), format=CopyFormat(format="csv", header=True, force_quote=("*",))
        ),
    ),
    (
        "copy t (a) to stdout csv force quote a, b",
        CopyToStdout(table=("t",), columns=("a",), format=CopyFormat(format="csv", force_quote=("a", "b"))),
    ),
]


@pytest.mark.parametrize(("text", "expected"), STREAMS)
def test_streams(text, expected):
    assert parse(text) == expected


STREAM_ERRORS = [
    ("copy t from stdin (format ^foo)", "22023", 'COPY format "foo" not recognized'),
    ("copy t from stdin (^frob 1)", "42601", 'option "frob" not recognized'),
    ("copy t from stdin ^frob", "42601", 'syntax error at or near "frob"'),
    ("copy t from ^program 'ls'", "0A000", "COPY FROM PROGRAM is not supported"),
    ("copy t to ^'/etc/passwd'", "0A000", "COPY TO a file is not supported"),
    ("copy (select 1^", "42601", "syntax error at end of input"),
]


@pytest.mark.parametrize(("text", "state", "message"), STREAM_ERRORS)
def test_stream_errors(text, state, message):
    with pytest.raises(SqlError) as caught:
        parse(text.replace("^", ""))
    assert (caught.value.state, caught.value.message, caught.value.position) == (state, message, text.index("^") + 1)


UNLOADS = [
    ("", {}),
    ("parquet", {"parquet": True, "format": "parquet"}),
    ("format as csv header", {"csv": True, "format": "csv", "header": True}),
    ("partition by (a, b) include", {"partition": ("a", "b"), "partition_include": True}),
    ("parallel off manifest verbose", {"parallel": False, "manifest": True, "manifest_verbose": True}),
    ("parallel allowoverwrite", {"parallel": True, "allowoverwrite": True}),
    ("maxfilesize 5 mb", {"maxfilesize": 5 * 2**20}),
    ("maxfilesize as 0.5 gb gzip", {"maxfilesize": 2**29, "gzip": True}),
    ("maxfilesize 100", {"maxfilesize": 100 * 2**20}),
    (
        "addquotes escape null as 'n' delimiter ',' extension 'txt'",
        {"addquotes": True, "escape": True, "null": "n", "delimiter": ",", "extension": "txt"},
    ),
    (
        "encrypted kms_key_id 'k' cleanpath",
        {"encrypted": True, "kms_key_id": "k", "cleanpath": True},
    ),
]


@pytest.mark.parametrize(("written", "expected"), UNLOADS)
def test_unload_options(written, expected):
    assert dict(parse(f"unload ('select 1') to 's3://b/' iam_role default {written}").options) == expected


def test_unload_query_is_the_value_of_its_literal():
    assert parse("unload ('select ''x''') to 's3://b/' iam_role default") == Unload(
        query=Fragment("select 'x'", 9), target="s3://b/", credentials=ROLE
    )
    assert parse("unload ($$select 'x'$$) to 's3://b/' iam_role default").query == Fragment("select 'x'", 10)


@pytest.mark.parametrize("options", [COPY_OPTIONS, UNLOAD_OPTIONS])
def test_option_tables(options):
    assert len({option.keywords for option in options}) == len(options)
    for option in options:
        assert option.doc
        assert option.status in {"done", "accepted", "absent"}
        assert option.argument is not Argument.OPTIONAL_STRING or option.default is not None
    names = {option.name for option in options}
    assert names == set(COPY if options is COPY_OPTIONS else UNLOAD)


def test_given_tells_what_was_not_given():
    given = parse("copy t from 's3://b' iam_role default maxerror 3 compupdate off").options
    assert (given.number("maxerror"), given.number("ignoreheader"), given.get("delimiter")) == (3, 0, None)
    assert (given.on("compupdate"), given.on("gzip"), given.on("statupdate", default=True)) == (False, False, True)
    assert given.text("delimiter", "|") == "|"


HOSTILE = [
    "copy t from 's3://b' iam_role default maxerror " + "9" * 5000,
    "unload ('select 1') to 's3://b' iam_role default maxfilesize 1e999",
    "copy t from 's3://b' iam_role default maxerror ٣",
    "explain " * 5000 + "select 1",
    "create table t (a int default " + "(" * 5000,
    "create table t (a varchar(" + "9" * 5000 + "))",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_a_syntax_error(text):
    with pytest.raises(SqlError) as caught:
        parse(text)
    assert caught.value.state == "42601"
