"""Text to text: Redshift SQL is read, understood and written for the engine. Pure; the only importer of sqlglot."""
