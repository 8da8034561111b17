"""The log of catalogue documents: it holds nothing open that others need."""

from pathlib import Path

from storage.database import LAKE, Database, LakeLocation, Resources
from storage.metastore import Entry, Metastore


def test_it_does_not_keep_the_catalogue_from_its_checkpoints(tmp_path: Path) -> None:
    database = Database(LakeLocation(folder=tmp_path / "data"), Resources(threads=1))
    try:
        store = Metastore(database.cursor())
        store.compact()
        assert store.load() == []
        assert store.highest_oid() == 0
        writer = database.cursor()
        writer.execute("BEGIN")
        writer.execute(f"CREATE TABLE {LAKE}.t (x INTEGER)")
        store.append(writer, [Entry("table", 7, "{}")])
        writer.execute("COMMIT")
        # Refused as long as a transaction is open that began before.
        database.cursor().execute(f'CHECKPOINT "__ducklake_metadata_{LAKE}"')
        assert store.highest_oid() == 7
        assert store.load() == [Entry("table", 7, "{}")]
    finally:
        database.close()
