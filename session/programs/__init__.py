"""Stored procedures at work: CALL, and what the statements of PL/pgSQL do.

``call`` finds the procedure and begins; ``frame`` is one call's state, ``control``, ``commands`` and ``cursors`` are
what the statements do, ``transactions`` what COMMIT, errors and NONATOMIC mean. docs/decisions/0012-plpgsql.md.
"""
