"""Bytes of data files in the formats that tests need."""

import gzip
import io
import json

import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq


def content(text: str, form: str) -> bytes:
    """Return *text* as a file of the format *form*: empty, latin1, gzip, or of rows as JSON lines: parquet, orc."""
    if form in ("", "latin1"):
        return text.encode(form or "utf-8")
    if form == "gzip":
        return gzip.compress(text.encode())
    rows = [json.loads(line) for line in text.splitlines()]
    return {"parquet": _parquet, "orc": _orc}[form](pa.Table.from_pylist(rows))


def _parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def _orc(table: pa.Table) -> bytes:
    out = io.BytesIO()
    orc.write_table(table, out)
    return out.getvalue()
