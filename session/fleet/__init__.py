"""Many servers on one lake: what each must know of the others, and what only one of them may do at a time.

PostgreSQL, which holds the lake's catalogue, is where they agree (``storage.coordination``).
"""
