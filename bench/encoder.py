"""How fast the result encoder alone is: lineitem at scale 1, six million rows of 16 columns, one core.

    python -m bench.encoder [--scale 1] [--runs 5]

Batches are made before the clock starts; only Arrow to bytes is timed. What the rows cost to produce and to
send is ``bench.compare``'s.
"""

import argparse
import importlib.util
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa

from core.types import Column
from engine.results import columns
from server.wire.encode import CSV, CopyTextEncoder, OutputStyle, RowEncoder

_BATCH_ROWS: Final = 10_000

Encoder = RowEncoder | CopyTextEncoder


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="TPC-H scale factor")
    parser.add_argument("--runs", type=int, default=5, help="runs of which the median counts")
    chosen = parser.parse_args(arguments)
    lineitem = _batches("SELECT * FROM lineitem", chosen.scale)
    numbers = _batches("SELECT l_orderkey FROM lineitem", chosen.scale)
    style = OutputStyle()
    for name, batches in (("lineitem", lineitem), ("one integer", numbers)):
        described = columns(batches[0].schema, [])
        encoders: dict[str, Encoder] = {
            "text": RowEncoder(described, (0,), style),
            "binary": RowEncoder(described, (1,), style),
            "CSV": CopyTextEncoder(described, style, CSV),
        }
        for form, encoder in encoders.items():
            _report(f"{name}, {form}", encoder, (batches, described), chosen.runs)
    return 0


def _batches(query: str, scale: float) -> list[pa.RecordBatch]:
    connection = duckdb.connect()
    _load_tpch(connection)
    connection.execute("CALL dbgen(sf = ?)", [scale])
    return list(connection.execute(query).to_arrow_reader(_BATCH_ROWS))


def _load_tpch(connection: duckdb.DuckDBPyConnection) -> None:
    found = importlib.util.find_spec("duckdb_extension_tpch")
    if found is None or found.origin is None:
        raise SystemExit("bench: the package duckdb-extension-tpch is not installed")
    folder = Path(found.origin).parent
    connection.execute(f"LOAD '{next(folder.rglob('*.duckdb_extension'))}'")


def _report(title: str, encoder: Encoder, what: tuple[list[pa.RecordBatch], tuple[Column, ...]], runs: int) -> None:
    batches, described = what
    rows = sum(batch.num_rows for batch in batches)
    seconds, written = [], 0
    for _ in range(runs):
        start = time.process_time()
        written = sum(len(piece) for batch in batches for piece in encoder.pieces(batch))
        seconds.append(time.process_time() - start)
    median = statistics.median(seconds)
    sys.stdout.write(
        f"{title:24} {rows / median / 1e6:7.2f} M rows/s {median * 1e9 / rows / len(described):6.1f} ns a value "
        f"{written / 1e6:8.1f} MB {written / median / 1e9:5.2f} GB/s\n"
    )


if __name__ == "__main__":
    sys.exit(main())
