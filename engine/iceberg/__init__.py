"""Apache Iceberg tables: their metadata, their files, and how both are changed.

Apache Iceberg, "Iceberg Table Spec".
"""
