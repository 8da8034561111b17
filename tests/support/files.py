"""Bytes of data files in the formats that tests need."""

import bz2
import gzip
import io
import json

import fastavro
import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq

_ENCODINGS = ("latin1", "utf-16", "utf-16-le", "utf-16-be")


def content(text: str, form: str) -> bytes:
    """Return *text* as a file of the format *form*.

    That is empty, an encoding, a packing (gzip, bzip2, zstd), or of rows as JSON lines: parquet, orc, avro.
    """
    if form in ("", *_ENCODINGS):
        return text.encode(form or "utf-8")
    if form in _PACKED:
        return _PACKED[form](text.encode())
    rows = [json.loads(line) for line in text.splitlines()]
    return _avro(rows) if form == "avro" else {"parquet": _parquet, "orc": _orc}[form](pa.Table.from_pylist(rows))


def _zstd(data: bytes) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as packed:
        packed.write(data)
    return out.getvalue().to_pybytes()


_PACKED = {"gzip": gzip.compress, "bzip2": bz2.compress, "zstd": _zstd}


def _avro(rows: list[dict[str, object]]) -> bytes:
    """Return rows of strings and whole numbers, any of which may be null, as an Avro file."""
    kinds = {name: "long" if any(isinstance(row[name], int) for row in rows) else "string" for name in rows[0]}
    fields = [{"name": name, "type": ["null", kind]} for name, kind in kinds.items()]
    out = io.BytesIO()
    fastavro.writer(out, {"type": "record", "name": "row", "fields": fields}, rows)
    return out.getvalue()


def _parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def _orc(table: pa.Table) -> bytes:
    out = io.BytesIO()
    orc.write_table(table, out)
    return out.getvalue()
