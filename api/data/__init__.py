"""The Data API, ``redshift-data``."""
