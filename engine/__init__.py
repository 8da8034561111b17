"""Runs engine SQL on DuckDB: worker threads, connections, streams, results, loads.

Decides nothing about who may do what or what a statement means. Imports ``storage`` and ``core``.
"""
