"""Policy documents: what they allow, and that one which is not understood is refused as a whole."""

from typing import Any

import pytest

from auth.iam import MANAGED, PolicyError, may, read_policy

CLUSTER = "arn:aws:redshift:us-east-1:1:cluster:main"
USER = "arn:aws:redshift:us-east-1:1:dbuser:main/ann"


def allowed(*statements: dict[str, Any], action: str = "redshift:DescribeClusters", resource: str = CLUSTER, **context: str) -> bool:
    keys = {name.replace("__", ":"): (value,) for name, value in context.items()}
    return may([read_policy("p", {"Statement": list(statements)})], action, resource, keys)


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


@pytest.mark.parametrize(
    ("action", "resource", "expected"),
    [
        ("*", "*", True),
        ("redshift:*", "*", True),
        ("REDSHIFT:describe*", "*", True),
        ("redshift:Describe?lusters", "*", True),
        ("redshift:DescribeCluster", "*", False),
        ("redshift-data:*", "*", False),
        (["s3:*", "redshift:DescribeClusters"], "*", True),
        ("*", "arn:aws:redshift:*:*:cluster:main", True),
        ("*", "arn:aws:redshift:*:*:cluster:MAIN", False),
        ("*", "arn:aws:redshift:*:*:cluster:m?in", True),
        ("*", "arn:aws:redshift:us-east-1:1:cluster:mai", False),
        ("*", ["arn:x", CLUSTER], True),
    ],
)
def test_wildcards(action: Any, resource: Any, expected: bool) -> None:
    assert allowed(allow(action, resource)) is expected


def test_nothing_is_allowed_without_a_statement_and_a_deny_wins() -> None:
    assert not may([], "a:b", "*", {})
    assert not allowed(deny())
    assert not allowed(allow(), deny("redshift:Describe*"))
    assert not allowed(deny("redshift:*"), allow())
    assert allowed(allow(), deny("redshift:Delete*"))


def test_not_action_and_not_resource() -> None:
    everything_but = {"Effect": "Allow", "NotAction": "redshift:Delete*", "Resource": "*"}
    assert allowed(everything_but) and not allowed(everything_but, action="redshift:DeleteCluster")
    elsewhere = {"Effect": "Deny", "Action": "*", "NotResource": CLUSTER}
    assert allowed(allow(), elsewhere) and not allowed(allow(), elsewhere, resource=USER)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"redshift:DbName": "dev"}}, True),
        ({"StringEquals": {"REDSHIFT:dbname": ["x", "dev"]}}, True),
        ({"StringEquals": {"redshift:DbName": "DEV"}}, False),
        ({"StringEqualsIgnoreCase": {"redshift:DbName": "DEV"}}, True),
        ({"StringNotEquals": {"redshift:DbName": ["x", "dev"]}}, False),
        ({"StringNotEquals": {"absent:key": "x"}}, True),
        ({"StringEquals": {"absent:key": "x"}}, False),
        ({"StringEqualsIfExists": {"absent:key": "x"}}, True),
        ({"StringLike": {"redshift:DbName": "d*"}}, True),
        ({"StringEquals": {"redshift:DbName": "d*"}}, False),
        ({"NumericLessThanEquals": {"redshift:DurationSeconds": "900"}}, True),
        ({"NumericLessThan": {"redshift:DurationSeconds": 900}}, False),
        ({"Bool": {"aws:SecureTransport": True}}, False),
        ({"DateLessThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}}, True),
        ({"DateGreaterThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}}, False),
        ({"DateGreaterThanEquals": {"aws:CurrentTime": "nonsense"}}, False),
        ({"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "10.0.0.0/8"]}}, True),
        ({"IpAddress": {"aws:SourceIp": "10.1.0.1/32"}}, False),
        ({"NotIpAddress": {"aws:SourceIp": ["192.0.2.0/24", "10.0.0.0/8"]}}, False),
        ({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, True),
        ({"Null": {"absent:key": "true"}}, True),
        ({"Null": {"redshift:DbName": "true"}}, False),
        ({"StringEquals": {"redshift:DbName": "dev"}, "Bool": {"aws:SecureTransport": "true"}}, False),
        ({"ForAllValues:StringEquals": {"absent:key": "x"}}, True),
        ({"ForAnyValue:StringEquals": {"redshift:DbName": ["dev"]}}, True),
    ],
)
def test_conditions(condition: dict[str, Any], expected: bool) -> None:
    context = {"redshift__dbname": "dev", "redshift__durationseconds": "900", "aws__securetransport": "false", "aws__currenttime": "2026-11-26T10:00:00Z", "aws__sourceip": "10.2.3.4"}
    assert allowed(allow(Condition=condition), **context) is expected


@pytest.mark.parametrize(("name", "expected"), [("ann", True), ("bob", False), ("*", False), ("an?", False), (None, False)])
def test_variables_are_taken_literally(name: str | None, expected: bool) -> None:
    context = {} if name is None else {"aws__username": name}
    statement = allow(resource="arn:aws:redshift:*:*:dbuser:main/${aws:username}")
    assert allowed(statement, resource=USER, **context) is expected


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"Statement": []},
        {"Statement": ["x"]},
        {"Statement": [allow()], "Principal": "*"},
        {"Statement": [{"Effect": "allow", "Action": "*", "Resource": "*"}]},
        {"Statement": [{"Effect": "Allow", "Action": "*"}]},
        {"Statement": [{"Effect": "Allow", "Action": "*", "NotAction": "*", "Resource": "*"}]},
        {"Statement": [{"Effect": "Allow", "Action": [], "Resource": "*"}]},
        {"Statement": [allow(Principal="*")]},
        {"Statement": [allow(Condition={"BinaryEquals": {"aws:CurrentTime": "x"}})]},
        {"Statement": [allow(Condition={"StringEquals": "x"})]},
        {"Statement": [allow(Condition=[])]},
    ],
)
def test_what_is_not_understood_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(PolicyError):
        read_policy("p", document)


def test_managed_policies_can_be_read() -> None:
    for name, document in MANAGED.items():
        assert read_policy(name, document).statements
