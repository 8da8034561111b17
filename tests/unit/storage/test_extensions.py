"""Extensions out of their packages."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from storage import extensions


def test_an_extension_is_loaded_from_its_package_and_copied_nowhere(tmp_path: Path) -> None:
    connection = duckdb.connect(config={"extension_directory": str(tmp_path)})
    extensions.load(connection, "httpfs")
    found = connection.execute("SELECT loaded FROM duckdb_extensions() WHERE extension_name = 'httpfs'").fetchall()
    assert found == [(True,)]
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_not_installed() -> None:
    assert not extensions.is_there("nosuch")
    with pytest.raises(ImportError, match="duckdb-extension-nosuch"):
        extensions.load(duckdb.connect(), "nosuch")


def test_what_few_servers_need_is_not_imported_at_the_start() -> None:
    command = "import sys, server.app; print(*sorted(set(sys.modules) & {'boto3', 'botocore.client', 'urllib3'}))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""
