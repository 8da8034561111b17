"""IAM roles as AWS has them: assumed at the Security Token Service, with policies and with a trust policy.

moto's server checks signatures and policies once it is told to, so that what it refuses is refused as S3 would.
"""

import json
from collections.abc import Iterator

import boto3
import psycopg
import pytest
from moto.core.authorization import enable_iam_authentication
from moto.sts.models import sts_backends

from tests.support import s3
from tests.support.server import Server

ACCOUNT = "123456789012"
LOADER = f"arn:aws:iam::{ACCOUNT}:role/loader"
READER = f"arn:aws:iam::{ACCOUNT}:role/reader"
ANNS = f"arn:aws:iam::{ACCOUNT}:role/anns"
CONFIGURATION = """
[roles."{loader}"]
endpoint = "{address}"
access_key_id = "{own_key}"
secret_access_key = "{own_secret}"
services = ["sts={address}"]
assume = true

[roles."{reader}"]
endpoint = "{address}"
access_key_id = "{key}"
secret_access_key = "{secret}"
policies = ["ReadSales"]

[roles."{anns}"]
endpoint = "{address}"
access_key_id = "{key}"
secret_access_key = "{secret}"
trust = ["AnnOnly"]

[[policies.ReadSales.Statement]]
Effect = "Allow"
Action = "s3:GetObject"
Resource = "arn:aws:s3:::tickets/sales/*"
[[policies.ReadSales.Statement]]
Effect = "Allow"
Action = "s3:ListBucket"
Resource = "arn:aws:s3:::tickets"
Condition = {{ StringLike = {{ "s3:prefix" = "sales/*" }} }}
[[policies.ReadSales.Statement]]
Effect = "Deny"
Action = "s3:GetObject"
Resource = "arn:aws:s3:::tickets/sales/secret*"

[[policies.AnnOnly.Statement]]
Effect = "Allow"
Action = "sts:AssumeRole"
Resource = "*"
Condition = {{ StringEquals = {{ "sts:ExternalId" = "arn:aws:redshift:us-east-1:{account}:dbuser:duckshift/ann" }} }}
"""


@pytest.fixture(scope="module")
def place() -> Iterator[s3.Endpoint]:
    with s3.endpoint("tickets") as running:
        for key in ("sales/a.csv", "sales/secret.csv", "events/a.csv"):
            running.client.put_object(Bucket="tickets", Key=key, Body=b"1,x\n2,y\n")
        yield running


@pytest.fixture(scope="module")
def cluster(place: s3.Endpoint) -> dict[str, str]:
    """Return the keys of an IAM user that may do nothing but assume the loader, which may read sales."""
    client = boto3.client(
        "iam", endpoint_url=f"http://{place.address}", region_name="us-east-1",
        aws_access_key_id=s3.KEY_ID, aws_secret_access_key=s3.SECRET,
    )  # fmt: skip
    client.create_user(UserName="cluster")
    client.put_user_policy(
        UserName="cluster", PolicyName="p", PolicyDocument=policy("sts:AssumeRole", LOADER)
    )
    client.create_role(RoleName="loader", AssumeRolePolicyDocument=policy("sts:AssumeRole", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:user/cluster"}))
    client.put_role_policy(
        RoleName="loader", PolicyName="p",
        PolicyDocument=policy(["s3:GetObject", "s3:ListBucket"], ["arn:aws:s3:::tickets", "arn:aws:s3:::tickets/sales/*"]),
    )  # fmt: skip
    made: dict[str, str] = client.create_access_key(UserName="cluster")["AccessKey"]
    return made


def policy(action: object, resource: object = None, **more: object) -> str:
    """Return a document with one statement."""
    statement = {"Effect": "Allow", "Action": action, **({"Resource": resource} if resource else {}), **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, place: s3.Endpoint, cluster: dict[str, str]
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("roles")
    configuration = folder / "duckshift.toml"
    configuration.write_text(
        CONFIGURATION.format(
            loader=LOADER, reader=READER, anns=ANNS, address=f"http://{place.address}", account=ACCOUNT,
            key=s3.KEY_ID, secret=s3.SECRET, own_key=cluster["AccessKeyId"], own_secret=cluster["SecretAccessKey"],
        )
    )  # fmt: skip
    environment = {"DUCKSHIFT_API_ACCOUNT": ACCOUNT, "DUCKSHIFT_API_CLUSTER": "duckshift"}
    with Server(folder / "data", arguments=("--config", str(configuration)), environment=environment) as running:
        with psycopg.connect(running.dsn, autocommit=True) as connection:
            connection.execute("CREATE TABLE t (a INT, b VARCHAR(9))")
            connection.execute("GRANT ALL ON t TO PUBLIC")
            for user in ("ann", "bob"):
                connection.execute(f"CREATE USER {user} PASSWORD 'Ticket5ales'")
        yield running


def copied(server: Server, role: str, location: str, user: str = "awsuser") -> int:
    """Return how many rows COPY loads."""
    with psycopg.connect(server.dsn, user=user) as connection:
        connection.execute(f"COPY t FROM 's3://tickets/{location}' IAM_ROLE '{role}' CSV")
        row = connection.execute("SELECT count(*) FROM t").fetchone()
        connection.rollback()
    assert row is not None
    return int(row[0])


def test_an_assumed_role(server: Server) -> None:
    with enable_iam_authentication():
        assert copied(server, LOADER, "sales/a") == 2
        assert copied(server, LOADER, "sales/a") == 2
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="AccessDenied"):
            copied(server, LOADER, "events/a")
    asked = sts_backends[ACCOUNT]["global"].assumed_roles
    # Once: credentials are kept until they end. The user is told as Redshift tells it.
    assert [(one.role_arn, one.external_id) for one in asked] == [
        (LOADER, f"arn:aws:redshift:us-east-1:{ACCOUNT}:dbuser:duckshift/awsuser")
    ]


def test_policies_of_the_configuration(server: Server) -> None:
    assert copied(server, READER, "sales/a") == 2
    for location in ("sales/secret", "events/a", ""):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="Access Denied"):
            copied(server, READER, location)
    denied = pytest.raises(psycopg.errors.InsufficientPrivilege, match="Access Denied")
    with psycopg.connect(server.dsn) as connection, denied:
        connection.execute(f"UNLOAD ('SELECT 1') TO 's3://tickets/sales/out' IAM_ROLE '{READER}'")


def test_a_trust_policy_tells_users_apart(server: Server) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(f"GRANT ASSUMEROLE ON '{ANNS}' TO PUBLIC FOR ALL")
    assert copied(server, ANNS, "sales/a", "ann") == 2
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="Not authorized to assume IAM Role"):
        copied(server, ANNS, "sales/a", "bob")
