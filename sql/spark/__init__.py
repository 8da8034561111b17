"""Engine SQL in, Spark SQL out, for those queries that mean the same in both.

Decision 38. What has no row in the tables here is not written: the query then stays with DuckDB.
"""
