"""The log of catalogue documents: it holds nothing open that others need."""

from pathlib import Path

from storage import changes, expiry
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


def test_history_goes_while_others_write(tmp_path: Path) -> None:
    database = Database(LakeLocation(folder=tmp_path / "data", inline_row_limit=1000), Resources(threads=1))
    try:
        store, writer, other = Metastore(database.cursor()), database.cursor(), database.cursor()
        for number in range(6):
            writer.execute("BEGIN")
            store.append(writer, [Entry("table", oid, f"{{{number}}}") for oid in range(300)])
            writer.execute("COMMIT")
        kept, seen = changes.newest_snapshot(database), store.change
        store.append(writer, [Entry("table", 5, None)])
        living = store.load()
        assert expiry.prune(database, *store.place) == 0
        writer.execute(expiry.expire(expiry.old(database, kept)))
        # Who has begun to write before is in nobody's way.
        other.execute("BEGIN")
        store.append(other, [Entry("table", 7, "{9}")])
        assert expiry.prune(database, *store.place) == 5 * 300
        other.execute("COMMIT")
        assert store.load() == [Entry("table", 7, "{9}") if entry.oid == 7 else entry for entry in living]
        # What was the newest in the oldest version is there for that.
        now = changes.newest_snapshot(database)
        assert store.since(0, kept)[0] == [Entry("table", oid, "{5}") for oid in range(300)]
        assert store.since(seen, now)[0] == [Entry("table", 5, None), Entry("table", 7, "{9}")]
        assert store.highest_oid() == 299
        assert Metastore(database.cursor()).load() == store.load()
    finally:
        database.close()
