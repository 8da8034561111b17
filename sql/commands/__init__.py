"""Commands: one frozen dataclass each, beside the function that reads it from tokens.

``sql.parse`` dispatches by a statement's first words. Names are folded tuples of one to three parts;
queries and expressions inside commands stay text (``sql.statement.Fragment``), for ``sql.translate``.
"""
