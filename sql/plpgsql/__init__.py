"""PL/pgSQL: the bodies of stored procedures, read into a tree. Running it is ``session.programs``.

Redshift, "PL/pgSQL language reference". Expressions and SQL statements stay text with their places.
"""
