"""Snapshots by the schedule go on after whatever went wrong with one."""

import asyncio
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from core.clock import SystemClock
from core.errors import SqlError
from core.sqlstate import SqlState
from session.snapshots import Origin, Places, Schedule, SnapshotKeeper
from storage.database import Database, LakeLocation, Resources
from storage.objects import LocalStore
from storage.snapshots import Place, Snapshots


def _keeper(database: Database, folder: Path) -> SnapshotKeeper:
    data, kept = Place(LocalStore((str(folder),)), str(folder / "data")), Place(LocalStore((str(folder),)), str(folder / "kept"))
    schedule = Schedule(every=timedelta(hours=8), changed_bytes=0, kept=timedelta(days=1), look_s=0.05)
    places = Places(data, Snapshots(kept), lambda _: (), folder)
    return SnapshotKeeper(database, places, schedule, SystemClock(), Origin(cluster="duckshift"))


def test_one_that_failed_is_not_the_last(tmp_path: Path) -> None:
    database = Database(LakeLocation(folder=tmp_path / "data"), Resources(threads=1))
    asked = 0

    async def settled() -> None:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise duckdb.IOException("the lake's catalogue is away")

    async def story() -> list[str]:
        keeper = _keeper(database, tmp_path)
        keeper.settled = settled
        keeper.start()
        async with asyncio.timeout(60):
            while not (found := await keeper.all()):
                await asyncio.sleep(0.05)
        await keeper.close()
        return [each.name for each in found]

    [name] = asyncio.run(story())
    assert name.startswith("rs-duckshift-") and asked >= 3
    database.close()


@pytest.mark.parametrize("written", ["", "{", "[]", '{"version": 1}', '{"version": 1, "catalog": {}, "files": [1]}'])
def test_a_damaged_manifest_is_named(tmp_path: Path, written: str) -> None:
    manifest = tmp_path / "kept" / "snapshots" / "first" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(written)
    with pytest.raises(SqlError, match=r"snapshots/first/manifest\.json") as refused:
        Snapshots(Place(LocalStore((str(tmp_path),)), str(tmp_path / "kept"))).all()
    assert refused.value.state is SqlState.IO_ERROR
