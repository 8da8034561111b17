"""Files of a commit that DuckLake has deleted are brought back, from their second name or an older version."""

from pathlib import Path

from core.clock import SystemClock
from storage.database import S3Access
from storage.kept import KeptFiles
from tests.support import s3


def _table(data: Path, *names: str) -> Path:
    folder = data / "dev.public" / "t"
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text(name)
    return folder


def test_a_folder(tmp_path: Path) -> None:
    kept, folder = KeptFiles(str(tmp_path), S3Access(), SystemClock()), _table(tmp_path, "new.parquet")
    for folders, name in ((["dev.public/t/"], "a:1"), (None, "a:2")):
        kept.keep(name, folders, 1)
        (folder / "new.parquet").unlink()
        assert kept.left(-60) == [name]
        kept.restore(name, ["dev.public/t/new.parquet"])
        assert (folder / "new.parquet").read_text() == "new.parquet"
        assert kept.left(-60) == []
    kept.keep("a:3", None, 1)
    (folder / "new.parquet").unlink()
    kept.forget("a:3")
    kept.restore("a:3", ["dev.public/t/new.parquet"])
    assert not (folder / "new.parquet").exists()


def test_a_bucket_with_versions() -> None:
    with s3.endpoint("lake") as store:
        store.client.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
        kept = KeptFiles("s3://lake/house", store.access(), SystemClock())
        for key in ("house/a.parquet", "house/b.parquet"):
            store.client.put_object(Bucket="lake", Key=key, Body=key.encode())
        kept.keep("a:1", None, 1)
        store.client.delete_object(Bucket="lake", Key="house/a.parquet")
        kept.restore("a:1", ["a.parquet", "b.parquet", "s3://lake/house/never.parquet"])
        for key in ("house/a.parquet", "house/b.parquet"):
            assert store.client.get_object(Bucket="lake", Key=key)["Body"].read() == key.encode()
