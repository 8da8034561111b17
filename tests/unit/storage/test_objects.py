
"""Object stores: prefixes, what an administrator allows, and DuckDB reading through pre-signed addresses."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from core.errors import SqlError
from core.sqlstate import SqlState
from storage import extensions
from storage.aws import service_client
from storage.database import S3Access
from storage.objects import Keys, LocalStore, Role, S3Store, StoreAccess
from tests.support import s3


@pytest.fixture(scope="module")
def endpoint() -> Iterator[s3.Endpoint]:
    with s3.endpoint("sales", "sales-secret") as running:
        running.client.put_object(Bucket="sales", Key="2008/a b+c=1.csv", Body=b"1|x\n")
        running.client.put_object(Bucket="sales", Key="2008/d*?.csv", Body=b"2|y\n")
        running.client.put_object(Bucket="sales-secret", Key="x", Body=b"3|z\n")
        yield running


def test_s3_lists_by_key_prefix(endpoint: s3.Endpoint) -> None:
    store = S3Store(endpoint.access())
    assert [item.location for item in store.list("s3://sales/2008/a")] == ["s3://sales/2008/a b+c=1.csv"]
    assert [item.size_bytes for item in store.list("s3://sales/20")] == [4, 4]
    assert store.list("s3://sales/2009") == []


def test_s3_reads_writes_deletes(endpoint: s3.Endpoint, tmp_path: Path) -> None:
    store = S3Store(endpoint.access())
    (tmp_path / "f").write_bytes(b"hello")
    store.write("s3://sales/new", tmp_path / "f")
    with store.read("s3://sales/new") as stream:
        assert stream.read() == b"hello"
    assert store.size("s3://sales/new") == 5
    store.delete("s3://sales/new")
    assert store.size("s3://sales/new") is None


def test_duckdb_reads_any_key_without_a_secret(endpoint: s3.Endpoint, tmp_path: Path) -> None:
    store = S3Store(endpoint.access())
    paths = [store.engine_path(item.location) for item in store.list("s3://sales/2008/")]
    database = duckdb.connect(":memory:", config={"extension_directory": str(tmp_path)})
    extensions.load(database, "httpfs")
    rows = database.execute(
        "SELECT * FROM read_csv($1, columns={'a': 'INTEGER', 'b': 'VARCHAR'}, delim='|', auto_detect=false) ORDER BY a", [paths]
    ).fetchall()
    assert rows == [(1, "x"), (2, "y")]
    assert not any(s3.SECRET in path for path in paths)
    assert database.execute("SELECT count(*) FROM duckdb_secrets()").fetchone() == (0,)
    database.close()


def test_a_role_opens_its_prefixes_only(endpoint: s3.Endpoint) -> None:
    role = Role(arn="arn:aws:iam::1:role/r", access=endpoint.access(), prefixes=("s3://sales",))
    access = StoreAccess(roles={role.arn: role, "default": role})
    assert len(access.store("s3://sales/2008", role=role.arn).list("s3://sales/2008")) == 2
    for name in (role.arn, "default", f"arn:aws:iam::1:role/first,{role.arn}"):
        with pytest.raises(SqlError, match="does not allow access") as caught:
            access.store("s3://sales-secret/x", role=name).read("s3://sales-secret/x")
        assert caught.value.state is SqlState.INSUFFICIENT_PRIVILEGE


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(SqlError, match="Not authorized to assume IAM Role arn:x"):
        StoreAccess().store("s3://b/k", role="arn:x")


@pytest.mark.parametrize("keys", [None, Keys(access_key_id="", secret_access_key="")])
def test_s3_needs_credentials_of_its_own(keys: Keys | None) -> None:
    with pytest.raises(SqlError, match="credentials are required"):
        StoreAccess().store("s3://b/k", keys=keys)


def test_a_missing_bucket_is_told_as_redshift_does(endpoint: s3.Endpoint) -> None:
    with pytest.raises(SqlError, match=r"^S3ServiceException:.*,Status 404,Error NoSuchBucket$"):
        S3Store(endpoint.access()).list("s3://no-such-bucket/x")


def test_an_endpoint_out_of_reach() -> None:
    access = S3Access(access_key_id="a", secret_access_key="b", endpoint="127.0.0.1:1", use_ssl=False)
    with pytest.raises(SqlError, match="cannot be reached"):
        S3Store(access).size("s3://bucket/x")


def test_local_folders_are_closed_unless_allowed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "in-not"
    inside.mkdir()
    outside.mkdir()
    (inside / "data.1").write_bytes(b"1")
    (outside / "secret").write_bytes(b"2")
    (inside / "data.link").symlink_to(outside / "secret")
    store = LocalStore((str(inside),))
    assert [item.location for item in store.list(f"{inside}/data")] == [f"{inside}/data.1"]
    assert [item.location for item in store.list(f"file://{inside}/data")] == [f"{inside}/data.1"]
    for path in (f"{outside}/secret", f"{inside}/../in-not/secret", f"{inside}/data.link", "data.1", "/etc/passwd"):
        with pytest.raises(SqlError, match="is not allowed") as caught:
            store.read(path)
        assert caught.value.state is SqlState.INSUFFICIENT_PRIVILEGE
    with pytest.raises(SqlError, match="is not allowed"):
        LocalStore(()).list("/")


def test_glob_characters_of_a_local_file_are_itself(tmp_path: Path) -> None:
    (tmp_path / "a*[b]?.csv").write_bytes(b"1\n")
    (tmp_path / "aXb.csv").write_bytes(b"2\n")
    store = LocalStore((str(tmp_path),))
    path = store.engine_path(f"{tmp_path}/a*[b]?.csv")
    rows = duckdb.connect(":memory:").execute("SELECT * FROM read_csv($1, header=false)", [path]).fetchall()
    assert rows == [(1,)]


def test_a_file_written_anew_within_a_second_is_read_anew(tmp_path: Path) -> None:
    database, writer = duckdb.connect(":memory:"), duckdb.connect(":memory:")
    database.execute("SET GLOBAL parquet_metadata_cache = true")
    store = LocalStore((str(tmp_path),))
    for number in range(30):
        writer.execute(f"COPY (SELECT {number % 7} AS a FROM range({number % 3 + 1})) TO '{tmp_path}/f' (FORMAT parquet)")
        rows = database.execute("SELECT * FROM read_parquet($1)", [store.engine_path(f"{tmp_path}/f")]).fetchall()
        assert rows == [(number % 7,)] * (number % 3 + 1)
    link = store.engine_path(f"{tmp_path}/f")
    del store
    assert not Path(link).exists()


def test_other_services_have_addresses_of_their_own() -> None:
    access = S3Access(access_key_id="a", secret_access_key="b", endpoint="127.0.0.1:1", services=("glue=http://127.0.0.1:2",))
    assert service_client(access, "glue").meta.endpoint_url == "http://127.0.0.1:2"
    assert service_client(access, "dynamodb").meta.endpoint_url.endswith(".amazonaws.com")
