"""A statement that would spill more than it may fails alone."""

from pathlib import Path

import psycopg
import pytest

from tests.support.server import Server

_MORE = "CREATE TABLE sorted AS SELECT md5(g::varchar) AS word FROM generate_series(1, {}) AS g ORDER BY word"
_SIZES = {"DUCKSHIFT_ENGINE_MEMORY_LIMIT": "200MB", "DUCKSHIFT_ENGINE_TEMP_LIMIT": "32MB"}


@pytest.mark.fault("more rows than may be spilled")
def test_what_would_spill_too_much_fails_and_all_goes_on(tmp_path: Path) -> None:
    with (
        Server(tmp_path / "data", environment=_SIZES) as server,
        psycopg.connect(server.dsn, autocommit=True) as connection,
    ):
        connection.execute("CREATE TABLE kept AS SELECT g AS n FROM generate_series(1, 1000) AS g")
        for _ in range(2):
            with pytest.raises(psycopg.errors.DiskFull, match="Disk Full"):
                connection.execute(_MORE.format(3_000_000).encode())
            assert connection.execute("SELECT sum(n) FROM kept").fetchone() == (500_500,)
        assert sum(file.stat().st_size for file in (tmp_path / "data" / "tmp").iterdir()) <= 32_000_000
        connection.execute(_MORE.format(10_000).encode())
        assert connection.execute("SELECT count(*) FROM sorted").fetchone() == (10_000,)
