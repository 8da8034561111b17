"""One client's conversation, transport unknown: statements, transactions, settings, portals.

The only place where ``sql``, ``catalog``, ``auth`` and ``engine`` meet. Must not import ``server``.
"""
