"""COPY and UNLOAD over DuckDB's readers, and where those do not do, over our own.

``plan`` holds the values that say what is wanted; ``copy`` and ``unload`` carry it out on a connection that
is handed in. ``direct`` is the fast way in, ``careful`` the one that knows which line was bad.
"""
