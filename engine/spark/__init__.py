"""The second engine: a cluster that speaks Spark Connect, which runs queries larger than this machine.

Decision 38. Spark SQL is written by ``sql.spark``, the tables' files are found by ``storage.handover``, and which
statements go there is ``session.spark``'s business.
"""
