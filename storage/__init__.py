"""Files and their history: DuckDB with the lake attached, the metadata log, object stores.

May import ``core``; is imported by ``catalog``-level code only through values, and by ``engine``,
``session`` and ``server`` directly.
"""
