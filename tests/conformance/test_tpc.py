"""TPC-H's 22 and TPC-DS's 99 queries give DuckDB's own answers."""

from collections.abc import Iterator

import pytest

from tests.support.tpc import Benchmark, benchmark


@pytest.fixture(scope="module")
def tpch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Benchmark]:
    with benchmark("tpch", tmp_path_factory.mktemp("tpch")) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def tpcds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Benchmark]:
    with benchmark("tpcds", tmp_path_factory.mktemp("tpcds")) as loaded:
        yield loaded


@pytest.mark.parametrize("number", range(1, 23))
def test_tpch(tpch: Benchmark, number: int) -> None:
    assert not tpch.difference(number)


@pytest.mark.parametrize("number", range(1, 100))
def test_tpcds(tpcds: Benchmark, number: int) -> None:
    assert not tpcds.difference(number)
