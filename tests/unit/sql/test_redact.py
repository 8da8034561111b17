"""No secret of a statement reaches a log."""

import pytest

from sql.redact import redacted

CASES = [
    ("create user u password 'Secret1'", "create user u password '***'"),
    (
        "CREATE USER u WITH PASSWORD /* x */\n  'Sec''ret1' CREATEDB",
        "CREATE USER u WITH PASSWORD /* x */\n  '***' CREATEDB",
    ),
    ("alter user u password 'md5abc'; select 'kept'", "alter user u password '***'; select 'kept'"),
    ("alter user u password $x$secret$x$", "alter user u password '***'"),
    ("creat user u password 'Secret1'", "creat user u password '***'"),
    (
        "copy t from 's3://b' credentials as 'aws_access_key_id=A;aws_secret_access_key=B' gzip",
        "copy t from 's3://b' credentials as '***' gzip",
    ),
    (
        "copy t from 's3://b' access_key_id 'A' secret_access_key 'B' session_token 'C' delimiter '|'",
        "copy t from 's3://b' access_key_id '***' secret_access_key '***' session_token '***' delimiter '|'",
    ),
    (
        "unload ('select 1') to 's3://b' with credentials 'aws_iam_role=x' master_symmetric_key 'k'",
        "unload ('select 1') to 's3://b' with credentials '***' master_symmetric_key '***'",
    ),
    ("copy t from 's3://b' iam_role 'arn:aws:iam::1:role/r'", "copy t from 's3://b' iam_role 'arn:aws:iam::1:role/r'"),
    ("select * from t where token = 'a' and password = 'b'", "select * from t where token = 'a' and password = 'b'"),
    ("select 1; create user u password 'x'", "select 1; create user u password '***'"),
    ("create user u password 'unfinished", "create user u password '***'"),
    ("create user u password 'a' valid until 'unfinished", "create user u password '***' valid until '***'"),
    ("select 1", "select 1"),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_redacted(text, expected):
    assert redacted(text) == expected
