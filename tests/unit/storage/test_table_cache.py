"""What copies in the engine's own format are sorted by."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from storage import scans, table_cache
from storage.database import Database, LakeLocation, Resources
from storage.hot import HotStore
from storage.table_cache import CachedTable, CacheStore, Order, Rows, Writing

ROWS = 20_000
DAYS = 1_000
CHOSEN = Order(("day",))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = Database(LakeLocation(folder=tmp_path_factory.mktemp("lake")), Resources())
    connection = opened.cursor()
    connection.execute("CREATE SCHEMA lake.s; SET ducklake_default_data_inlining_row_limit = 0")
    # Steps of 7 days turn in a circle of 1,000: no day is near its neighbour's.
    days = f"SELECT i AS id, DATE '2020-01-01' + CAST(i * 7 % {DAYS} AS INTEGER) AS day FROM range({ROWS}) AS r(i)"
    connection.execute(f"CREATE TABLE lake.s.mixed AS {days}")
    connection.execute(
        f"CREATE TABLE lake.s.parts AS {days} WHERE i < 10000; INSERT INTO lake.s.parts {days} WHERE i >= 10000"
    )
    spread = f"SELECT i AS id, DATE '2020-01-01' + CAST(i // 100 AS INTEGER) AS day FROM range({ROWS}) AS r(i)"
    connection.execute("CALL lake.set_option('parquet_row_group_size', 2048)")
    connection.execute(f"CREATE TABLE lake.s.nearly AS {spread} ORDER BY day, -i")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_cache, "_SORTED_ROWS", ROWS // 2)


def loaded(store: CacheStore, rows: Rows) -> CachedTable | None:
    """Copy *rows* on a thread of its own: one that copies gives way to all else from then on."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(store.load, rows, Writing()).result()


@pytest.mark.parametrize(
    ("table", "order", "listed", "sorted_by"),
    [
        ("mixed", CHOSEN, True, "day"),
        ("mixed", CHOSEN, False, "day"),
        ("mixed", Order(), True, "id"),
        # One file: the lake has sorted it by the table's own key.
        ("mixed", Order(("day",), declared=True), True, "id"),
        ("parts", Order(("day",), declared=True), True, "day"),
        ("parts", Order(("day", "id"), declared=True), False, "day, id"),
        ("nearly", CHOSEN, True, "day, -id"),
    ],
)
def test_a_copy_has_the_order_that_is_wanted(
    database: Database, table: str, order: Order, listed: bool, sorted_by: str
) -> None:
    store = CacheStore(database, 1 << 30)
    paths = scans.files(database, "s", table) if listed else None
    rows = store.looked_up("s", table, paths, order)
    assert rows is not None
    copy = loaded(store, rows)
    assert copy is not None
    connection = database.cursor()
    turned = f"SELECT count(*) FROM (SELECT ({sorted_by}) < lag(({sorted_by})) OVER (ORDER BY rowid) AS back FROM {copy.name}) WHERE back"
    assert connection.execute(turned).fetchone() == (0,)
    assert connection.execute(f"FROM {copy.name} EXCEPT ALL FROM lake.s.{table}").fetchall() == []
    assert connection.execute(f"SELECT count(*) FROM {copy.name}").fetchone() == (ROWS,)
    store.drop(copy)
    store.close()


def test_a_table_of_few_rows_is_copied_as_it_is(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_cache, "_SORTED_ROWS", ROWS + 1)
    store = CacheStore(database, 1 << 30)
    rows = store.looked_up("s", "mixed", scans.files(database, "s", "mixed"), CHOSEN)
    assert rows is not None
    copy = loaded(store, rows)
    assert copy is not None
    assert database.cursor().execute(f"SELECT id FROM {copy.name} LIMIT 2").fetchall() == [(0,), (1,)]
    store.drop(copy)
    store.close()


def test_strings_without_trailing_blanks_are_known(database: Database) -> None:
    connection = database.cursor()
    connection.execute(
        "CREATE TABLE lake.s.words AS SELECT * FROM (VALUES"
        " (1, 'a', 'a ', ' ', CAST(NULL AS VARCHAR), ''), (2, NULL, 'b', 'b', NULL, ' b')) AS v(n, bare, \"pad\"\"ded\", blank, null_, empty)"
    )
    known = {'"bare"', '"null_"', '"empty"'}
    store = CacheStore(database, 1 << 30)
    small = store.load_small("s", "words")
    assert small is not None
    assert small.unpadded == known
    rows = store.looked_up("s", "words", None)
    assert rows is not None
    copy = loaded(store, rows)
    assert copy is not None
    assert copy.unpadded == known
    hot = HotStore(database, 1 << 20, lambda _: None)
    held = hot.load("s", "words", 100, 1 << 20)
    assert held is not None
    assert held.unpadded == known
    hot.close()
    store.drop(small)
    store.drop(copy)


def test_a_copy_is_compressed_where_memory_would_not_be_enough_for_all(database: Database) -> None:
    store = CacheStore(database, 1 << 30)
    connection = database.cursor()
    kinds = {}
    for used in (0, 1 << 30):
        rows = store.looked_up("s", "mixed", None, used=used)
        assert rows is not None
        copy = loaded(store, rows)
        assert copy is not None
        found = connection.execute(f"SELECT DISTINCT compression FROM pragma_storage_info('{copy.name}')").fetchall()
        kinds[used] = {kind for (kind,) in found} - {"Constant", "Empty Validity"}
        assert connection.execute(f"FROM {copy.name} EXCEPT ALL FROM lake.s.mixed").fetchall() == []
        store.drop(copy)
    assert kinds[0] == {"Uncompressed"}
    assert kinds[1 << 30] and "Uncompressed" not in kinds[1 << 30]
    store.close()
