"""Rules of pg_hba.conf's form. PostgreSQL, "The pg_hba.conf File"."""

import pytest

from auth.hba import METHOD_NAMES, find, read_rules
from auth.methods import METHODS
from core.errors import SqlError
from core.sqlstate import SqlState

LINES = """
# TYPE     DATABASE  USER        ADDRESS         METHOD
hostnossl  all       all         10.9.0.0/16     reject
host       dev,test  alice,bob   10.0.0.0/8      md5
host       all       "awsuser"   ::1             password   # the administrator
hostssl    all       all         all             scram-sha-256
""".splitlines()


@pytest.mark.parametrize(
    ("peer", "user", "database", "encrypted", "method"),
    [
        ("10.9.1.1", "alice", "dev", False, "reject"),
        ("10.9.1.1", "alice", "dev", True, "md5"),
        ("10.1.1.1", "bob", "test", False, "md5"),
        ("::ffff:10.1.1.1", "bob", "test", False, "md5"),
        ("10.1.1.1", "bob", "prod", False, None),
        ("10.1.1.1", "carol", "dev", False, None),
        ("10.1.1.1", "carol", "dev", True, "scram-sha-256"),
        ("11.1.1.1", "alice", "dev", True, "scram-sha-256"),
        ("::1", "awsuser", "dev", False, "password"),
        ("::2", "awsuser", "dev", False, None),
        ("", "awsuser", "dev", True, "scram-sha-256"),
    ],
)
def test_the_first_rule_that_fits(peer: str, user: str, database: str, encrypted: bool, method: str | None) -> None:
    rule = find(read_rules(LINES), peer=peer, user=user, database=database, encrypted=encrypted)
    assert (rule and rule.method) == method


@pytest.mark.parametrize(
    "line",
    [
        "host all all all",
        "host all all all auto more",
        "local all all all auto",
        "host all all all trust",
        "host all all 10.0.0.0/33 auto",
        "host all all 10.0.0.1/8 auto",
        "host all all example.com auto",
        "host all +admins all auto",
        "host all a,,b all auto",
    ],
)
def test_unreadable_rules(line: str) -> None:
    with pytest.raises(SqlError, match="authentication rule 2: ") as caught:
        read_rules(["host all all all auto", line])
    assert caught.value.state is SqlState.CONFIG_FILE_ERROR


def test_names_of_methods() -> None:
    assert set(METHOD_NAMES) == set(METHODS)
