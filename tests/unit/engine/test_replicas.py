"""PostgreSQL's types in a copied database, and arrays' text as JSON."""

import pytest

from engine.replicas import mapped


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("integer", "integer"), ("numeric(8,2)", "decimal(8,2)"), ("numeric", "decimal(38,10)"), ("character(5)", "char(5)"),
        ("character varying(10)", "varchar(65535)"), ("text", "varchar(65535)"), ("uuid", "varchar(36)"),
        ("timestamp(3) with time zone", "timestamptz"), ("time without time zone", "varchar(19)"), ("jsonb", "super"),
        ("integer[]", "super"), ("character varying(3)[]", "super"), ("bytea", "varbyte(1024000)"),
        ("money", "decimal(20,3)"), ("public.mood", "varchar(65535)"), ('"Mood"', "varchar(65535)"),
    ],
)  # fmt: skip
def test_types(there: str, here: str) -> None:
    found = mapped(there)
    assert found is not None
    assert found.type == here


@pytest.mark.parametrize("there", ["numeric(40,2)", "numeric(10,-2)"])
def test_numbers_that_do_not_fit(there: str) -> None:
    assert mapped(there) is None


@pytest.mark.parametrize(
    ("kind", "text", "document"),
    [
        ("integer[]", "{1,NULL,-3}", "[1,null,-3]"), ("text[]", r'{a,"b c","d\"e","NULL",""}', r'["a","b c","d\"e","NULL",""]'),
        ("boolean[]", "{t,f}", "[true,false]"), ("integer[]", "{{1,2},{3,4}}", "[[1,2],[3,4]]"), ("text[]", "{}", "[]"),
        ("integer[]", "[0:1]={1,2}", "[1,2]"), ("double precision[]", "{1.5,NaN,1e+20}", '[1.5,"NaN",1e+20]'),
        ("jsonb[]", r'{"{\"a\": 1}"}', '[{"a": 1}]'),
        ("timestamp with time zone[]", '{"2020-01-02 03:04:05+00"}', '["2020-01-02T03:04:05+00:00"]'),
    ],
)  # fmt: skip
def test_arrays(kind: str, text: str, document: str) -> None:
    found = mapped(kind)
    assert found is not None
    assert found.convert is not None
    assert found.convert(text) == document
